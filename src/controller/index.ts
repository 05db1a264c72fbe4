/**
 * The shard controller (the third of the four stages): the state machine of one small Raft group that decides which
 * group has which shard.
 *
 * In: commands (`ControllerCommand`), each idempotent, so that their senders repeat them until they are answered.
 * Out: an outcome for each, and the map (`ClusterMap`) under its next number: nodes, groups with their replica records,
 * tables with their shards. The map is immutable; whoever has one of the last ones is told what has changed since.
 * Assumed: replicas apply the same commands in the same order. Promised: all compute the same map; ids of replicas,
 * shards and tables are never used again (C6, S6); data groups and routers go on with the map that they have when the
 * controller is down (C4).
 */
export { balance, type ShardMove, type WeighedShard } from './balance.ts';
export { findShard, groupsInUse, successors } from './catalogue.ts';
export {
  type Command,
  type ControllerCommand,
  type ControllerOutcome,
  decodeControllerCommand,
  decodeControllerOutcome,
  encodeControllerCommand,
  encodeControllerOutcome,
  OPERATOR_KINDS,
  type OperatorRequest,
} from './command.ts';
export { ControllerMachine } from './controller-machine.ts';
export {
  EMPTY_MAP,
  type MapChanges,
  type MapVersion,
  RecentMaps,
  withChanges,
} from './map-changes.ts';
export { hasAddresses } from './nodes.ts';
export {
  controllerGroup,
  controllersOf,
  holdersOf,
  initialGroups,
  initialShards,
  newGroup,
  REPLICAS,
} from './placement.ts';
export type { ControllerReply, ControllerRequest } from './protocol.ts';
export { nextSteps, type Step, type Troubles } from './spread.ts';
export {
  type ClusterMap,
  CONTROLLER_GROUP,
  type ConfigNumber,
  type Configuration,
  type GroupId,
  type GroupRecord,
  type KeyAttribute,
  type MemberRecord,
  type NodeName,
  type NodeRecord,
  type RemovedNode,
  type ReplicaRecord,
  type ShardId,
  type ShardRecord,
  type Table,
  type TableId,
  type TableSpec,
  type TableStatus,
} from './types.ts';
export {
  canSplit,
  coldPairs,
  eveningMove,
  heavinessOf,
  isAtRest,
  isShardAtRest,
  mergingOf,
  type ShardWeight,
  THRESHOLDS,
  type Thresholds,
  type Weights,
} from './weights.ts';
