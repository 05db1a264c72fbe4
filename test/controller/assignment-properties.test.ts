import fc from 'fast-check';
import { expect, test } from 'vitest';
import type {
  ClusterMap,
  Configuration,
  ControllerCommand,
  GroupId,
  ShardRecord,
} from '../../src/controller/index.ts';
import { specOf } from '../support/world.ts';
import { formed, TestController } from './support.ts';

/** What happens next; numbers choose among what there is. */
const step = fc.record({
  what: fc.constantFrom(
    'join',
    'leave',
    'move',
    'arrive',
    'arrive',
    'serve',
    'serve',
    'create',
    'delete',
    'gone',
    'again',
    'restart',
  ),
  a: fc.nat(1000),
  b: fc.nat(1000),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const GROUPS_MAX = 7;

function livingShards(map: ClusterMap): readonly ShardRecord[] {
  return map.tables.filter(({ status }) => status !== 'DELETING').flatMap(({ shards }) => shards);
}

function joinedIn(map: ClusterMap): GroupId[] {
  return map.groups.filter(({ joined }) => joined).map(({ id }) => id);
}

function pick<T>(choices: readonly T[], n: number): T | undefined {
  return choices[n % Math.max(1, choices.length)];
}

function commandOf(
  { what, a, b }: Step,
  map: ClusterMap,
  earlier: readonly ControllerCommand[],
): ControllerCommand | undefined {
  const request = `request ${earlier.length}`;
  const shards = map.tables.flatMap((table) => table.shards);
  const chosen = pick(shards, a);
  switch (what) {
    case 'join': {
      const ids = [1 + (a % GROUPS_MAX), 1 + (b % GROUPS_MAX)];
      const nodes = (id: number) => (map.groups.some((group) => group.id === id) ? [] : ['n1']);
      return { kind: 'join', request, groups: ids.map((id) => ({ id, nodes: nodes(id) })) };
    }
    case 'leave':
      return { kind: 'leave', request, groups: [1 + (a % GROUPS_MAX), 1 + (b % 3)] };
    case 'move':
      return { kind: 'move-shard', request, shard: chosen?.id ?? 1, to: 1 + (b % GROUPS_MAX) };
    case 'arrive': {
      const moving = pick(
        shards.filter(({ movingTo }) => movingTo !== 0),
        a,
      );
      return moving && { kind: 'shard-moved', shard: moving.id, epoch: moving.epoch + 1 };
    }
    case 'serve': {
      const creating = pick(
        shards.filter(({ state, group }) => state === 'creating' && group !== 0),
        a,
      );
      return creating && { kind: 'shard-serving', shard: creating.id, epoch: creating.epoch };
    }
    case 'create': {
      const spec = specOf(`t${a % 4}`);
      const uuid = `uuid ${earlier.length}`;
      return { kind: 'create-table', spec, uuid, createdAt: 1, shards: 1 + (b % 7) };
    }
    case 'delete': {
      const table = pick(map.tables, a);
      return table && { kind: 'delete-table', table: table.id, deletion: `d${b % 2}` };
    }
    case 'gone':
      return chosen && { kind: 'shard-gone', shard: chosen.id };
    case 'again':
      // What was refused a deletion may be granted later: that is another matter.
      return pick(
        earlier.filter(({ kind }) => kind !== 'delete-table' && kind !== 'shard-gone'),
        a,
      );
    default:
      return undefined;
  }
}

/** Shards that have no home there move, and what a group has above its share; the fullest groups have the larger shares. */
function fewestMoves(shards: readonly ShardRecord[], groups: readonly GroupId[]): number {
  const homeOf = ({ home, movingTo, group }: ShardRecord) => home || movingTo || group;
  const counts = groups
    .map((id) => shards.filter((shard) => homeOf(shard) === id).length)
    .sort((x, y) => y - x);
  const share = Math.floor(shards.length / groups.length);
  const larger = shards.length % groups.length;
  const staying = counts.reduce((sum, n, i) => sum + Math.min(n, share + (i < larger ? 1 : 0)), 0);
  return shards.length - staying;
}

/** After groups came or went. */
function expectSpread(before: ClusterMap, after: ClusterMap): void {
  const groups = joinedIn(after);
  const [was, is] = [livingShards(before), livingShards(after)];
  if (groups.length === 0) return;
  const counts = groups.map((id) => is.filter(({ home }) => home === id).length);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  const moved = was.filter((shard, i) => {
    return (shard.home || shard.movingTo || shard.group) !== is[i]?.home;
  });
  expect(moved).toHaveLength(fewestMoves(was, groups));
}

function expectOneChangeAtATime(
  command: ControllerCommand,
  before: ShardRecord,
  after: ShardRecord,
) {
  const arrived =
    command.kind === 'shard-moved' && command.shard === before.id && after.epoch > before.epoch;
  if (arrived) {
    expect(before.movingTo).not.toBe(0);
    expect([after.group, after.epoch]).toEqual([before.movingTo, before.epoch + 1]);
    return;
  }
  expect(after.epoch).toBe(before.epoch);
  if (before.group !== 0) expect(after.group).toBe(before.group);
  if (before.movingTo !== 0) expect(after.movingTo).toBe(before.movingTo);
}

/** What holds of every map. */
function expectOrder(map: ClusterMap): void {
  const groups = joinedIn(map);
  for (const { home, group, movingTo, state } of livingShards(map)) {
    if (groups.length > 0) expect(groups).toContain(home);
    else expect(home).toBe(0);
    if (movingTo !== 0) expect([state, movingTo === group]).toEqual(['serving', false]);
    else if (state === 'serving' && home !== 0) expect(group).toBe(home);
  }
}

test('[C1] [C2] [F35] [F46] whatever is asked in whatever order, shards are spread with the fewest moves, one at a time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      let controller = await formed(3);
      const earlier: ControllerCommand[] = [];
      const configurations: Configuration[] = [];
      const keep = () => {
        const newest = controller.configuration(-1) as Configuration;
        if (newest.number !== configurations.at(-1)?.number) configurations.push(newest);
      };
      keep();
      for (const one of steps) {
        if (one.what === 'restart') controller = new TestController(controller.state);
        const before = controller.machine.map;
        const command = commandOf(one, before, earlier);
        if (!command) continue;
        const outcome = controller.apply(command);
        const after = controller.machine.map;
        if (one.what === 'again') expect(after).toBe(before);
        earlier.push(command);
        expectOrder(after);
        const isAssigning = command.kind === 'join' || command.kind === 'leave';
        if (isAssigning && after !== before) expectSpread(before, after);
        for (const shard of livingShards(after)) {
          const was = livingShards(before).find(({ id }) => id === shard.id);
          if (was) expectOneChangeAtATime(command, was, shard);
        }
        keep();
        // At once again: nothing more is done, and the answer is the same.
        const repeated = controller.apply(command);
        expect(controller.machine.map).toBe(after);
        if (command.kind !== 'create-table') expect(repeated).toEqual(outcome);
      }
      for (const kept of configurations)
        expect(controller.configuration(kept.number)).toEqual(kept);
      // When everything arrives, everything is at home.
      for (let n = 0; n < 3; n++) {
        for (const { id, epoch, group } of controller.shards) {
          if (group !== 0) controller.apply({ kind: 'shard-serving', shard: id, epoch });
          controller.arrive(id);
        }
      }
      for (const { home, group, movingTo } of livingShards(controller.machine.map)) {
        expect(movingTo).toBe(0);
        if (home !== 0) expect(group).toBe(home);
      }
    }),
    { numRuns: 200 },
  );
});
