import { describe, expect, test } from 'vitest';
import type { ShardRecord } from '../../src/controller/index.ts';
import { SimRandom, type World } from '../../src/sim/index.ts';
import { ask, expectNothingLost } from '../support/nodes.ts';
import { crashes, SMALL } from '../support/scenario.ts';
import { Workload } from '../support/workload.ts';
import { createTable, formedWorld, get, put, routerOf } from '../support/world.ts';

/** As every node knows them, one list after the other. */
function records(world: World): ShardRecord[][] {
  return world.machines.flatMap(({ node }) =>
    node ? [node.map.tables.flatMap(({ shards }) => shards)] : [],
  );
}

function nth(world: World, i: number): ShardRecord {
  const record = records(world)[0]?.[i];
  if (!record) throw new Error(`no shard ${i}`);
  return record;
}

/** The groups of which a replica holds something of the shard. */
function holders(world: World, shard: number): number[] {
  const groups = new Set<number>();
  for (const { node } of world.machines) {
    for (const { replica, machine } of node?.replicas.allData() ?? []) {
      if (machine.shard(shard)) groups.add(replica.group);
    }
  }
  return [...groups].sort((a, b) => a - b);
}

/** Every shard is at home, nobody has anything of it besides, and all nodes know. */
async function atHome(world: World): Promise<void> {
  await world.until(
    () =>
      records(world).every((shards) =>
        shards.every(
          ({ id, group, home, movingTo, becomes }) =>
            group === home &&
            movingTo === 0 &&
            !becomes &&
            holders(world, id).join() === `${group}`,
        ),
      ),
    120_000,
  );
}

describe('a shard that moves', { timeout: 60_000 }, () => {
  test('[C2] [C3] to another group, while clients work; the old one deletes its copy', async () => {
    const world = await formedWorld(1, { limits: SMALL });
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed: 1, thinkMs: [5, 20], keys: 40 });
    await world.run(2_000);
    const shard = nth(world, 0);
    const to = (shard.group % 3) + 1;
    expect(await ask(world, { kind: 'move-shard', shard: shard.id, to })).toEqual({ kind: 'done' });
    await atHome(world);
    const record = records(world)[0]?.find(({ id }) => id === shard.id);
    expect(record).toMatchObject({ group: to, home: to, movingTo: 0, epoch: 2 });
    await world.run(2_000);
    await expectNothingLost(world, workload);
  });

  test('[C3] [S4] is copied anew where more has changed than is listed for a group that does not come', async () => {
    let isLate = false;
    const world = await formedWorld(4, {
      limits: { ...SMALL, machine: { listed: { min: 20, perItem: 0 } } },
      buggify: (site) => isLate && (site === 'jobs: a late part' || site === 'jobs: a small part'),
    });
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed: 4, thinkMs: [5, 20], keys: 40 });
    await world.run(2_000);
    const anew = () =>
      world.machines.flatMap(({ notices }) => notices.filter((text) => /copied anew/.test(text)));
    isLate = true;
    const { id, group } = nth(world, 0);
    await ask(world, { kind: 'move-shard', shard: id, to: (group % 3) + 1 });
    await world.until(() => anew().length > 2, 60_000);
    isLate = false;
    await atHome(world);
    expect(anew()[0]).toBe(`shard ${id} is copied anew: group ${group} lists its changes no more`);
    expect(nth(world, 0)).toMatchObject({ group: (group % 3) + 1, epoch: 2 });
    await world.run(2_000);
    await expectNothingLost(world, workload);
  });

  test('[C2] [F36] to and fro, with its items and without those that were deleted', async () => {
    const world = await formedWorld(2, { limits: SMALL });
    const table = await createTable(world, 't');
    const router = routerOf(world, 'n2');
    for (let i = 0; i < 300; i++) await world.settle(put(router, table, `k${i}`, `v${i}`));
    for (let round = 0; round < 4; round++) {
      const { id, group } = nth(world, round % 3);
      await ask(world, { kind: 'move-shard', shard: id, to: (group % 3) + 1 });
      await atHome(world);
    }
    const page = async () => {
      const found = await Promise.all(
        Array.from({ length: 300 }, (_, i) => get(router, table, `k${i}`)),
      );
      return found.filter((v, i) => v !== `v${i}`);
    };
    expect(await world.settle(page())).toEqual([]);
    const statistics = await world.settle(router.tableStatistics(table));
    expect(statistics).toMatchObject({ items: 300 });
    expect(world.failures).toEqual([]);
  });

  test('[C1] [F34] groups leave and join while clients work, and shards follow', async () => {
    const world = await formedWorld(3, { limits: SMALL });
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed: 3, thinkMs: [5, 20], keys: 40 });
    for (const group of [1, 3]) {
      expect(await ask(world, { kind: 'leave', groups: [group] })).toEqual({ kind: 'done' });
      await atHome(world);
    }
    expect(new Set(records(world)[0]?.map(({ group }) => group))).toEqual(new Set([2]));
    const groups = [1, 3].map((id) => ({ id, nodes: [] }));
    expect(await ask(world, { kind: 'join', groups })).toEqual({ kind: 'done' });
    await atHome(world);
    expect(new Set(records(world)[0]?.map(({ group }) => group))).toEqual(new Set([1, 2, 3]));
    await workload.stop();
    expect(await workload.faults()).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    '[C2] [C3] [F36] under crashes at any moment, of all (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed, { limits: SMALL });
      const table = await createTable(world, 't');
      const workload = new Workload(world, table, { seed, thinkMs: [10, 40], keys: 40 });
      const random = new SimRandom(seed, 'crashes');
      await world.run(1_000);
      for (let round = 0; round < 3; round++) {
        for (const { id } of records(world)[0] ?? []) {
          await ask(world, { kind: 'move-shard', shard: id, to: random.between(1, 3) });
        }
        await crashes(world, random, 5);
        await world.until(() => world.isReady, 60_000);
        await atHome(world);
      }
      await expectNothingLost(world, workload);
    },
  );
});

describe('shards that split and merge', { timeout: 60_000 }, () => {
  test('[C2] [D1] [F37] while clients work, and pages go over all of them', async () => {
    const world = await formedWorld(5, { limits: SMALL });
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed: 5, thinkMs: [5, 20], keys: 40 });
    await world.run(2_000);
    const { id, hashStart, group } = nth(world, 1);
    const split = { kind: 'split-shard', shard: id, at: '6666666666666666' } as const;
    expect(await ask(world, split)).toEqual({ kind: 'done' });
    await world.until(() => records(world).every((shards) => shards.length === 4));
    await atHome(world);
    const [, lower, upper] = records(world)[0] ?? [];
    expect(lower).toMatchObject({ hashStart, hashEnd: split.at, group, epoch: 2, parents: [id] });
    expect(upper).toMatchObject({ hashStart: split.at, group, epoch: 2, parents: [id] });
    expect(holders(world, id)).toEqual([]);
    await world.run(2_000);

    const merge = { kind: 'merge-shards', shard: lower?.id ?? 0, next: upper?.id ?? 0 } as const;
    expect(await ask(world, merge)).toEqual({ kind: 'done' });
    await world.until(() => records(world).every((shards) => shards.length === 3));
    await atHome(world);
    const parents = [lower?.id, upper?.id];
    expect(nth(world, 1)).toMatchObject({ hashStart, group, epoch: 3, parents });
    await world.run(2_000);
    await expectNothingLost(world, workload);
  });

  test.each([1, 2, 3, 4, 5, 6])(
    '[C2] [C3] [F37] beside moves, under crashes at any moment (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed, { limits: SMALL });
      const table = await createTable(world, 't');
      const workload = new Workload(world, table, { seed, thinkMs: [10, 40], keys: 40 });
      const random = new SimRandom(seed, 'crashes');
      await world.run(1_000);
      for (let round = 0; round < 4; round++) {
        const shards = records(world)[0] ?? [];
        for (const [i, { id, home }] of shards.entries()) {
          const next = shards[i + 1];
          if (random.once(3)) {
            await ask(world, { kind: 'move-shard', shard: id, to: random.between(1, 3) });
          } else if (next?.home === home) {
            await ask(world, { kind: 'merge-shards', shard: id, next: next.id });
          } else if (shards.length < 8) await ask(world, { kind: 'split-shard', shard: id });
        }
        await crashes(world, random, 4);
        await world.until(() => world.isReady, 60_000);
        await atHome(world);
      }
      await expectNothingLost(world, workload);
    },
  );
});
