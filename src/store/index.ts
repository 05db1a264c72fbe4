/**
 * The replicated database of one group (the second of the four stages): the state machine that a data group's Raft
 * entries drive, and the language in which it is asked.
 *
 * In: encoded commands (`encodeCommand`), one a log entry, stamped with the group's session time by the leader; reads
 * and pages, which the host has ordered by a read index first when they must be linearizable.
 * Out: for each command the writes to the group's state and an encoded result; nothing else. `apply` is synchronous and
 * touches only the `Reader` that it is given.
 * Assumed: replicas apply the same entries in the same order, exactly once each; the writes of one entry are applied
 * together before the next is evaluated; `cacheWrites` joins them whenever the state is kept.
 * Promised: the same results and writes on every replica (rules S1, S2, S5); a command that took effect gives its first
 * answer again, to the router by its session and to the client by its retry token; an item whose checksum fails is never served (E4).
 */
export {
  type CommandResult,
  type DataCommand,
  decodeCommand,
  decodeResult,
  encodeCommand,
  encodeResult,
  type InstallShardCommand,
  type PageQuery,
  type PurgeShardCommand,
  type SessionTag,
  stampCommand,
  type WriteCommand,
} from './command.ts';
export { isSameContents } from './contents.ts';
export {
  type AppliedState,
  DataMachine,
  type MachineLimits,
  type StateDigest,
} from './data-machine.ts';
export {
  type GroupReply,
  type GroupRequest,
  readGroupReply,
  readGroupRequest,
  writeGroupReply,
  writeGroupRequest,
} from './protocol.ts';
export { RETRY_WINDOW_MS } from './retries.ts';
export { RETRY_TOKEN_BYTES, type RetryToken } from './retry-token.ts';
export { DEADLINE_AHEAD_MAX_MS } from './sessions.ts';
export { decodeShardPart, encodeShardPart, type MoveCursor } from './shard-part.ts';
export type { Shard } from './shards.ts';
