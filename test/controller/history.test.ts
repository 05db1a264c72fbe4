import { describe, expect, test } from 'vitest';
import { HISTORY_BYTES, HISTORY_LENGTH } from '../../src/controller/history.ts';
import { type Configuration, ControllerMachine } from '../../src/controller/index.ts';
import { MemoryEngine } from '../../src/engine/index.ts';
import { formed, nodes, TestController } from './support.ts';

function found(controller: TestController, number: number): Configuration {
  const configuration = controller.configuration(number);
  if (typeof configuration === 'string') throw new Error(configuration);
  return configuration;
}

describe('numbered configurations', () => {
  test('number 0 is empty, and so is the newest one while there is none', async () => {
    const empty = { number: 0, groups: [], shards: [] };
    const controller = await TestController.open();
    for (const number of [-1, 0, 1, 5]) expect(controller.configuration(number)).toEqual(empty);
    expect((await formed()).configuration(0)).toEqual(empty);
  });

  test('have the groups that have joined, their nodes in order, and the home of every shard', async () => {
    const controller = await formed(3);
    expect(found(controller, -1)).toEqual({
      number: 1,
      groups: [
        { id: 1, nodes: ['n1', 'n2', 'n3'] },
        { id: 2, nodes: ['n2', 'n3', 'n1'] },
        { id: 3, nodes: ['n3', 'n1', 'n2'] },
      ],
      shards: [],
    });
    controller.create('t');
    controller.apply({ kind: 'leave', groups: [2] });
    const { number, groups, shards } = found(controller, -1);
    expect(number).toBe(controller.machine.map.number);
    expect(groups.map(({ id }) => id)).toEqual([1, 3]);
    expect(shards).toEqual(controller.shards.map(({ id, home }) => ({ id, table: 1, home })));
  });

  test('come to be when groups, their nodes or homes change, with the number of the map, and never else', async () => {
    const controller = await formed(4);
    const numbers = () => {
      const { number } = controller.machine.map;
      const all = Array.from({ length: number }, (_, i) => found(controller, i + 1).number);
      return [...new Set(all)];
    };
    controller.create('t'); // 2
    controller.serve('t'); // 3 to 6
    controller.apply({ kind: 'leave', groups: [4] }); // 7
    controller.apply({ kind: 'leave', groups: [4] });
    const moving = controller.shards.find(({ movingTo }) => movingTo !== 0);
    controller.arrive(moving?.id ?? 0); // 8
    controller.apply({ kind: 'move-shard', shard: 1, to: 3 }); // 9
    controller.apply({ kind: 'move-replica', group: 1, from: 'n1', to: 'n4' }); // 10
    expect(controller.machine.map.number).toBe(10);
    expect(numbers()).toEqual([1, 2, 7, 9, 10]);
    controller.remove('t');
    expect(numbers()).toEqual([1, 2, 7, 9, 10, 11]);
    expect(controller.machine.map.number).toBeGreaterThan(11);
  });

  test('are found by the numbers in between and after, too', async () => {
    const controller = await formed(3);
    controller.create('t');
    controller.serve('t');
    controller.apply({ kind: 'leave', groups: [1] });
    expect([1, 2, 3, 4, 5, 6, 7, 1e9, -1].map((n) => found(controller, n).number)).toEqual([
      1, 2, 2, 2, 2, 6, 6, 6, 6,
    ]);
  });

  test('outlive a restart and a crash, as the state does', async () => {
    let engine = new MemoryEngine();
    const before = await TestController.open(engine);
    before.apply({ kind: 'form', clusterId: 'aa', nodes: nodes(3) });
    before.create('t');
    before.apply({ kind: 'leave', groups: [1, 2] });
    await before.state.flush();
    engine = engine.crash();
    const after = await TestController.open(engine);
    for (let number = -1; number < 5; number++) {
      expect(after.configuration(number)).toEqual(before.configuration(number));
    }
    after.apply({ kind: 'join', groups: [{ id: 2, nodes: [] }] });
    expect(found(after, -1).groups.map(({ id }) => id)).toEqual([2, 3]);
    expect(found(after, 3)).toEqual(found(before, 3));
  });

  test('are a thousand, and an older one is refused with the reason', async () => {
    const controller = await formed(1);
    controller.create('t');
    for (let i = 0; i < HISTORY_LENGTH / 2; i++) {
      controller.apply({ kind: 'leave', groups: [1] });
      controller.apply({ kind: 'join', groups: [{ id: 1, nodes: [] }] });
    }
    expect(found(controller, 3).number).toBe(3);
    expect(controller.configuration(2)).toBe(
      'configuration 2 is forgotten: the oldest one that is kept is 3',
    );
    const restarted = new ControllerMachine();
    restarted.restore(controller.state);
    expect(restarted.configuration(2, controller.state)).toBe(controller.configuration(2));
    expect(restarted.configuration(3, controller.state)).toEqual(found(controller, 3));
    expect(found(controller, 0).number).toBe(0);
  });

  test('are 16 MiB at most', async () => {
    const controller = await TestController.open();
    const long = nodes(3).map((node) => ({ ...node, name: node.name.repeat(200) }));
    controller.apply({ kind: 'form', clusterId: 'aa', nodes: long, groups: 300 });
    const change = () => {
      controller.apply({ kind: 'leave', groups: [1] });
      controller.apply({ kind: 'join', groups: [{ id: 1, nodes: [] }] });
    };
    for (let i = 0; i < 30; i++) change();
    const kept = () => {
      const cursor = controller.state.range({ from: Uint8Array.of(3), to: Uint8Array.of(4) });
      const sizes: number[] = [];
      for (let pair = cursor.next(); pair; pair = cursor.next()) sizes.push(pair.value.length);
      cursor.close();
      return sizes;
    };
    const sizes = kept();
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeLessThanOrEqual(HISTORY_BYTES);
    expect(total).toBeGreaterThan(HISTORY_BYTES - 2 * Math.max(...sizes));
    controller.machine.restore(controller.state);
    change();
    expect(kept()).toHaveLength(sizes.length);
    expect(controller.configuration(1)).toMatch(/is forgotten/);
  });

  test.each([-2, 1.5, Number.NaN, 2 ** 60])('%d is refused', async (number) => {
    expect((await formed()).configuration(number)).toBe(
      `${number} is no number of a configuration`,
    );
  });
});
