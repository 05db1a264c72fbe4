import { type ControllerCommand, holdersOf } from '../../controller/index.ts';
import { ControllerClient } from '../../router/index.ts';
import type { Fault, Scene } from './scene.ts';

/** Groups that left come back after this, in milliseconds. */
const AWAY_MS = [200, 8_000] as const;

/** What an operator, or the controller itself, asks of a cluster while it has other troubles. */
export const MEMBER_FAULTS = {
  /** A replica of some group moves to a node that has none of it. */
  'move-replica': (scene) => {
    const { random, machine, names, damaged } = scene;
    const groups = machine.node?.map.groups ?? [];
    if (groups.length === 0) return false;
    const group = random.pick(groups);
    const { id, replicas, changing } = group;
    const holders = holdersOf(group);
    const free = names.filter((name) => !holders.includes(name) && name !== damaged);
    if (free.length === 0 || changing) return false;
    const from = random.pick(replicas).node;
    return ask(scene, { kind: 'move-replica', group: id, from, to: random.pick(free) });
  },
  /** A shard is to be on another group. */
  'move-shard': (scene) => {
    const { machine, random } = scene;
    const { tables = [], groups = [] } = machine.node?.map ?? {};
    const shards = tables.flatMap((table) => table.shards);
    if (shards.length === 0 || groups.length < 2) return false;
    const { id: shard } = random.pick(shards);
    return ask(scene, { kind: 'move-shard', shard, to: random.pick(groups).id });
  },
  /** Groups give their shards away, and come back. */
  'leave-and-join': (scene) => {
    const { machine, random, later } = scene;
    const groups = (machine.node?.map.groups ?? []).filter(({ id }) => id > 0 && random.once(2));
    if (groups.length === 0) return false;
    const ids = groups.map(({ id }) => id);
    later(random.between(...AWAY_MS), () => {
      ask(scene, { kind: 'join', groups: ids.map((id) => ({ id, nodes: [] })) });
    });
    return ask(scene, { kind: 'leave', groups: ids });
  },
} as const satisfies Readonly<Record<string, Fault>>;

/** Through the node of the scene. It may die, and the controller may say no. False: there is no node. */
function ask({ machine, random }: Scene, command: ControllerCommand): boolean {
  const { node, process } = machine;
  if (!node || !process) return false;
  const client = new ControllerClient(node, process.clock, random);
  client.command(command).catch((error: unknown) => process.fail(error));
  return true;
}
