import type { Disk } from '../ports/index.ts';
import { BatchReader, type LogRecord } from './batch-reader.ts';
import {
  ENTRIES,
  HARD_STATE,
  parseSegmentFile,
  REMOVE,
  RESET,
  type SegmentName,
  segmentFile,
  segmentSeed,
  TRIM,
} from './format.ts';
import { LiveIndex } from './live-index.ts';
import { LogDamagedError, type LogEntry, type RecoveredReplica } from './types.ts';

/** What a directory of segments holds. */
export interface RecoveredLog {
  readonly replicas: Map<number, RecoveredReplica>;
  readonly live: LiveIndex;
  /** Segments with batches, oldest first; the last one goes on at `end`. Empty when the log is new. */
  readonly segments: readonly SegmentName[];
  readonly end: number;
  /** Of the next batch. */
  readonly sequence: number;
  /** Segments without a batch, which come after the others. */
  readonly unused: readonly SegmentName[];
}

/**
 * Reads every batch in the order of the sequence numbers. The first bad batch ends the log, unless one with a later number
 * is valid: then it was acknowledged and is damaged (L2). A batch of the expected number that stands at the start of the
 * next segment means that it did not fit into this one any more.
 *
 * Rejects with {@link LogDamagedError}.
 */
export async function recover(disk: Disk, directory: string): Promise<RecoveredLog> {
  const names: SegmentName[] = [];
  for (const file of await disk.list(directory)) {
    const name = parseSegmentFile(file);
    if (name) names.push(name);
  }
  names.sort((a, b) => a.generation - b.generation);

  const replay = new Replay();
  let sequence: number | undefined;
  let active = -1;
  let end = 0;
  for (const [index, name] of names.entries()) {
    const reader = await openSegment(disk, directory, name);
    let batch = reader.read(0);
    if (!batch || (sequence !== undefined && batch.sequence !== sequence)) break;
    active = index;
    end = 0;
    while (batch && (sequence === undefined || batch.sequence === sequence)) {
      for (const record of batch.records) replay.record(reader, record, name);
      sequence = batch.sequence + 1;
      end = batch.end;
      batch = reader.read(end);
    }
  }
  const segments = names.slice(0, active + 1);
  const unused = names.slice(active + 1);
  await refuseDamage(disk, directory, segments.at(-1), end, unused, sequence ?? 0);
  return {
    replicas: replay.finish(directory),
    live: replay.live,
    segments,
    end,
    sequence: sequence ?? 1,
    unused,
  };
}

/** Throws when a batch with this sequence number or a later one is valid after the place where the log ends. */
async function refuseDamage(
  disk: Disk,
  directory: string,
  active: SegmentName | undefined,
  end: number,
  unused: readonly SegmentName[],
  sequence: number,
): Promise<void> {
  /** The first place where the missing batch may have stood. */
  let suspect:
    | { readonly name: SegmentName; readonly reader: BatchReader; readonly offset: number }
    | undefined;
  for (const name of active ? [active, ...unused] : unused) {
    const reader = await openSegment(disk, directory, name);
    const from = name === active ? end : 0;
    const later = reader.find(from, sequence);
    if (!later) {
      if (name === active) suspect = { name, reader, offset: end };
      continue;
    }
    // What follows at the start of the next segment is missing in this one, else its own start is bad.
    const bad = later.offset === 0 && suspect ? suspect : { name, reader, offset: from };
    throw new LogDamagedError(
      path(directory, bad.name),
      bad.offset,
      `batch ${sequence} is bad although batch ${later.batch.sequence} after it is not`,
      bad.reader.damagedReplicas(bad.offset),
    );
  }
}

async function openSegment(disk: Disk, directory: string, name: SegmentName): Promise<BatchReader> {
  const handle = await disk.open(path(directory, name));
  try {
    const bytes = await handle.read(0, await handle.size());
    return new BatchReader(bytes, name.generation, segmentSeed(name));
  } finally {
    await handle.close();
  }
}

function path(directory: string, name: SegmentName): string {
  return `${directory}/${segmentFile(name)}`;
}

/** Entries of one replica as they stand after the records so far. */
class Entries {
  /** Contiguous; the first one is `first`. */
  readonly list: LogEntry[] = [];
  /** Entries up to here are in no segment: a trim must have covered them. */
  missingThrough = 0;

  replace(entries: readonly LogEntry[], compacted: number): void {
    const first = (entries[0] as LogEntry).index;
    const next = this.list[0] ? this.list[0].index + this.list.length : compacted + 1;
    if (first > next) {
      this.list.length = 0;
      this.missingThrough = first - 1;
    } else if (this.list[0]) {
      this.list.length = Math.max(0, first - this.list[0].index);
      this.missingThrough = Math.min(this.missingThrough, first - 1);
    }
    for (const entry of entries) this.list.push(entry);
  }

  trim(index: number): void {
    const first = this.list[0];
    if (first) this.list.splice(0, Math.max(0, index - first.index + 1));
  }
}

class Replay {
  readonly live = new LiveIndex();
  readonly #entries = new Map<number, Entries>();

  record(reader: BatchReader, record: LogRecord, segment: SegmentName): void {
    const { kind, replica, index, term } = record;
    if (kind === REMOVE) {
      this.live.remove(replica);
      this.#entries.delete(replica);
      return;
    }
    const live = this.live.ensure(replica);
    const entries = this.#entries.get(replica) ?? new Entries();
    this.#entries.set(replica, entries);
    switch (kind) {
      case ENTRIES:
        entries.replace(reader.entries(record), live.compacted.index);
        live.append(
          segment.generation,
          index,
          index + record.count - 1,
          record.end - record.payload,
        );
        return;
      case HARD_STATE:
        live.hardState = { term, vote: reader.vote(record), commit: index };
        return;
      case RESET:
        live.reset({ index, term });
        entries.list.length = 0;
        entries.missingThrough = 0;
        return;
      case TRIM:
        live.trim({ index, term });
        entries.trim(index);
        return;
      default:
        throw new Error(`log record of unknown kind ${kind} for replica ${replica}`);
    }
  }

  finish(directory: string): Map<number, RecoveredReplica> {
    const recovered = new Map<number, RecoveredReplica>();
    for (const [replica, { hardState, compacted }] of this.live.replicas()) {
      const { list, missingThrough } = this.#entries.get(replica) as Entries;
      if (missingThrough > compacted.index) {
        const reason = `entries ${compacted.index + 1} to ${missingThrough} are missing`;
        throw new LogDamagedError(directory, 0, `${reason} of replica ${replica}`, [replica]);
      }
      recovered.set(replica, { hardState, compacted, entries: list });
    }
    return recovered;
  }
}
