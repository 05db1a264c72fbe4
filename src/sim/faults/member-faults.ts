import { ControllerClient } from '../../router/index.ts';
import type { Fault } from './scene.ts';

/** What an operator, or the controller itself, asks of a cluster while it has other troubles. */
export const MEMBER_FAULTS = {
  /** A replica of some group moves to a node that has none of it. */
  'move-replica': ({ random, machine, names, damaged }) => {
    const { node, process } = machine;
    const groups = node?.map.groups ?? [];
    if (!node || !process || groups.length === 0) return false;
    const { id, replicas, leaving, changing } = random.pick(groups);
    const holders = [...replicas, ...leaving].map((record) => record.node);
    const free = names.filter((name) => !holders.includes(name) && name !== damaged);
    if (free.length === 0 || changing) return false;
    const from = random.pick(replicas).node;
    const client = new ControllerClient(node, process.clock, random);
    const command = { kind: 'move-replica', group: id, from, to: random.pick(free) } as const;
    // The node that asks may die, and the controller may say no.
    client.command(command).catch((error: unknown) => process.fail(error));
    return true;
  },
} as const satisfies Readonly<Record<string, Fault>>;
