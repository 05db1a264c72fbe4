import { describe, expect, test } from 'vitest';
import type { World } from '../../src/sim/index.ts';
import { Workload } from '../support/workload.ts';
import { createTable, formedWorld } from '../support/world.ts';

async function underLoad(seed: number, change: (world: World) => Promise<void>) {
  const world = await formedWorld(seed);
  const table = await createTable(world, 't');
  const workload = new Workload(world, table, { seed, thinkMs: [5, 15], keys: 12 });
  await world.run(1_000);
  expect(workload.longestGapMs).toBeLessThan(50);
  await change(world);
  await workload.stop();
  expect(await workload.faults()).toEqual([]);
  expect(world.failures).toEqual([]);
  return workload;
}

/** How long any client of a node that lives may wait for one answer. */
const FAIL_OVER_MS = 3_000;

describe('fail-over', { timeout: 30_000 }, () => {
  test.each([1, 2])(
    '[R10] [F23] a killed leader is missed for less than two seconds (seed %i)',
    async (seed) => {
      const workload = await underLoad(seed, async (world) => {
        world.kill('n1');
        await world.run(4_000);
      });
      expect(workload.slowestOf(['n2', 'n3'])).toBeLessThan(2_000);
    },
  );

  test.each([1, 2])(
    '[R10] [F18] a paused leader is missed for less than three seconds (seed %i)',
    async (seed) => {
      const workload = await underLoad(seed, async (world) => {
        world.pause('n1');
        await world.run(6_000);
        // Its own clients wait for it, which is no part of the promise.
        world.resume('n1');
        await world.run(2_000);
      });
      expect(workload.slowestOf(['n2', 'n3'])).toBeLessThan(FAIL_OVER_MS);
    },
  );

  test.each([1, 2])(
    '[R10] [F1] a leader without power is missed for less than three seconds (seed %i)',
    async (seed) => {
      const workload = await underLoad(seed, async (world) => {
        world.powerOff('n1');
        await world.run(6_000);
      });
      expect(workload.slowestOf(['n2', 'n3'])).toBeLessThan(FAIL_OVER_MS);
    },
  );

  // Who hears the other, and is not heard, learns it when that one gives the connection up.
  test.each([
    { seed: 1, cuts: ['n1>n2', 'n2>n1'], slowestMs: FAIL_OVER_MS },
    { seed: 2, cuts: ['n1>n2', 'n2>n1'], slowestMs: FAIL_OVER_MS },
    { seed: 3, cuts: ['n1>n2'], slowestMs: 6_000 },
  ])(
    '[F10] [F11] where the way between two nodes is cut, $cuts, the third one passes on what is asked (seed $seed)',
    async ({ seed, cuts, slowestMs }) => {
      const ways = cuts.map((way) => way.split('>') as [string, string]);
      const workload = await underLoad(seed, async (world) => {
        for (const [from, to] of ways) world.network.cut(from, to);
        await world.run(12_000);
        for (const [from, to] of ways) world.network.mend(from, to);
        await world.run(1_000);
      });
      expect(workload.slowestOf(['n1', 'n2', 'n3'])).toBeLessThan(slowestMs);
    },
  );

  test.each([1, 3])(
    '[R10] [F18] a stall of less than the election timeout changes no leader (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed);
      await world.run(5_000);
      const terms = () =>
        world.machines.flatMap(({ node }) => [...(node?.replicas.all() ?? [])].map((r) => r.term));
      const before = terms();
      for (const name of ['n1', 'n2', 'n3', 'n1']) {
        world.pause(name);
        await world.run(800);
        world.resume(name);
        await world.run(700);
      }
      expect(terms()).toEqual(before);
    },
  );

  test('[R10] after a stall of everybody nobody takes it for the silence of a leader', async () => {
    const world = await formedWorld(4);
    await world.run(5_000);
    const terms = () =>
      world.machines.flatMap(({ node }) => [...(node?.replicas.all() ?? [])].map((r) => r.term));
    const before = terms();
    for (const { name } of world.machines) world.pause(name);
    await world.run(30_000);
    for (const { name } of world.machines) world.resume(name);
    await world.run(3_000);
    expect(terms()).toEqual(before);
  });

  test.each([1, 2])(
    '[R8] [F22] a node that stops hands over without a gap (seed %i)',
    async (seed) => {
      const workload = await underLoad(seed, async (world) => {
        await world.stop('n1');
        await world.run(1_000);
      });
      expect(workload.slowestOf(['n2', 'n3'])).toBeLessThan(300);
      expect(workload.outcomes.get('unavailable')).toBeUndefined();
    },
  );

  test('[R8] a stop ends although nobody can take over', async () => {
    const world = await formedWorld(5);
    world.kill('n2');
    world.kill('n3');
    const before = world.time.now;
    await world.stop('n1');
    expect(world.time.now - before).toBeLessThan(4_000);
    expect(world.failures).toEqual([]);
  });

  test('[F20] leaders spread over the nodes again after a restart', async () => {
    const world = await formedWorld(6);
    world.kill('n1');
    await world.run(3_000);
    await world.start('n1');
    await world.until(
      () => world.leader(1)?.name === 'n1' && world.leader(0)?.name === 'n1',
      10_000,
    );
    expect([1, 2, 3].map((group) => world.leader(group)?.name)).toEqual(['n1', 'n2', 'n3']);
  });
});
