import { type ControllerCommand, holdersOf } from '../../controller/index.ts';
import { ControllerClient } from '../../router/index.ts';
import type { Fault, Scene } from './scene.ts';

/** Groups that left come back after this, in milliseconds. */
const AWAY_MS = [200, 8_000] as const;

/** Of all tables: more of them are not divided. */
const SHARDS_MAX = 12;

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
  /** A shard is divided, at its middle or anywhere. */
  'split-shard': (scene) => {
    const { machine, random } = scene;
    const shards = (machine.node?.map.tables ?? []).flatMap((table) => table.shards);
    if (shards.length === 0 || shards.length >= SHARDS_MAX) return false;
    const { id: shard } = random.pick(shards);
    const word = () => random.uint32().toString(16).padStart(8, '0');
    const at = random.once(2) ? {} : { at: word() + word() };
    return ask(scene, { kind: 'split-shard', shard, ...at });
  },
  /** Two neighbours become one; where they are on different groups, one of them moves first. */
  'merge-shards': (scene) => {
    const { machine, random } = scene;
    const neighbours = (machine.node?.map.tables ?? []).flatMap(({ shards }) =>
      shards.slice(1).flatMap((upper, i) => [[shards[i], upper] as const]),
    );
    if (neighbours.length === 0) return false;
    const [lower, upper] = random.pick(neighbours);
    if (!lower) return false;
    return ask(
      scene,
      lower.home === upper.home
        ? { kind: 'merge-shards', shard: lower.id, next: upper.id }
        : { kind: 'move-shard', shard: upper.id, to: lower.home },
    );
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
