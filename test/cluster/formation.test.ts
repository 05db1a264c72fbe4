import { describe, expect, test } from 'vitest';
import type { Machine, World } from '../../src/sim/index.ts';
import { createTable, formedWorld, get, makeWorld, put, routerOf } from '../support/world.ts';

function isFormed(machine: Machine): boolean {
  return machine.disk.paths().includes('cluster');
}

function clusterIds(world: World): Set<string | undefined> {
  return new Set(world.machines.map(({ node }) => node?.map.clusterId));
}

describe('formation', { timeout: 30_000 }, () => {
  test.each([1, 2, 3, 5])('[C7] %i empty nodes with one list form a cluster', async (nodes) => {
    const world = await formedWorld(nodes, { nodes });
    expect(world.time.now).toBeLessThan(1_000);
    const table = await createTable(world, 't');
    const last = `n${nodes}`;
    expect(await world.settle(put(routerOf(world, last), table, 'a', '1'))).toMatchObject({
      kind: 'written',
    });
    for (const { name } of world.machines) {
      expect(await world.settle(get(routerOf(world, name), table, 'a'))).toBe('1');
    }
    expect(clusterIds(world).size).toBe(1);
    expect(world.failures).toEqual([]);
  });

  // A process that was told to stop while it opened a replica fell over: that one was not among those that it closed.
  test.each([
    [1, 0.2],
    [3, 0.6],
  ])(
    '[R8] one of %i that is told to stop while the cluster forms ends in good order, and is there again',
    async (nodes, stepMs) => {
      for (let ms = stepMs; ms < 30; ms += stepMs) {
        const world = makeWorld(1, { nodes });
        await world.start();
        await world.run(ms);
        await world.stop('n1');
        expect(world.failures, `after ${ms} ms`).toEqual([]);
        await world.start('n1');
        await world.until(() => world.isReady, 10_000);
      }
    },
  );

  test('[C7] until all are there, every node says whom it waits for, and nobody forms', async () => {
    const world = makeWorld(2);
    await world.start('n1', 'n3');
    await world.run(5_000);
    expect(world.machines.some(isFormed)).toBe(false);
    expect(world.machine('n1').notices.at(-1)).toBe('waits for n2 to form the cluster');
    await world.start('n2');
    await world.until(() => world.isReady, 5_000);
  });

  // Worlds 7499 and 7550: an exchanged disk was full from the start, and the node fell over.
  test.each([0, 10_000])(
    '[L4] [F7] a node that has no room to begin (%i bytes) says so in one line, and begins when it has',
    async (room) => {
      const world = makeWorld(2);
      const machine = world.machine('n1');
      machine.disk.capacityBytes = room;
      await world.start();
      await world.run(1_000);
      expect(machine.exits).toEqual([
        expect.objectContaining({ kind: 'refused', reason: expect.stringMatching(/no room/) }),
      ]);
      machine.disk.capacityBytes = Number.POSITIVE_INFINITY;
      await world.start('n1');
      await world.until(() => world.isReady, 5_000);
      expect(world.failures).toEqual([]);
    },
  );

  test('[C7] lists that differ: one line, and nothing is written', async () => {
    const world = makeWorld(3);
    const [first, second, third] = world.list;
    if (!first || !second || !third) throw new Error('three nodes');
    await world.settle(
      Promise.all([
        world.machine('n1').start([first, second, third]),
        world.machine('n2').start([second, first, third]),
      ]),
    );
    await world.run(2_000);
    for (const name of ['n1', 'n2']) {
      const { exits } = world.machine(name);
      expect(exits.map(({ kind }) => kind)).toEqual(['refused']);
      expect(exits[0]?.reason).toMatch(/--initial-cluster differs between n\d and n\d/);
      expect(isFormed(world.machine(name))).toBe(false);
    }
  });

  test('[C7] a node that no list names is refused in one line', async () => {
    const world = makeWorld(4, { nodes: 4 });
    const three = world.list.slice(0, 3);
    await world.settle(
      Promise.all(['n1', 'n2', 'n3'].map((name) => world.machine(name).start(three))),
    );
    await world.settle(world.machine('n4').start(world.list));
    await world.run(3_000);
    expect(world.machine('n4').exits.map(({ kind }) => kind)).toEqual(['refused']);
    expect(isFormed(world.machine('n4'))).toBe(false);
    for (const name of ['n1', 'n2', 'n3']) expect(world.machine(name).exits).toEqual([]);
  });

  test.each(['n1', 'n2', 'n3'])(
    '[C7] [R7] [G14] %s with an emptied directory is refused by all and harms nothing',
    async (name) => {
      const world = await formedWorld(5);
      const table = await createTable(world, 't');
      await world.settle(put(routerOf(world, 'n1'), table, 'a', '1'));
      world.kill(name);
      world.machine(name).wipe();
      await world.start(name);
      await world.run(3_000);
      const { exits } = world.machine(name);
      expect(exits.map(({ kind }) => kind)).toEqual(['refused']);
      expect(exits[0]?.reason).toMatch(/had another data directory/);
      expect(isFormed(world.machine(name))).toBe(false);
      const other = world.others(name)[0] as string;
      expect(await world.settle(get(routerOf(world, other), table, 'a'))).toBe('1');
      expect(await world.settle(put(routerOf(world, other), table, 'a', '2'))).toMatchObject({
        kind: 'written',
      });
    },
  );

  test('[C7] where a peer is formed already, an empty node never forms', async () => {
    const world = makeWorld(6);
    const third = world.machine('n3');
    await world.settle(third.start([third.peer]));
    await world.until(() => isFormed(third));
    await world.start('n1', 'n2');
    await world.run(3_000);
    const [{ exits }] = [world.machine('n1')];
    expect(exits[0]?.kind).toBe('refused');
    expect(exits[0]?.reason).toMatch(/is formed already and has no node n1/);
    expect(isFormed(world.machine('n1'))).toBe(false);
    expect(third.exits).toEqual([]);
  });

  // The record is persisted, sent and adopted somewhere in these milliseconds: whoever loses power in any of them, and
  // whatever its disk keeps, one cluster comes of it.
  const moments = Array.from({ length: 16 }, (_, i) => 1 + i * 0.75);
  test.each(['n1', 'n2'])(
    '[C7] [F17] %s loses power at any moment of the formation',
    async (name) => {
      for (const moment of moments) {
        const world = makeWorld(7);
        world.launch();
        await world.run(moment);
        world.powerOff(name);
        await world.run(300);
        await world.start(name);
        await world.until(() => world.isReady, 10_000);
        expect(clusterIds(world).size).toBe(1);
        expect(world.machines.flatMap(({ exits }) => exits)).toEqual([]);
      }
    },
  );

  test('[C7] the record is sent again to whom it did not reach, and twice does no harm', async () => {
    const world = makeWorld(8);
    await world.start('n2', 'n3');
    world.launch('n1');
    await world.until(() => isFormed(world.machine('n1')));
    world.isolate('n1');
    await world.run(8_000);
    expect(isFormed(world.machine('n2'))).toBe(false);
    world.heal();
    await world.until(() => world.isReady, 15_000);
    world.kill('n1');
    await world.start('n1');
    await world.until(() => world.isReady, 10_000);
    expect(clusterIds(world).size).toBe(1);
  });
});

describe('worlds', { timeout: 30_000 }, () => {
  test('[lessons §2] the same seed gives the same run, event by event, and another seed another', async () => {
    const run = async (seed: number) => {
      const world = await formedWorld(seed);
      const table = await createTable(world, 't');
      for (let i = 0; i < 10; i++) {
        await world.settle(put(routerOf(world, `n${1 + (i % 3)}`), table, `k${i}`, 'v'));
      }
      world.kill('n2');
      await world.run(2_000);
      return { trace: world.trace, events: world.time.events, now: world.time.now };
    };
    const first = await run(11);
    expect(await run(11)).toEqual(first);
    expect((await run(12)).trace).not.toBe(first.trace);
  });
});
