import type { ControllerClient } from '../router/index.ts';
import { AddressKeeper, type LocalNode } from './address-keeper.ts';
import { type LocalMembers, MemberKeeper } from './member-keeper.ts';
import { type LocalGroups, ShardKeeper } from './shard-keeper.ts';

/** Does a node's part of the background work whenever something has changed there. */
export function startJobs(
  node: LocalGroups & LocalMembers & LocalNode & { onChange(listener: () => void): void },
  controller: ControllerClient,
): void {
  const keepers = [
    new ShardKeeper(node, controller),
    new MemberKeeper(node, controller),
    new AddressKeeper(node, controller),
  ];
  node.onChange(() => {
    for (const keeper of keepers) keeper.run();
  });
}
