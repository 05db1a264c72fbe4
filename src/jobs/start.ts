import { THRESHOLDS, type Thresholds } from '../controller/index.ts';
import { type Buggify, type Clock, NEVER } from '../ports/index.ts';
import type { ControllerClient, LeaderClient } from '../router/index.ts';
import { AddressKeeper, type LocalNode } from './address-keeper.ts';
import { type LocalMembers, MemberKeeper } from './member-keeper.ts';
import { type LocalController, ShardBalancer } from './shard-balancer.ts';
import { type LocalGroups, ShardKeeper } from './shard-keeper.ts';
import { ShardMover } from './shard-mover.ts';
import { ShardSplitter } from './shard-splitter.ts';

/** Does a node's part of the background work whenever something has changed there. */
export function startJobs(
  node: LocalGroups &
    LocalMembers &
    LocalNode &
    LocalController & { onChange(listener: () => void): void },
  controller: ControllerClient,
  leaders: LeaderClient,
  clock: Clock,
  {
    resharding,
    buggify = NEVER,
  }: { readonly resharding?: Partial<Thresholds> | undefined; readonly buggify?: Buggify } = {},
): void {
  const thresholds = { ...THRESHOLDS, ...resharding };
  const jobs = [
    new ShardKeeper(node, controller, clock, buggify),
    new ShardMover(node, controller, leaders, clock, buggify),
    new ShardSplitter(node, controller, clock, thresholds),
    new ShardBalancer(node, controller, clock, thresholds),
    new MemberKeeper(node, controller),
    new AddressKeeper(node, controller),
  ];
  node.onChange(() => {
    for (const job of jobs) job.run();
  });
}
