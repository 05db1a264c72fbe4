import { describe, expect, test } from 'vitest';
import type { ShardRecord } from '../../src/controller/index.ts';
import { areAtHome, areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import type { World } from '../../src/sim/index.ts';
import { SMALL } from '../support/scenario.ts';
import { Workload } from '../support/workload.ts';
import { createTable, formedWorld, get, put, routerOf } from '../support/world.ts';

const NEVER = { splitBytes: 1e12, splitPerSecond: 1e12, mergeAfterMs: 1e12 };

function shards(world: World): readonly ShardRecord[] {
  return world.machines[0]?.node?.map.tables.flatMap((table) => table.shards) ?? [];
}

/** Bytes of each shard, as its group has them. */
function bytes(world: World): number[] {
  return shards(world).map(({ id, group }) => {
    const held = world.machines.map(({ node }) => node?.replicas.data(group)?.machine.shard(id));
    return Math.max(...held.map((shard) => shard?.bytes ?? 0));
  });
}

describe('shards by themselves', { timeout: 60_000 }, () => {
  test('[C1] split in the middle of what they have, go to all groups, and are one again when they are empty', async () => {
    const resharding = { ...NEVER, splitBytes: 6_000, mergeAfterMs: 20_000 };
    const world = await formedWorld(1, { limits: SMALL, resharding });
    const table = await createTable(world, 't');
    const router = routerOf(world, 'n2');
    const first = shards(world)[0] as ShardRecord;
    const v = 'x'.repeat(90);
    const names = Array.from({ length: 360 }, (_, i) => `k${i}`);
    for (const name of names) await world.settle(put(router, table, name, v));
    const isSplit = () => shards(world).length > 5 && bytes(world).every((size) => size <= 6_000);
    await world.until(isSplit, 120_000);
    await world.until(() => areAtHome(world), 60_000);
    expect(shards(world)[0]?.hashStart).toBe(first.hashStart);
    expect(shards(world)[0]?.hashEnd).not.toBe(first.hashEnd);
    // Halves, not something and the rest.
    expect(Math.min(...bytes(world))).toBeGreaterThan(2_000);
    const groups = new Set(shards(world).map(({ group }) => group));
    expect(groups).toEqual(new Set([1, 2, 3]));
    for (const name of names) expect(await world.settle(get(router, table, name))).toBe(v);

    for (const name of names) await world.settle(put(router, table, name, ''));
    await world.until(() => shards(world).length === 3 && areAtHome(world), 600_000);
    for (const name of names.slice(0, 50)) {
      expect(await world.settle(get(router, table, name))).toBe('');
    }
    await world.until(() => areCaughtUp(world));
    expect(differences(world)).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  test('[C1] split where clients have much to do, and no further than helps', async () => {
    const resharding = { ...NEVER, splitPerSecond: 8, splitAfterMs: 2_000 };
    const world = await formedWorld(2, { limits: SMALL, resharding });
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed: 2, thinkMs: [10, 40], keys: 40 });
    await world.until(() => shards(world).length >= 11, 300_000);
    await world.run(15_000);
    // Four a group, and one for each leader that saw one less at the same moment.
    expect(shards(world).length).toBeLessThanOrEqual(14);
    await workload.stop();
    expect(await workload.faults()).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  test('a shard that is all of one partition stays one', async () => {
    const resharding = { ...NEVER, splitBytes: 1_000 };
    const world = await formedWorld(3, { limits: SMALL, resharding });
    const table = await createTable(world, 't');
    const router = routerOf(world, 'n1');
    await world.settle(put(router, table, 'one', 'x'.repeat(5_000)));
    await world.run(60_000);
    expect(shards(world)).toHaveLength(3);
    expect(world.failures).toEqual([]);
  });
});
