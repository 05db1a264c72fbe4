/**
 * The write-ahead log: one per node for all its replicas, so that one sync serves all (group commit).
 *
 * In goes each replica's hard state and entries, in order; out come calls of `done` once they are durable, and entries that
 * are `read` back. After a crash `openLog` returns what was durable, and possibly a little more, which never was
 * acknowledged. Memory holds 28 bytes a record and no entries. The caller
 *
 * - uses replica ids (u32) that are unique in the cluster and never used again;
 * - calls `flush` at the end of a turn, so that what a turn brought is one write;
 * - ends the process when `onFatal` is called (L1): nothing is retried after a failed write;
 * - calls `trim` only up to what its engine has made durable, and flushes the replicas that keep the oldest segment (`pinnedThrough`, L3);
 * - refuses entries while the log has no room (`hasRoom`), but for those without which nobody could lead (`hasReserveFor`), and
 *   calls `tick` a few times a second (L4);
 * - leaves alone for good what `onDamage` names (L2), and ends the process when `read` finds damage;
 * - counts a completed write only for entries that still stand then (L5).
 *
 * The format is described in format.ts.
 */

export { openLog } from './opening.ts';
export type { LogOptions } from './options.ts';
export {
  type LogAppend,
  type LogDamage,
  LogDamagedError,
  type LogEntry,
  type LogHardState,
  type LogPosition,
  type RecoveredReplica,
} from './types.ts';
export { WriteAheadLog } from './write-ahead-log.ts';
