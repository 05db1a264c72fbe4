import { describe, expect, test } from 'vitest';
import type { Machine, World } from '../../src/sim/index.ts';
import { areCaughtUp, differences } from '../support/contents.ts';
import { SMALL } from '../support/scenario.ts';
import { Workload } from '../support/workload.ts';
import { createTable, formedWorld, put, routerOf } from '../support/world.ts';

const BIG = 'x'.repeat(2_000);

/** A cluster whose third node is so far behind that the logs of the others do not reach back to it. */
async function farBehind(
  seed: number,
  diskLatencyMs?: readonly [min: number, max: number],
): Promise<World> {
  const limits = { ...SMALL, logSegmentsMax: 1 };
  const world = await formedWorld(seed, { limits, ...(diskLatencyMs && { diskLatencyMs }) });
  const table = await createTable(world, 't');
  world.kill('n3');
  for (let i = 0; i < 100; i++) {
    await world.settle(put(routerOf(world, i % 2 ? 'n1' : 'n2'), table, `key ${i}`, BIG + i));
  }
  await world.run(1_000);
  for (const group of [1, 2, 3]) {
    const { storedIndex } = replica(world.leader(group), group).status;
    expect(storedIndex).toBeGreaterThan(5);
  }
  return world;
}

function replica(machine: Machine | undefined, group: number) {
  const found = machine?.node?.replicas.get(group);
  if (!found) throw new Error(`no replica of group ${group}`);
  return found;
}

describe('a follower behind the compaction point', { timeout: 30_000 }, () => {
  test.each<[number, readonly [number, number] | undefined]>([
    [1, undefined],
    [2, undefined],
    [3, undefined],
    // The state moves on while the disk makes room for the snapshot's file.
    [4, [4, 12]],
    [5, [4, 12]],
    [6, [4, 12]],
  ])(
    '[E3] [R4] catches up by snapshot while writes go on (seed %i, disk %j ms)',
    async (seed, diskLatencyMs) => {
      const world = await farBehind(seed, diskLatencyMs);
      const table = routerOf(world, 'n1').findTable('t');
      if (!('shards' in table)) throw new Error('a table');
      const workload = new Workload(world, table, { seed, thinkMs: [2, 10], keys: 30 });
      await world.start('n3');
      const commit = [1, 2, 3].map((group) => replica(world.leader(group), group).status.commit);
      await world.until(
        () =>
          [1, 2, 3].every(
            (g, i) => replica(world.machine('n3'), g).state.appliedIndex > (commit[i] ?? 0),
          ),
        10_000,
      );
      await workload.stop();
      await world.until(() => areCaughtUp(world));
      expect(differences(world)).toEqual([]);
      expect(await workload.faults()).toEqual([]);
      for (const group of [1, 2, 3]) {
        expect(replica(world.machine('n3'), group).status.storedIndex).toBeGreaterThan(5);
      }
      expect(world.failures).toEqual([]);
    },
  );

  // From the offer to the reset of the log: every few milliseconds once.
  const moments = Array.from({ length: 16 }, (_, i) => 12 + i * 9);
  test.each(['loses power', 'is killed'])(
    '[F30] [F31] [F17] %s at any moment of the install and starts again',
    async (what) => {
      for (const moment of moments) {
        const world = await farBehind(4);
        world.launch('n3');
        await world.run(moment);
        if (what === 'is killed') world.kill('n3');
        else world.powerOff('n3');
        await world.run(20);
        await world.start('n3');
        await world.until(() => areCaughtUp(world), 20_000);
        expect(differences(world)).toEqual([]);
        expect(world.failures).toEqual([]);
      }
    },
  );

  test.each([15, 30, 60, 90])(
    '[F30] its leader is killed %i ms after the offer: another one offers',
    async (moment) => {
      const world = await farBehind(5);
      await world.start('n3');
      await world.run(moment);
      world.kill('n1');
      await world.run(4_000);
      await world.start('n1');
      await world.until(() => areCaughtUp(world), 30_000);
      expect(differences(world)).toEqual([]);
      expect(world.failures).toEqual([]);
    },
  );

  test('[F30] [F4] a snapshot whose bytes were damaged on the way is not installed, and offered again', async () => {
    const world = await farBehind(6);
    let damaged = 0;
    await world.start('n3');
    const disk = world.machine('n3').disk;
    await world.until(() => {
      const path = disk.paths().find((name) => name.endsWith('.in'));
      if (path === undefined || disk.content(path).length < 1_000 || damaged > 0)
        return damaged > 0;
      disk.flip(path, 700, 1);
      damaged++;
      return true;
    }, 10_000);
    expect(damaged).toBe(1);
    await world.until(() => areCaughtUp(world), 30_000);
    expect(differences(world)).toEqual([]);
    expect(world.failures).toEqual([]);
  });
});

describe('the log on the disk', { timeout: 30_000 }, () => {
  test.each([1, 2, 3])(
    '[L3] [R4] a follower that was away for a while gets from it what is in memory no more (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed, { limits: { ...SMALL, logSegmentBytes: 256 * 1024 } });
      const table = await createTable(world, 't');
      world.kill('n3');
      for (let i = 0; i < 100; i++) {
        await world.settle(put(routerOf(world, i % 2 ? 'n1' : 'n2'), table, `key ${i}`, BIG + i));
      }
      if (seed === 3) {
        // A leader that has started since has nothing of it in memory.
        world.kill('n1');
        await world.run(3_000);
        await world.start('n1');
        await world.run(8_000);
      }
      for (const group of [1, 2, 3]) {
        const { firstIndex, storedIndex } = replica(world.leader(group), group).status;
        expect(firstIndex).toBeGreaterThan(10);
        expect(storedIndex).toBe(0);
      }
      const workload = new Workload(world, table, { seed, thinkMs: [2, 10], keys: 30 });
      await world.start('n3');
      await world.run(3_000);
      await workload.stop();
      await world.until(() => areCaughtUp(world));
      expect(differences(world)).toEqual([]);
      expect(await workload.faults()).toEqual([]);
      expect(world.failures).toEqual([]);
      // No snapshot: the log of every replica begins at its beginning.
      for (const group of [1, 2, 3]) {
        expect(replica(world.machine('n3'), group).status.storedIndex).toBe(0);
      }
    },
  );

  test('[L3] a group that does nothing pins no segment, while another one writes on and on', async () => {
    const world = await formedWorld(7, { limits: { ...SMALL, logSegmentsMax: 3 } });
    const table = await createTable(world, 't');
    const router = routerOf(world, 'n1');
    // One key: one group writes, the two others and the controller have a few entries in the first segment.
    for (let i = 0; i < 400; i++) await world.settle(put(router, table, 'one', BIG));
    await world.run(2_500);
    for (const { disk } of world.machines) {
      expect(disk.paths().filter((path) => path.startsWith('log/')).length).toBeLessThanOrEqual(6);
    }
    world.powerOff('n1', 'n2', 'n3');
    await world.start();
    await world.until(() => world.isReady && areCaughtUp(world), 10_000);
    expect(differences(world)).toEqual([]);
  });
});
