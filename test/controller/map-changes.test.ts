import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ClusterMap,
  type ControllerCommand,
  ControllerMachine,
  EMPTY_MAP,
  encodeControllerCommand,
  RecentMaps,
  withChanges,
} from '../../src/controller/index.ts';
import { changesBetween, type MapChanges } from '../../src/controller/map-changes.ts';
import { formed, nodes, type TestController } from './support.ts';

const step = fc.record({
  what: fc.constantFrom(
    'create',
    'delete',
    'gone',
    'serve',
    'join',
    'leave',
    'move',
    'arrive',
    'add',
    'place',
    'settle',
    'drain',
    'remove',
    'forget',
  ),
  a: fc.nat(100),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function commandOf({ what, a }: Step, map: ClusterMap): ControllerCommand | undefined {
  const request = `${what} ${a}`;
  const shards = map.tables.flatMap((table) => table.shards);
  const shard = shards[a % Math.max(1, shards.length)];
  const group = map.groups[a % map.groups.length];
  const node = map.nodes[a % map.nodes.length]?.name ?? 'n1';
  switch (what) {
    case 'delete': {
      const table = map.tables[a % Math.max(1, map.tables.length)];
      return table && { kind: 'delete-table', table: table.id, deletion: 'd' };
    }
    case 'gone':
      return shard && { kind: 'shard-gone', shard: shard.id };
    case 'join':
      return { kind: 'join', request, groups: [{ id: 1 + (a % 9), nodes: [node] }] };
    case 'leave':
      return { kind: 'leave', request, groups: [1 + (a % 4)] };
    case 'move':
      return shard && { kind: 'move-shard', request, shard: shard.id, to: 1 + (a % 5) };
    case 'arrive': {
      const moving = shards.find(({ movingTo }) => movingTo !== 0);
      return moving && { kind: 'shard-moved', shard: moving.id, epoch: moving.epoch + 1 };
    }
    case 'add': {
      const added = nodes(8)[a % 8];
      return added && { kind: 'add-node', node: added };
    }
    case 'place':
      return { kind: 'place', down: [], dead: [] };
    case 'settle': {
      if (!group) return undefined;
      const replicas = group.replicas.map(({ replica }) => replica);
      return { kind: 'members-settled', group: group.id, plan: group.plan, replicas };
    }
    case 'drain':
      return { kind: 'drain-node', request, node };
    case 'remove':
      return { kind: 'remove-node', request, node };
    case 'forget':
      return { kind: 'forget-nodes', request, nodes: [node] };
    default:
      return undefined;
  }
}

function take(controller: TestController, next: Step): void {
  const { tables } = controller.machine.map;
  const table = tables[next.a % Math.max(1, tables.length)];
  if (next.what === 'create') controller.create(`t${next.a % 9}`);
  if (next.what === 'serve' && table) controller.serve(table.spec.name);
  const command = commandOf(next, controller.machine.map);
  if (command) controller.apply(command);
}

/** As it comes over the wire. */
function sent(changes: MapChanges): MapChanges {
  return JSON.parse(JSON.stringify(changes)) as MapChanges;
}

test('[C4] what has changed between any two maps makes the one of the other, and a state read back is the same', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const controller = await formed(4);
      const maps = [EMPTY_MAP, controller.machine.map];
      let followed = withChanges(
        EMPTY_MAP,
        sent(changesBetween(EMPTY_MAP, controller.machine.map)),
      );
      for (const next of steps) {
        take(controller, next);
        const { map } = controller.machine;
        const before = maps.at(-1) as ClusterMap;
        if (map === before) continue;
        seen.add(next.what);
        maps.push(map);
        followed = withChanges(followed, sent(changesBetween(before, map)));
        expect(followed).toEqual(map);
      }
      for (let i = 0; i < maps.length; i += 3) {
        const [before, after] = [maps[i] as ClusterMap, maps[(i * 7) % maps.length] as ClusterMap];
        expect(withChanges(before, sent(changesBetween(before, after)))).toEqual(after);
      }
      const restored = new ControllerMachine();
      restored.restore(controller.state);
      expect(restored.map).toEqual(controller.machine.map);
    }),
    { numRuns: 150, seed: 1 },
  );
  // The steps do what they are here for.
  expect([...seen].sort()).toEqual([
    'add',
    'arrive',
    'create',
    'delete',
    'drain',
    'forget',
    'gone',
    'join',
    'leave',
    'move',
    'place',
    'remove',
    'serve',
    'settle',
  ]);
});

test('[C4] a change names what it is about, and is written alone', async () => {
  const controller = await formed(4);
  for (let i = 0; i < 20; i++) controller.create(`t${i}`);
  const before = controller.machine.map;
  const { id, epoch } = controller.table('t7').shards[0] ?? { id: 0, epoch: 0 };
  const command = encodeControllerCommand({ kind: 'shard-serving', shard: id, epoch });
  const { writes } = controller.machine.apply(command);
  expect(writes.map(({ key }) => [...key])).toEqual([[1], [2, 0, 0, 0, 8]]);
  expect(changesBetween(before, controller.machine.map)).toEqual({
    from: before.number,
    number: before.number + 1,
    digest: controller.machine.map.digest,
    clusterId: 'aa',
    nodes: undefined,
    removed: undefined,
    groups: { changed: [], gone: [] },
    tables: { changed: [controller.table('t7')], gone: [] },
  });
});

test('[C4] whoever knows one of the last maps is told what has changed since, anybody else everything', async () => {
  const controller = await formed();
  const recent = new RecentMaps();
  const maps: ClusterMap[] = [];
  for (let i = 0; i < 100; i++) {
    controller.create(`t${i}`);
    maps.push(controller.machine.map);
    recent.remember(controller.machine.map);
  }
  const { map } = controller.machine;
  const [first, late] = [maps[0] as ClusterMap, maps[90] as ClusterMap];
  expect(recent.changesSince(late, map).tables.changed).toHaveLength(9);
  expect(withChanges(late, recent.changesSince(late, map))).toEqual(map);
  // Of the same number, from a controller that is lost.
  const other = { ...late, digest: late.digest + 1 };
  for (const known of [first, EMPTY_MAP, other]) {
    expect(recent.changesSince(known, map)).toEqual(changesBetween(EMPTY_MAP, map));
  }
  expect(withChanges(first, recent.changesSince(first, map))).toEqual(map);
  expect(() => withChanges(first, recent.changesSince(late, map))).toThrow(/do not fit/);
});
