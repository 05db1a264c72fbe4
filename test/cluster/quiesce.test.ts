import { describe, expect, test } from 'vitest';
import type { Table } from '../../src/controller/index.ts';
import type { World } from '../../src/sim/index.ts';
import { createTable, formedWorld, get, put, routerOf } from '../support/world.ts';

/** Longer than a group without anything to do stays awake. */
const REST_MS = 5_000;
/** Of a leader that dies: a second until its silence is noticed, two election timeouts, and the retries of routers. */
const FAIL_OVER_MS = 5_000;

function replicasOf(world: World) {
  return world.machines.flatMap(({ node, isRunning }) =>
    isRunning ? [...(node?.replicas.all() ?? [])] : [],
  );
}

const isAsleep = (world: World) => replicasOf(world).every(({ raft }) => raft.isQuiesced);

/** Counts the messages of Raft that leave from now on. */
function counter(world: World): () => number {
  let count = 0;
  for (const { node } of world.machines) {
    if (node) node.watcher = { onMessage: () => count++, onReplica: () => {}, onApplied: () => {} };
  }
  return () => count;
}

async function asleep(seed: number): Promise<{ world: World; table: Table }> {
  const world = await formedWorld(seed);
  const table = await createTable(world, 't');
  await world.settle(put(routerOf(world, 'n1'), table, 'k', 'before'));
  await world.run(REST_MS);
  expect(isAsleep(world)).toBe(true);
  return { world, table };
}

/** Writes and reads a key in every group through a node, and says how long that took. */
async function use(world: World, table: Table, via: string, value: string): Promise<number> {
  const router = routerOf(world, via);
  const began = world.time.now;
  const keys = Array.from({ length: 24 }, (_, i) => `key ${i}`);
  const written = await world.settle(
    Promise.all(keys.map((key) => put(router, table, key, value))),
  );
  expect(written.map(({ kind }) => kind)).toEqual(keys.map(() => 'written'));
  const read = await world.settle(Promise.all(keys.map((key) => get(router, table, key))));
  expect(read).toEqual(keys.map(() => value));
  return world.time.now - began;
}

describe('groups that sleep', { timeout: 30_000 }, () => {
  test('[G19] send nothing for a minute, and lead where they led', async () => {
    const { world } = await asleep(1);
    const sent = counter(world);
    const terms = replicasOf(world).map(({ term }) => term);
    await world.run(60_000);
    expect(sent()).toBe(0);
    expect(isAsleep(world)).toBe(true);
    expect(replicasOf(world).map(({ term }) => term)).toEqual(terms);
    expect([1, 2, 3].map((group) => world.leader(group)?.name)).toEqual(['n1', 'n2', 'n3']);
  });

  test('[G19] [R6] serve reads and writes through every node at once, and sleep again', async () => {
    const { world, table } = await asleep(2);
    for (const name of ['n1', 'n2', 'n3']) {
      expect(await use(world, table, name, `by ${name}`)).toBeLessThan(100);
      await world.run(REST_MS);
      expect(isAsleep(world)).toBe(true);
    }
  });

  test.each(['kill', 'powerOff', 'pause', 'isolate'] as const)(
    '[G19] [R10] elect another leader when the node of theirs is lost: %s',
    async (how) => {
      const { world, table } = await asleep(3);
      world[how]('n1');
      expect(await use(world, table, 'n2', how)).toBeLessThan(FAIL_OVER_MS);
      await world.until(
        () => world.leader(1) !== undefined || how === 'pause' || how === 'isolate',
      );
      const led = () =>
        ['n2', 'n3'].some((name) => world.machine(name).node?.replicas.get(1)?.isLeader);
      await world.until(led, FAIL_OVER_MS);
    },
  );

  test('[G19] without anybody asking, another one leads in time', async () => {
    for (const how of ['kill', 'powerOff', 'pause', 'isolate'] as const) {
      const { world } = await asleep(4);
      world[how]('n1');
      const led = () =>
        ['n2', 'n3'].some((name) => world.machine(name).node?.replicas.get(1)?.isCurrent);
      await world.until(led, FAIL_OVER_MS);
    }
  });

  test('[G19] [R3] [G8] a leader that is alone does not take itself for one for long', async () => {
    const { world } = await asleep(5);
    world.isolate('n1');
    await world.run(3_000);
    for (const replica of world.machine('n1').node?.replicas.all() ?? []) {
      expect(replica.isLeader).toBe(false);
    }
  });

  test('the two that are left of three sleep without the dead one, and feed it when it is there again', async () => {
    const { world, table } = await asleep(6);
    world.kill('n3');
    await use(world, table, 'n1', 'while it was away');
    await world.run(REST_MS);
    expect(isAsleep(world)).toBe(true);
    const sent = counter(world);
    await world.run(30_000);
    expect(sent()).toBe(0);
    await world.start('n3');
    const indexes = (group: number) =>
      world.machines.map(({ node }) => node?.replicas.get(group)?.state.appliedIndex);
    const areEqual = () => [1, 2, 3].every((group) => new Set(indexes(group)).size === 1);
    await world.until(areEqual, FAIL_OVER_MS);
    await world.until(() => world.leader(3)?.name === 'n3', 10_000);
    await world.run(REST_MS);
    expect(isAsleep(world)).toBe(true);
  });

  test('[G19] [F11] a link of one direction alone: everybody is served, and who hears nothing is fed later', async () => {
    for (const [from, to] of [
      ['n1', 'n2'],
      ['n2', 'n1'],
    ] as const) {
      const { world, table } = await asleep(7);
      world.network.cut(from, to);
      await world.run(3_000);
      expect(await use(world, table, 'n3', `${from} to ${to}`)).toBeLessThan(FAIL_OVER_MS);
      world.heal();
      await world.run(REST_MS + FAIL_OVER_MS);
      expect(await use(world, table, 'n2', 'healed')).toBeLessThan(100);
      await world.run(REST_MS);
      expect(isAsleep(world)).toBe(true);
    }
  });

  test('[F20] all nodes start again, and the groups serve and sleep as before', async () => {
    const { world, table } = await asleep(8);
    for (const { name } of world.machines) world.kill(name);
    await world.start();
    await world.until(() => world.isReady, 10_000);
    expect(await use(world, table, 'n2', 'again')).toBeLessThan(FAIL_OVER_MS);
    await world.run(4 * REST_MS);
    expect(isAsleep(world)).toBe(true);
    expect(world.failures).toEqual([]);
  });

  test('[R8] leaders that sleep leave when their node stops', async () => {
    const { world, table } = await asleep(9);
    await world.stop('n1');
    expect(await use(world, table, 'n2', 'without n1')).toBeLessThan(1_000);
  });
});
