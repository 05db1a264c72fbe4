/**
 * Background work: what must happen in the cluster without a client asking for it. Each node does it for the groups that
 * it leads; every step is idempotent, so a new leader simply goes on.
 */
export type { LedGroup, LocalGroups } from './led-groups.ts';
export { MemberKeeper } from './member-keeper.ts';
export { type LocalController, ShardBalancer } from './shard-balancer.ts';
export { ShardKeeper } from './shard-keeper.ts';
export { ShardMover } from './shard-mover.ts';
export { ShardSplitter } from './shard-splitter.ts';
export { startJobs } from './start.ts';
