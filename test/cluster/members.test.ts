import { describe, expect, test } from 'vitest';
import type { ControllerOutcome, GroupRecord } from '../../src/controller/index.ts';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import { SimRandom, type World } from '../../src/sim/index.ts';
import { ask } from '../support/nodes.ts';
import { crashes, SMALL } from '../support/scenario.ts';
import { Workload } from '../support/workload.ts';
import { createTable, formedWorld } from '../support/world.ts';

function move(world: World, group: number, from: string, to: string): Promise<ControllerOutcome> {
  return ask(world, { kind: 'move-replica', group, from, to });
}

function recordsOf(world: World, group: number): GroupRecord[] {
  return world.machines.flatMap(
    ({ node }) => node?.map.groups.find(({ id }) => id === group) ?? [],
  );
}

function holders(world: World, group: number): string[] {
  return world.machines
    .filter(({ node }) => node?.replicas.get(group) !== undefined)
    .map(({ name }) => name);
}

/** Everybody knows that the move is over, and only the members hold the group. */
async function settled(world: World, group: number, names: readonly string[]): Promise<void> {
  await world.until(
    () =>
      recordsOf(world, group).every(({ leaving }) => leaving.length === 0) &&
      holders(world, group).join() === names.join(),
    60_000,
  );
}

describe('a replica that moves', { timeout: 60_000 }, () => {
  test('[C5] [C6] [R7] to another node, while clients work; the old one is deleted', async () => {
    const world = await formedWorld(1, { nodes: 4, limits: SMALL });
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed: 1, thinkMs: [5, 20], keys: 20 });
    await world.run(1_000);
    // n1 leads group 1: it is the first of its replicas.
    expect(holders(world, 1)).toEqual(['n1', 'n2', 'n3']);
    expect(await move(world, 1, 'n1', 'n4')).toEqual({ kind: 'done' });
    await settled(world, 1, ['n2', 'n3', 'n4']);
    await world.run(3_000);
    expect(world.leader(1)?.name).toBe('n4');
    const status = await world.settle(world.machine('n1').node?.status() ?? Promise.reject());
    const group = status.groups.find(({ id }) => id === 1);
    expect(group).toMatchObject({ leader: 'n4', learners: [] });
    expect(group?.voters.toSorted()).toEqual(['n2', 'n3', 'n4']);
    await workload.stop();
    await world.until(() => areCaughtUp(world));
    expect(differences(world)).toEqual([]);
    expect(await workload.faults()).toEqual([]);
    world.powerOff('n1', 'n2', 'n3', 'n4');
    await world.run(100);
    await world.start();
    await world.until(() => world.isReady, 20_000);
    expect(holders(world, 1)).toEqual(['n2', 'n3', 'n4']);
    await world.until(() => areCaughtUp(world));
    expect(differences(world)).toEqual([]);
    expect(await workload.faults()).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  test('[C4] [C5] a move that makes no sense is refused, and one that is done is done', async () => {
    const world = await formedWorld(2, { nodes: 4 });
    expect(await move(world, 1, 'n1', 'n2')).toMatchObject({ kind: 'refused' });
    expect(await move(world, 1, 'n4', 'n4')).toMatchObject({ kind: 'refused' });
    expect(await move(world, 1, 'n1', 'n9')).toMatchObject({ kind: 'refused' });
    expect(await move(world, 9, 'n1', 'n4')).toMatchObject({ kind: 'refused' });
    expect(await move(world, 1, 'n1', 'n4')).toEqual({ kind: 'done' });
    expect(await move(world, 1, 'n1', 'n4')).toEqual({ kind: 'done' });
    expect(await move(world, 1, 'n2', 'n1')).toMatchObject({ kind: 'refused' });
    await settled(world, 1, ['n2', 'n3', 'n4']);
    const ids = recordsOf(world, 1)[0]?.replicas.map(({ replica }) => replica);
    expect(await move(world, 1, 'n4', 'n1')).toEqual({ kind: 'done' });
    await settled(world, 1, ['n1', 'n2', 'n3']);
    expect(recordsOf(world, 1)[0]?.replicas[0]?.replica).toBeGreaterThan(Math.max(...(ids ?? [])));
  });

  test.each([1, 2, 3, 4, 5, 6])(
    '[R7] [F25] [F30] under crashes at any moment, of all (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed, { nodes: 4, limits: SMALL });
      const table = await createTable(world, 't');
      const workload = new Workload(world, table, { seed, thinkMs: [10, 40], keys: 20 });
      const random = new SimRandom(seed, 'crashes');
      await world.run(1_000);
      let place = ['n1', 'n4'] as const;
      for (let round = 0; round < 3; round++) {
        expect(await move(world, 1, place[0], place[1])).toEqual({ kind: 'done' });
        place = [place[1], place[0]] as never;
        await crashes(world, random, 5);
        const third = place[0];
        await settled(world, 1, ['n2', 'n3', third].toSorted());
      }
      await workload.stop();
      await world.until(() => world.isReady && areCaughtUp(world), 60_000);
      expect(differences(world)).toEqual([]);
      expect(await workload.faults()).toEqual([]);
      expect(world.failures).toEqual([]);
    },
  );
});
