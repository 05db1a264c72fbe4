import { describe, expect, test } from 'vitest';
import { differences } from '../../src/sim/check/contents.ts';
import type { World } from '../../src/sim/index.ts';
import { Workload } from '../support/workload.ts';
import { createTable, formedWorld } from '../support/world.ts';

const MB = 1024 * 1024;

async function underLoad(world: World, seed: number) {
  const table = await createTable(world, 't');
  const workload = new Workload(world, table, { seed, thinkMs: [20, 60], keys: 12 });
  await world.run(3_000);
  return workload;
}

function leadersOn(world: World, name: string): number {
  return [...(world.machine(name).node?.replicas.all() ?? [])].filter((r) => r.isLeader).length;
}

/** Bytes of logs and of what waits, on one machine. */
function memoryOf(world: World, name: string): number {
  let bytes = 0;
  for (const replica of world.machine(name).node?.replicas.all() ?? []) {
    bytes += replica.status.logBytes;
  }
  return bytes;
}

async function finished(world: World, workload: Workload) {
  await workload.stop();
  expect(await workload.faults()).toEqual([]);
  await world.run(1_000);
  expect(differences(world)).toEqual([]);
  expect(world.failures).toEqual([]);
}

describe('stalls', { timeout: 60_000 }, () => {
  test.each([1])(
    '[R8] [F9] a disk that stalls for 20 s leads no longer after a second, and nobody waits for it (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed);
      const workload = await underLoad(world, seed);
      expect(leadersOn(world, 'n1')).toBeGreaterThan(0);
      const before = memoryOf(world, 'n1');
      world.machine('n1').stallDisk(20_000);
      await world.run(1_500);
      expect(leadersOn(world, 'n1')).toBe(0);
      await world.run(17_000);
      expect(memoryOf(world, 'n1') - before).toBeLessThan(MB);
      await world.run(10_000);
      // Its replicas are followers of what they did not write: consistent reads go on there, too.
      expect(workload.slowestOf(['n1', 'n2', 'n3'])).toBeLessThan(2_500);
      expect(leadersOn(world, 'n1')).toBe(0);
      await world.run(40_000);
      // When it has been well for a while it gets back what is its.
      expect(leadersOn(world, 'n1')).toBeGreaterThan(0);
      await finished(world, workload);
    },
  );

  test('[R8] [F9] a disk that takes 200 ms a write does not go on leading', async () => {
    const world = await formedWorld(3);
    const workload = await underLoad(world, 3);
    world.machine('n1').diskLatencyMs = [150, 250];
    await world.run(6_000);
    expect(leadersOn(world, 'n1')).toBe(0);
    await finished(world, workload);
  });

  test('[F45] [F9] a slow disk of a follower slows nobody else', async () => {
    const world = await formedWorld(4);
    for (const { name } of world.machines) world.machine(name).diskLatencyMs = [0.1, 0.5];
    world.machine('n3').diskLatencyMs = [100, 200];
    await world.run(8_000);
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed: 4, thinkMs: [5, 15], keys: 12 });
    await world.run(5_000);
    expect(leadersOn(world, 'n3')).toBe(0);
    expect(workload.slowestOf(['n1', 'n2'])).toBeLessThan(50);
    await finished(world, workload);
  });

  test.each([1, 2])(
    '[R8] [F19] an event loop that stands still again and again leads no longer (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed);
      const workload = await underLoad(world, seed);
      for (let i = 0; i < 4; i++) {
        world.pause('n1');
        await world.run(600);
        world.resume('n1');
        await world.run(1_000);
      }
      expect(leadersOn(world, 'n1')).toBe(0);
      expect(workload.slowestOf(['n2', 'n3'])).toBeLessThan(1_500);
      await finished(world, workload);
    },
  );

  test('[R8] where no disk is better, the leaders stay where they are', async () => {
    const world = await formedWorld(5);
    const workload = await underLoad(world, 5);
    for (const { name } of world.machines) world.machine(name).diskLatencyMs = [150, 250];
    await world.run(20_000);
    const terms = () =>
      world.machines.flatMap(({ node }) => [...(node?.replicas.all() ?? [])].map((r) => r.term));
    const before = terms();
    await world.run(20_000);
    expect(terms()).toEqual(before);
    await finished(world, workload);
  });
});
