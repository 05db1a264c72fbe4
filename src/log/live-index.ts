import type { RecordPlace } from './format.ts';
import { RecordTable } from './record-table.ts';
import type { LogHardState, LogPosition } from './types.ts';

/** How much of a segment is still needed. */
interface Usage {
  records: number;
  /** Of these records, in full. */
  bytes: number;
}

/**
 * What is durable in the log of every replica and where it stands. Follows the records in the order in which they become
 * durable, in the running log and in recovery alike.
 */
export class LiveIndex {
  readonly #replicas = new Map<number, LiveReplica>();
  readonly #usage = new Map<number, Usage>();

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
      live = new LiveReplica(this.#usage);
      this.#replicas.set(replica, live);
    }
    return live;
  }

  remove(replica: number): void {
    this.#replicas.get(replica)?.reset({ index: 0, term: 0 });
    this.#replicas.delete(replica);
  }

  clear(): void {
    this.#replicas.clear();
    this.#usage.clear();
  }

  /** Whether a segment holds entries that are still needed. */
  holds(segment: number): boolean {
    return this.#usage.has(segment);
  }

  /** Of the records in the segment that are still needed. */
  bytesIn(segment: number): number {
    return this.#usage.get(segment)?.bytes ?? 0;
  }

  /** The replicas with entries in the segment that are still needed. */
  pinning(segment: number): number[] {
    const pinning: number[] = [];
    for (const [replica, live] of this.#replicas) if (live.isIn(segment)) pinning.push(replica);
    return pinning;
  }
}

export class LiveReplica {
  hardState: LogHardState = { term: 0, vote: 0, commit: 0 };
  compacted: LogPosition = { index: 0, term: 0 };
  /** The last entry's index, or that of `compacted`. */
  last = 0;
  readonly records = new RecordTable();
  readonly #usage: Map<number, Usage>;
  /** Number of records by segment. */
  readonly #segments = new Map<number, number>();

  constructor(usage: Map<number, Usage>) {
    this.#usage = usage;
  }

  termAt(index: number): number | undefined {
    const row = this.records.locate(index);
    const isThere = row < this.records.size && this.records.first(row) <= index;
    return isThere ? this.records.term(row) : undefined;
  }

  /** Of its records, in full. */
  get bytes(): number {
    let bytes = 0;
    for (let row = 0; row < this.records.size; row++) bytes += this.records.length(row);
    return bytes;
  }

  isIn(segment: number): boolean {
    return this.#segments.has(segment);
  }

  /** Entries became durable that replace everything from `first` on. */
  append(first: number, count: number, term: number, place: RecordPlace): void {
    this.#truncate(first);
    this.#insert(this.records.size, first, count, term, place);
    this.last = first + count - 1;
  }

  /** These entries stand in another place from now on, as they were, whether the older one is still there or not. */
  carry(first: number, count: number, term: number, place: RecordPlace): void {
    const last = first + count - 1;
    if (last <= this.compacted.index) return;
    const row = this.records.locate(first);
    while (row < this.records.size && this.records.first(row) <= last) this.#remove(row);
    this.#insert(row, first, count, term, place);
  }

  reset(position: LogPosition): void {
    this.#truncate(0);
    this.compacted = position;
    this.last = position.index;
  }

  /** Ignored when the log was trimmed that far already. */
  trim(position: LogPosition): void {
    const { index } = position;
    if (index <= this.compacted.index) return;
    this.compacted = position;
    this.last = Math.max(this.last, index);
    const { records } = this;
    while (records.size > 0 && records.last(0) <= index) this.#remove(0);
    if (records.size > 0 && records.first(0) <= index) {
      records.shrink(0, index + 1, records.last(0));
    }
  }

  /** The first entry of each term. */
  termStarts(): LogPosition[] {
    const starts: LogPosition[] = [];
    for (let row = 0; row < this.records.size; row++) {
      const term = this.records.term(row);
      if (starts.at(-1)?.term !== term) starts.push({ index: this.records.first(row), term });
    }
    return starts;
  }

  /** The last entry of those that stand in the segment and follow on the first of them; 0 when there is none. */
  lastIn(segment: number): number {
    if (!this.isIn(segment)) return 0;
    const { records } = this;
    let row = 0;
    while (records.segment(row) !== segment) row++;
    while (row + 1 < records.size && records.segment(row + 1) === segment) row++;
    return records.last(row);
  }

  /** The first entry after `compacted` that no record holds; undefined when all are there. */
  missing(): number | undefined {
    let next = this.compacted.index + 1;
    for (let row = 0; row < this.records.size; row++) {
      if (this.records.first(row) !== next) return next;
      next = this.records.last(row) + 1;
    }
    return next === this.last + 1 ? undefined : next;
  }

  #truncate(first: number): void {
    const { records } = this;
    while (records.size > 0 && records.first(records.size - 1) >= first) {
      this.#remove(records.size - 1);
    }
    const newest = records.size - 1;
    if (newest >= 0 && records.last(newest) >= first) {
      records.shrink(newest, records.first(newest), first - 1);
    }
  }

  #insert(row: number, first: number, count: number, term: number, place: RecordPlace): void {
    this.records.insert(row, first, count, term, place);
    const { segment, length } = place;
    this.#segments.set(segment, (this.#segments.get(segment) ?? 0) + 1);
    const usage = this.#usage.get(segment);
    if (!usage) {
      this.#usage.set(segment, { records: 1, bytes: length });
      return;
    }
    usage.records++;
    usage.bytes += length;
  }

  #remove(row: number): void {
    const segment = this.records.segment(row);
    const length = this.records.length(row);
    this.records.remove(row);
    const own = (this.#segments.get(segment) as number) - 1;
    if (own === 0) this.#segments.delete(segment);
    else this.#segments.set(segment, own);
    const usage = this.#usage.get(segment) as Usage;
    usage.bytes -= length;
    if (--usage.records === 0) this.#usage.delete(segment);
  }
}
