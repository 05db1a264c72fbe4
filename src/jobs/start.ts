import type { Clock } from '../ports/index.ts';
import type { ControllerClient, LeaderClient } from '../router/index.ts';
import { AddressKeeper, type LocalNode } from './address-keeper.ts';
import { type LocalMembers, MemberKeeper } from './member-keeper.ts';
import { type LocalGroups, ShardKeeper } from './shard-keeper.ts';
import { ShardMover } from './shard-mover.ts';

/** Does a node's part of the background work whenever something has changed there. */
export function startJobs(
  node: LocalGroups & LocalMembers & LocalNode & { onChange(listener: () => void): void },
  controller: ControllerClient,
  leaders: LeaderClient,
  clock: Clock,
): void {
  const jobs = [
    new ShardKeeper(node, controller),
    new ShardMover(node, controller, leaders, clock),
    new MemberKeeper(node, controller),
    new AddressKeeper(node, controller),
  ];
  node.onChange(() => {
    for (const job of jobs) job.run();
  });
}
