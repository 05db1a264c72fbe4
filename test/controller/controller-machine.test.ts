import { describe, expect, test } from 'vitest';
import { utf8, utf8Text } from '../../src/bytes/index.ts';
import {
  type ControllerCommand,
  decodeControllerCommand,
  encodeControllerCommand,
} from '../../src/controller/index.ts';
import { MemoryEngine } from '../../src/engine/index.ts';
import { SimRandom } from '../../src/sim/index.ts';
import { specOf } from '../support/world.ts';
import { formed, nodes, TestController } from './support.ts';

describe('the map', () => {
  test('[C7] is formed once; another formation changes nothing', async () => {
    const controller = await formed();
    const { map } = controller.machine;
    expect([map.number, map.clusterId]).toEqual([1, 'aa']);
    controller.apply({ kind: 'form', clusterId: 'bb', nodes: nodes(1) });
    expect(controller.machine.map).toBe(map);
  });

  test.each([1, 2, 3, 4, 5, 8])(
    '[C5] of %i nodes puts replicas on different nodes, as many on each',
    async (count) => {
      const { map } = (await formed(count)).machine;
      expect(map.groups.map(({ id }) => id)).toEqual([0, ...map.nodes.map((_, i) => i + 1)]);
      const held = new Map<string, number>();
      for (const { replicas } of map.groups.slice(1)) {
        expect(replicas).toHaveLength(Math.min(3, count));
        expect(new Set(replicas.map(({ node }) => node)).size).toBe(replicas.length);
        for (const { node } of replicas) held.set(node, (held.get(node) ?? 0) + 1);
      }
      expect(new Set(held.values())).toEqual(new Set([Math.min(3, count)]));
      const leaders = map.groups.slice(1).map(({ replicas }) => replicas[0]?.node);
      expect(new Set(leaders).size).toBe(count);
    },
  );

  test('[C6] no replica id is used twice, those of the controller included', async () => {
    for (const count of [1, 2, 3, 5]) {
      const { map } = (await formed(count)).machine;
      const ids = map.groups.flatMap(({ replicas }) => replicas.map(({ replica }) => replica));
      expect(Math.min(...ids)).toBe(1);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  test('its number counts every change and nothing else', async () => {
    const controller = await formed();
    controller.create('t');
    controller.create('t');
    expect(controller.machine.map.number).toBe(2);
    controller.serve('t');
    controller.serve('t');
    expect(controller.machine.map.number).toBe(5);
  });
});

describe('tables', () => {
  test('[C1] shards of a new table cover every hash, and go to the groups with the fewest', async () => {
    const controller = await formed(5);
    for (let i = 0; i < 7; i++) controller.create(`t${i}`);
    const counts = new Map<number, number>();
    for (const { shards } of controller.machine.map.tables) {
      expect(shards[0]?.hashStart).toBe('0000000000000000');
      expect(shards.at(-1)?.hashEnd).toBe('');
      for (const [i, { hashStart }] of shards.entries()) {
        if (i > 0) expect(shards[i - 1]?.hashEnd).toBe(hashStart);
      }
      for (const { group } of shards) counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    expect(new Set(counts.values())).toEqual(new Set([7]));
  });

  test('a table has at most eight shards at first', async () => {
    const controller = await formed(12);
    controller.create('a');
    controller.create('b');
    const groups = ['a', 'b'].map((name) =>
      controller.table(name).shards.map(({ group }) => group),
    );
    expect(groups.map((ids) => ids.length)).toEqual([8, 8]);
    const counts = groups
      .flat()
      .reduce((map, id) => map.set(id, (map.get(id) ?? 0) + 1), new Map<number, number>());
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
  });

  test('[S6] repeated commands get their first answer, others are told so', async () => {
    const controller = await formed();
    const created = controller.create('t', 'u1');
    expect(created.kind).toBe('created');
    expect(controller.create('t', 'u1')).toEqual(created);
    expect(controller.create('t', 'u2')).toEqual({ kind: 'exists' });
    const table = controller.table('t').id;
    const remove = (deletion: string) =>
      controller.apply({ kind: 'delete-table', table, deletion });
    expect(remove('d1').kind).toBe('busy'); // still being created
    controller.serve('t');
    expect(controller.table('t').status).toBe('ACTIVE');
    expect(remove('d1').kind).toBe('deleting');
    expect(remove('d1').kind).toBe('deleting');
    expect(remove('d2').kind).toBe('busy');
    for (const { id } of controller.table('t').shards)
      controller.apply({ kind: 'shard-gone', shard: id });
    expect(controller.machine.map.tables).toEqual([]);
    expect(remove('d1').kind).toBe('no-table');
    // The deletion comes once more, after somebody has made a table of the same name.
    controller.create('t', 'u3');
    controller.serve('t');
    expect(remove('d1').kind).toBe('no-table');
    expect(controller.table('t').status).toBe('ACTIVE');
  });

  test('a protected table is not deleted', async () => {
    const controller = await formed();
    controller.apply({
      kind: 'create-table',
      spec: specOf('t', { deletionProtection: true }),
      uuid: 'u',
      createdAt: 1,
    });
    controller.serve('t');
    expect(controller.apply({ kind: 'delete-table', table: 1, deletion: 'd' }).kind).toBe(
      'protected',
    );
    expect(controller.table('t').status).toBe('ACTIVE');
  });

  test('[S6] ids of tables and shards are never used again', async () => {
    const controller = await formed();
    const seen = new Set<string>();
    for (let i = 0; i < 5; i++) {
      controller.create('t', `u${i}`);
      controller.serve('t');
      const { id, shards } = controller.table('t');
      for (const used of [`table ${id}`, ...shards.map((shard) => `shard ${shard.id}`)]) {
        expect(seen.has(used)).toBe(false);
        seen.add(used);
      }
      controller.remove('t');
    }
  });

  test('[S2] a report of another epoch, or of a shard that is gone, changes nothing', async () => {
    const controller = await formed();
    controller.create('t');
    const { map } = controller.machine;
    controller.apply({ kind: 'shard-serving', shard: 1, epoch: 2 });
    controller.apply({ kind: 'shard-serving', shard: 99, epoch: 1 });
    controller.apply({ kind: 'shard-gone', shard: 1 });
    expect(controller.machine.map).toBe(map);
  });
});

describe('replicas', () => {
  test('[C1] [S3] compute the same map, also when one starts again in between', async () => {
    const random = new SimRandom(1, 'commands');
    const commands: ControllerCommand[] = [{ kind: 'form', clusterId: 'aa', nodes: nodes(4) }];
    for (let i = 0; i < 400; i++) {
      const name = `t${random.below(4)}`;
      const shard = 1 + random.below(24);
      commands.push(
        random.pick<ControllerCommand>([
          { kind: 'create-table', spec: specOf(name), uuid: `u${random.below(20)}`, createdAt: i },
          { kind: 'delete-table', table: 1 + random.below(9), deletion: `d${random.below(5)}` },
          { kind: 'shard-serving', shard, epoch: 1 },
          { kind: 'shard-serving', shard, epoch: 1 },
          { kind: 'shard-gone', shard },
        ]),
      );
    }
    const steady = await TestController.open();
    let engine = new MemoryEngine();
    let restless = await TestController.open(engine);
    for (const command of commands) {
      expect(restless.apply(command)).toEqual(steady.apply(command));
      if (random.once(20)) {
        await restless.state.flush();
        engine = engine.crash();
        restless = await TestController.open(engine);
      }
      expect(restless.machine.map).toEqual(steady.machine.map);
    }
    expect(steady.machine.map.number).toBeGreaterThan(20);
  });

  test('[F32] read a state in which groups had no records yet, and write them with the next change', async () => {
    const controller = await formed();
    const { state, machine } = controller;
    const head = JSON.parse(utf8Text(state.get(Uint8Array.of(1)) as Uint8Array));
    const { groups } = machine.map;
    const old = utf8(JSON.stringify({ ...head, map: { ...head.map, groups } }));
    const records = groups.map(({ id }) => ({
      key: Uint8Array.of(5, 0, 0, 0, id),
      value: undefined,
    }));
    state.apply(state.appliedIndex + 1, 1, [{ key: Uint8Array.of(1), value: old }, ...records]);
    const { map } = machine;
    machine.restore(state);
    expect(machine.map).toEqual(map);
    controller.create('t');
    const after = machine.map;
    machine.restore(state);
    expect(machine.map).toEqual(after);
    expect(after.groups).toEqual(groups);
  });

  test('[F32] stop at an apply-version that they do not know', () => {
    const command = encodeControllerCommand({ kind: 'shard-gone', shard: 1 });
    expect(decodeControllerCommand(command)).toEqual({ kind: 'shard-gone', shard: 1 });
    const newer = new TextEncoder().encode(new TextDecoder().decode(command).replace('1', '2'));
    expect(() => decodeControllerCommand(newer)).toThrow(/apply-version 2/);
  });
});
