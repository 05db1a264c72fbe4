import type { LogHardState, LogPosition } from './types.ts';

/** Entries [first, last] of a replica that stand in one segment. */
interface Run {
  readonly segment: number;
  readonly first: number;
  last: number;
  bytes: number;
}

/**
 * What is durable in the log of every replica and which segments hold it. Follows the records in the order in which they
 * become durable, in the running log and in recovery alike.
 */
export class LiveIndex {
  readonly #replicas = new Map<number, LiveReplica>();
  /** Number of live runs by segment. */
  readonly #runs = new Map<number, number>();

  replicas(): IterableIterator<[number, LiveReplica]> {
    return this.#replicas.entries();
  }

  get size(): number {
    return this.#replicas.size;
  }

  get(replica: number): LiveReplica | undefined {
    return this.#replicas.get(replica);
  }

  ensure(replica: number): LiveReplica {
    let live = this.#replicas.get(replica);
    if (!live) {
      live = new LiveReplica(this.#runs);
      this.#replicas.set(replica, live);
    }
    return live;
  }

  remove(replica: number): void {
    this.#replicas.get(replica)?.reset({ index: 0, term: 0 });
    this.#replicas.delete(replica);
  }

  /** Whether a segment holds entries that are still needed. */
  holds(segment: number): boolean {
    return (this.#runs.get(segment) ?? 0) > 0;
  }

  /** The replicas with entries in the segment that are still needed. */
  pinning(segment: number): number[] {
    const pinning: number[] = [];
    for (const [replica, live] of this.#replicas) {
      if (live.oldestSegment === segment) pinning.push(replica);
    }
    return pinning;
  }
}

/** Invariant: the runs are contiguous and start after `compacted`, except behind a gap that recovery checks. */
export class LiveReplica {
  hardState: LogHardState = { term: 0, vote: 0, commit: 0 };
  compacted: LogPosition = { index: 0, term: 0 };
  readonly #counts: Map<number, number>;
  #runs: Run[] = [];

  constructor(counts: Map<number, number>) {
    this.#counts = counts;
  }

  get last(): number {
    return this.#runs.at(-1)?.last ?? this.compacted.index;
  }

  get oldestSegment(): number | undefined {
    return this.#runs[0]?.segment;
  }

  get bytes(): number {
    let bytes = 0;
    for (const run of this.#runs) bytes += run.bytes;
    return bytes;
  }

  /** Entries [first, last] became durable in `segment` and replace everything from `first` on. */
  append(segment: number, first: number, last: number, bytes: number): void {
    this.#truncate(first);
    const newest = this.#runs.at(-1);
    if (newest && newest.segment === segment && newest.last + 1 === first) {
      newest.last = last;
      newest.bytes += bytes;
      return;
    }
    this.#runs.push({ segment, first, last, bytes });
    this.#counts.set(segment, (this.#counts.get(segment) ?? 0) + 1);
  }

  reset(position: LogPosition): void {
    this.#truncate(0);
    this.compacted = position;
  }

  /** Ignored when the log was trimmed that far already. */
  trim(position: LogPosition): void {
    if (position.index <= this.compacted.index) return;
    this.compacted = position;
    let oldest = this.#runs[0];
    while (oldest && oldest.last <= position.index) {
      this.#runs.shift();
      this.#release(oldest);
      oldest = this.#runs[0];
    }
    if (oldest && oldest.first <= position.index) {
      this.#runs[0] = part(oldest, position.index + 1, oldest.last);
    }
  }

  #truncate(first: number): void {
    let newest = this.#runs.at(-1);
    while (newest && newest.first >= first) {
      this.#runs.pop();
      this.#release(newest);
      newest = this.#runs.at(-1);
    }
    if (newest && newest.last >= first) {
      this.#runs[this.#runs.length - 1] = part(newest, newest.first, first - 1);
    }
  }

  #release(run: Run): void {
    const left = (this.#counts.get(run.segment) as number) - 1;
    if (left === 0) this.#counts.delete(run.segment);
    else this.#counts.set(run.segment, left);
  }
}

/** The bytes are spread evenly: they only tell whom to flush. */
function part(run: Run, first: number, last: number): Run {
  const share = (last - first + 1) / (run.last - run.first + 1);
  return { segment: run.segment, first, last, bytes: Math.round(run.bytes * share) };
}
