import { type GroupId, holdersOf, type NodeName } from '../../controller/index.ts';
import { PROCESS_FAULTS } from './process-faults.ts';
import { both, type Fault, type Scene } from './scene.ts';

/** Groups that left come back after this, in milliseconds. */
const AWAY_MS = [200, 8_000] as const;
/** When the network is cut after a change was asked for, and for how long, in milliseconds. */
const CUT_AFTER_MS = [0, 300] as const;
const CUT_MS = [500, 12_000] as const;
/** How often it is looked whether a change is over, in milliseconds, and how many times. */
const LOOK_MS = 25;
const LOOKS_MAX = 200;

/** Of all tables: more of them are not divided. */
const SHARDS_MAX = 12;

/** What an operator, or the controller itself, asks of a cluster while it has other troubles. */
export const MEMBER_FAULTS = {
  /** A replica of some group moves to a node that has none of it. */
  'move-replica': (scene) => moveReplica(scene) !== undefined,
  /** Likewise, and the one that comes, or who leads the group, is cut off on the way. */
  'cut-at-change': (scene) => {
    const { world, random, later, cut, happened } = scene;
    const move = moveReplica(scene);
    if (!move) return false;
    const isNewcomer = random.once(2);
    later(random.between(...CUT_AFTER_MS), () => {
      const name = isNewcomer ? move.to : world.leader(move.group)?.name;
      if (name === undefined) return;
      cut(
        world.others(name).flatMap((other) => both(name, other)),
        random.between(...CUT_MS),
      );
      happened();
    });
    return false;
  },
  /** Likewise, and just as the change is over somebody stops in good order: the one that came, the one that goes, or who leads. */
  'stop-at-change': (scene) => {
    const { world, random, later, happened } = scene;
    const move = moveReplica(scene);
    if (!move) return false;
    const { group: id, from, to } = move;
    const look = (looks: number) =>
      later(LOOK_MS, () => {
        const group = world.map?.groups.find((one) => one.id === id);
        const isOver = group?.replicas.some(({ node }) => node === to) && !group.changing;
        if (!isOver && looks < LOOKS_MAX) look(looks + 1);
        if (!isOver) return;
        const name = random.pick([from, to, world.leader(id)?.name ?? to]);
        const machine = world.machines.find((one) => one.name === name);
        if (machine && PROCESS_FAULTS.stop({ ...scene, machine, name })) happened();
      });
    look(0);
    return false;
  },
  /** A shard is to be on another group. */
  'move-shard': ({ machine, random, operator }) => {
    const { tables = [], groups = [] } = machine.node?.map ?? {};
    const shards = tables.flatMap((table) => table.shards);
    if (shards.length === 0 || groups.length < 2) return false;
    const { id: shard } = random.pick(shards);
    void operator.request(machine, { kind: 'move-shard', shard, to: random.pick(groups).id });
    return true;
  },
  /** A shard is divided, at its middle or anywhere. */
  'split-shard': ({ machine, random, operator }) => {
    const shards = (machine.node?.map.tables ?? []).flatMap((table) => table.shards);
    if (shards.length === 0 || shards.length >= SHARDS_MAX) return false;
    const { id: shard } = random.pick(shards);
    const word = () => random.uint32().toString(16).padStart(8, '0');
    const at = random.once(2) ? {} : { at: word() + word() };
    void operator.request(machine, { kind: 'split-shard', shard, ...at });
    return true;
  },
  /** Two neighbours become one; where they are on different groups, one of them moves first. */
  'merge-shards': ({ machine, random, operator }) => {
    const neighbours = (machine.node?.map.tables ?? []).flatMap(({ shards }) =>
      shards.slice(1).flatMap((upper, i) => [[shards[i], upper] as const]),
    );
    if (neighbours.length === 0) return false;
    const [lower, upper] = random.pick(neighbours);
    if (!lower) return false;
    void operator.request(
      machine,
      lower.home === upper.home
        ? { kind: 'merge-shards', shard: lower.id, next: upper.id }
        : { kind: 'move-shard', shard: upper.id, to: lower.home },
    );
    return true;
  },
  /** Groups give their shards away, and come back. */
  'leave-and-join': ({ machine, random, later, operator }) => {
    const groups = (machine.node?.map.groups ?? []).filter(({ id }) => id > 0 && random.once(2));
    if (groups.length === 0) return false;
    const ids = groups.map(({ id }) => id);
    later(random.between(...AWAY_MS), () => {
      const back = ids.map((id) => ({ id, nodes: [] }));
      void operator.request(machine, { kind: 'join', groups: back });
    });
    operator.leave(machine, ids);
    return true;
  },
  /** A new machine comes. */
  'join-node': ({ operator }) => operator.bring(),
  /** A node goes, in good order. */
  'drain-node': ({ operator, name, damaged }) => operator.drain(name, damaged),
  /** A machine burns down, and another takes its place. If one had lost something before it is that one. */
  'lose-node': ({ operator, world, name, damaged = name }) => {
    // Two disks that keep less than they took may be a majority.
    const mayLie = world.machines.some((other) => other.name !== damaged && other.disk.lie);
    return !mayLie && operator.lose(damaged);
  },
} as const satisfies Readonly<Record<string, Fault>>;

interface Move {
  readonly group: GroupId;
  readonly from: NodeName;
  readonly to: NodeName;
}

function moveReplica(scene: Scene): Move | undefined {
  const { random, machine, names, damaged, operator } = scene;
  const groups = machine.node?.map.groups ?? [];
  if (groups.length === 0) return undefined;
  const group = random.pick(groups);
  const { id, replicas, changing } = group;
  const holders = holdersOf(group);
  const free = names.filter((name) => !holders.includes(name) && name !== damaged);
  if (free.length === 0 || changing) return undefined;
  const from = random.pick(replicas).node;
  const to = random.pick(free);
  void operator.ask(machine, { kind: 'move-replica', group: id, from, to });
  return { group: id, from, to };
}
