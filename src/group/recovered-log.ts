import type {
  LogEntry,
  LogHardState,
  LogPosition,
  RecoveredReplica,
  WriteAheadLog,
} from '../log/index.ts';
import type { Index, ReplicaId } from '../raft/index.ts';

/** What the log holds of a replica, with those of its entries that are still to be applied. */
export interface RecoveredLog {
  readonly hardState: LogHardState;
  /** Everything up to here was trimmed, or replaced by a snapshot. */
  readonly compacted: LogPosition;
  /** Of the entries after `compacted` the first one of each term. */
  readonly terms: readonly LogPosition[];
  /** What the engine has, as far as the log reaches. Entries up to here stay on the disk. */
  readonly base: LogPosition;
  /** All after `base`, contiguous. */
  readonly entries: readonly LogEntry[];
}

const READ_BYTES = 4 * 1024 * 1024;

/** Reads back what an engine that is at `applied` lacks. */
export async function readRecovered(
  log: WriteAheadLog,
  replica: ReplicaId,
  { hardState, compacted, last, terms }: RecoveredReplica,
  applied: Index,
): Promise<RecoveredLog> {
  const index = Math.min(Math.max(applied, compacted.index), last);
  const start = terms.findLast((first) => first.index <= index);
  const base = index === compacted.index ? compacted : { index, term: start?.term ?? 0 };
  const entries: LogEntry[] = [];
  for (let next = index + 1; next <= last; ) {
    const read = await log.read(replica, next, last + 1, READ_BYTES);
    if (read.length === 0) throw new Error(`replica ${replica}: the log does not hold ${next}`);
    for (const entry of read) entries.push(entry);
    next += read.length;
  }
  return { hardState, compacted, terms, base, entries };
}
