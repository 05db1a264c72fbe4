/**
 * One replica of one Raft group on one node: Raft, the log, the engine and a state machine, driven together.
 *
 * In: proposals and reads from this node, messages from the other replicas, ticks. Out: messages, writes to the log, and
 * for each proposal and read exactly one answer.
 * Assumed: the node calls `tick` every {@link TICK_MS}, `collect` then `applyCommitted` at the end of each turn in which
 * the replica called `schedule`, and flushes the log in between; writes to the log become durable in the order of the
 * calls; the state machine is deterministic.
 * Promised: what Raft says must be durable before a message leaves is durable (R1); an answer `applied` is of an entry
 * that a majority has; the engine never gets ahead of the log, and the log is trimmed only behind the engine (E1, L3).
 */

export { type MemberPlan, nextMembership } from './membership.ts';
export type { ReplicaHost, ReplicaLimits, ReplicaOptions } from './options.ts';
export { ReadBackPace } from './read-back-pace.ts';
export { readRecovered } from './recovered-log.ts';
export { Replica, TICK_MS } from './replica.ts';
export { SnapshotWork } from './snapshot-work.ts';
export { SNAPSHOT_DIRECTORY } from './snapshots.ts';
export type { Applied, StateMachine } from './state-machine.ts';
export type { ProposalResult } from './waiters.ts';
