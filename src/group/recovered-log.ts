import type { LogEntry, RecoveredReplica, WriteAheadLog } from '../log/index.ts';
import type { ReplicaId } from '../raft/index.ts';

/** What the log holds of a replica, with its entries. */
export interface RecoveredLog {
  readonly hardState: RecoveredReplica['hardState'];
  readonly compacted: RecoveredReplica['compacted'];
  /** All after `compacted`, contiguous. */
  readonly entries: readonly LogEntry[];
}

const READ_BYTES = 4 * 1024 * 1024;

/** Reads a replica's entries back after a start. */
export async function readRecovered(
  log: WriteAheadLog,
  replica: ReplicaId,
  { hardState, compacted, last }: RecoveredReplica,
): Promise<RecoveredLog> {
  const entries: LogEntry[] = [];
  for (let next = compacted.index + 1; next <= last; ) {
    const read = await log.read(replica, next, last + 1, READ_BYTES);
    if (read.length === 0) throw new Error(`replica ${replica}: the log does not hold ${next}`);
    for (const entry of read) entries.push(entry);
    next += read.length;
  }
  return { hardState, compacted, entries };
}
