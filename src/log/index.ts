/**
 * The write-ahead log: one per node for all its replicas, so that one sync serves all (group commit).
 *
 * In goes each replica's hard state and entries, in order; out come calls of `done` once they are durable. After a crash
 * `openLog` returns what was durable, and possibly a little more, which never was acknowledged. The caller
 *
 * - uses replica ids (u32) that are unique in the cluster and never used again;
 * - calls `flush` at the end of a turn, so that what a turn brought is one write;
 * - ends the process when `onFatal` is called (L1): nothing is retried after a failed write;
 * - calls `trim` only up to what its engine has made durable, and flushes the replicas that `pinning` names (L3);
 * - counts a completed write only for entries that still stand then (L5).
 *
 * The format is described in format.ts.
 */
export {
  type LogAppend,
  LogDamagedError,
  type LogEntry,
  type LogHardState,
  type LogPosition,
  type RecoveredReplica,
} from './types.ts';
export { type LogOptions, openLog, WriteAheadLog } from './write-ahead-log.ts';
