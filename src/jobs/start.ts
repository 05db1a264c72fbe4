import { THRESHOLDS, type Thresholds } from '../controller/index.ts';
import { NEVER } from '../ports/index.ts';
import { AddressKeeper, type LocalNode } from './address-keeper.ts';
import type { LocalGroups } from './led-groups.ts';
import type { Means } from './means.ts';
import { type LocalMembers, MemberKeeper } from './member-keeper.ts';
import { type LocalController, ShardBalancer } from './shard-balancer.ts';
import { ShardKeeper } from './shard-keeper.ts';
import { ShardMover } from './shard-mover.ts';
import { ShardSplitter } from './shard-splitter.ts';

/** Does a node's part of the background work whenever something has changed there. */
export function startJobs(
  node: LocalGroups &
    LocalMembers &
    LocalNode &
    LocalController & { onChange(listener: () => void): void },
  options: Pick<Means, 'controller' | 'leaders' | 'clock' | 'notice' | 'fatal'> &
    Partial<Pick<Means, 'buggify'>> & { readonly resharding?: Partial<Thresholds> | undefined },
): void {
  const { buggify = NEVER, resharding } = options;
  const means: Means = { ...options, buggify, thresholds: { ...THRESHOLDS, ...resharding } };
  const jobs = [
    new ShardKeeper(node, means),
    new ShardMover(node, means),
    new ShardSplitter(node, means),
    new ShardBalancer(node, means),
    new MemberKeeper(node, means),
    new AddressKeeper(node, means),
  ];
  node.onChange(() => {
    for (const job of jobs) job.run();
  });
}
