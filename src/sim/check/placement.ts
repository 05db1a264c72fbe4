import {
  eveningMove,
  type GroupRecord,
  holdersOf,
  nextSteps,
  type ShardId,
  type ShardWeight,
} from '../../controller/index.ts';
import type { World } from '../world.ts';

/**
 * What there is still to do until nodes and replicas are where they belong, in words (C5, C6, F26): every machine that is there runs a node
 * of the newest map, and nobody else is in that; the placement needs no step; each replica is where the map has it, and its group
 * goes by exactly these voters.
 */
export function misplaced(world: World): string[] {
  const { map, machines } = world;
  if (!map) return ['nobody has a map'];
  const wrong = inQuarantine(world);
  const down = machines.filter(({ isRunning }) => !isRunning).map(({ name }) => name);
  for (const name of down) wrong.push(`${name} does not run`);
  const [here, known] = [machines.map(({ name }) => name), map.nodes.map(({ name }) => name)];
  for (const name of here) if (!known.includes(name)) wrong.push(`${name} is not in the map`);
  for (const name of known) if (!here.includes(name)) wrong.push(`${name} is still in the map`);
  for (const step of nextSteps(map, { down, dead: down })) {
    wrong.push(`there is a step to take: ${JSON.stringify(step)}`);
  }
  for (const group of map.groups) wrong.push(...misplacedOf(world, group));
  for (const { name, node } of machines) {
    if (node && node.map.number !== map.number) wrong.push(`${name} has an old map`);
    for (const { id, group } of node?.replicas.all() ?? []) {
      const isIts = map.groups.some((one) => one.id === group && holdersOf(one).includes(name));
      if (!isIts) wrong.push(`${name} still has replica ${id} of group ${group}`);
    }
  }
  return wrong;
}

/** What counts for nothing any more begins anew in time, as a member of its own (L2). */
export function inQuarantine({ machines }: World): string[] {
  return machines.flatMap(({ node }) =>
    [...(node?.replicas.all() ?? [])]
      .filter(({ raft }) => raft.quarantine > 0)
      .map(({ id, group }) => `replica ${id} of group ${group} is in quarantine`),
  );
}

function misplacedOf(world: World, { id, replicas, plan, changing }: GroupRecord): string[] {
  const wrong = changing ? [`group ${id} changes`] : [];
  const wanted = membersText(
    replicas.map(({ replica }) => replica),
    [],
    plan,
  );
  for (const { node, replica } of replicas) {
    const held = world.machine(node).node?.replicas.get(id);
    if (held?.id !== replica) {
      wrong.push(`${node} does not have replica ${replica} of group ${id}`);
      continue;
    }
    const { config } = held.raft;
    const others = [...config.outgoing, ...config.learners].map((member) => member.id);
    const voters = config.incoming.map((member) => member.id);
    const found = membersText(voters, others, config.plan);
    if (found !== wanted) {
      wrong.push(`replica ${replica} of group ${id} goes by ${found}, not by ${wanted}`);
    }
  }
  return wrong;
}

function membersText(voters: readonly number[], others: readonly number[], plan: number): string {
  const beside = others.length > 0 ? ` beside ${others.toSorted()}` : '';
  return `the voters ${voters.toSorted()}${beside} of plan ${plan}`;
}

/** By what the shards hold, nobody asking for anything, none of them should be on another group (C1). */
export function isEven(world: World): boolean {
  const { map, machines, thresholds } = world;
  const weights = new Map<ShardId, ShardWeight>();
  for (const { node } of machines) {
    for (const { machine } of node?.replicas.allData() ?? []) {
      for (const { id, bytes } of machine.shards()) weights.set(id, { bytes, perSecond: 0 });
    }
  }
  return map !== undefined && eveningMove(map, weights, thresholds) === undefined;
}
