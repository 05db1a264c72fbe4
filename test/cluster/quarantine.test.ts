import { describe, expect, test } from 'vitest';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import type { World } from '../../src/sim/index.ts';
import { ask, isSettled, mapOf } from '../support/nodes.ts';
import { SMALL } from '../support/scenario.ts';
import { Workload } from '../support/workload.ts';
import { createTable, formedWorld, put, routerOf } from '../support/world.ts';

const MAGIC = [0x46, 0x4c, 0x54, 0x32];

/** Where batches of the oldest segment begin on a machine that does not run. */
function batchesOf(
  world: World,
  name: string,
): { readonly path: string; readonly starts: number[] } {
  const { disk } = world.machine(name);
  const path = disk.paths().find((file) => file.startsWith('log/')) as string;
  const bytes = disk.content(path);
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at += 512) {
    if (MAGIC.every((byte, i) => bytes[at + i] === byte)) starts.push(at);
  }
  return { path, starts };
}

function statesOf(world: World, name: string) {
  return [...(world.machine(name).node?.replicas.all() ?? [])].map(({ status }) => status);
}

/** Every replica there votes, and no change is under way. */
function isWhole(world: World, name: string): boolean {
  const { groups } = mapOf(world);
  const states = statesOf(world, name);
  return (
    states.length === groups.length &&
    states.every(
      ({ quarantine, applied, leader }) => quarantine === 0 && applied > 0 && leader > 0,
    ) &&
    isSettled(world)
  );
}

describe('a node whose log is damaged', { timeout: 30_000 }, () => {
  test.each([1, 2, 3])(
    '[L2] [F4] [R7] takes no part in any quorum, and begins anew when its groups have a majority (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed, { limits: SMALL });
      const table = await createTable(world, 't');
      const workload = new Workload(world, table, { seed, thinkMs: [5, 20], keys: 20 });
      await world.run(1_000);
      // The leader of some group, or a follower of all.
      const victim = `n${1 + (seed % 3)}`;
      world.kill(victim);
      await world.run(2_000);
      const { path, starts } = batchesOf(world, victim);
      world.machine(victim).disk.flip(path, (starts[starts.length >> 1] as number) + 9, 1);
      // With one of the others gone nothing is acknowledged, and nobody can take what is damaged out of its groups.
      const [other] = world.others(victim) as [string, string];
      world.kill(other);
      const damaged: number[][] = [];
      for (let start = 1; start <= 2; start++) {
        await world.start(victim);
        await world.run(5_000);
        const states = statesOf(world, victim);
        expect(states.map(({ quarantine }) => quarantine)).toEqual(states.map(() => 1));
        damaged.push(states.map(({ id }) => id));
        for (const name of world.others(other)) {
          expect(statesOf(world, name).map(({ role }) => role)).not.toContain('leader');
        }
        if (start === 1) world.powerOff(victim);
      }
      expect(damaged[1]).toEqual(damaged[0]);

      await world.start(other);
      await world.until(() => world.isReady && isWhole(world, victim), 20_000);
      for (const { id } of statesOf(world, victim)) expect(damaged[0]).not.toContain(id);
      await workload.stop();
      expect(await workload.faults()).toEqual([]);
      await world.until(() => areCaughtUp(world));
      expect(differences(world)).toEqual([]);

      // It counts again, and has all that the one had that goes now.
      world.kill(other);
      await world.until(() => world.isReady, 10_000);
      const after = await world.settle(put(routerOf(world, victim), table, 'after', 'x'));
      expect(after).toMatchObject({ kind: 'written' });
      await world.start(other);
      await world.until(() => world.isReady && areCaughtUp(world));
      expect(differences(world)).toEqual([]);
      expect(world.failures).toEqual([]);
    },
  );

  // World 22 of five nodes: it was on its way into the group, and the change never ended.
  test('[L2] [R7] [F31] one that is only on its way into its group begins anew as well', async () => {
    const world = await formedWorld(4, { nodes: 4, limits: SMALL });
    await createTable(world, 't');
    expect(await ask(world, { kind: 'move-replica', group: 1, from: 'n3', to: 'n4' })).toEqual({
      kind: 'done',
    });
    const learner = () => world.machine('n4').node?.replicas.get(1);
    await world.until(() => (learner()?.status.applied ?? 0) > 0);
    const first = learner()?.id;
    expect(mapOf(world).groups.find(({ id }) => id === 1)).toMatchObject({ changing: true });
    world.kill('n4');
    const { path, starts } = batchesOf(world, 'n4');
    world.machine('n4').disk.flip(path, (starts[0] as number) + 9, 1);
    await world.start('n4');
    expect(world.machine('n4').notices.join()).toContain(`replica ${first} of group 1 is quarant`);
    await world.until(() => {
      const { quarantine, applied = 0 } = learner()?.status ?? {};
      return quarantine === 0 && applied > 0 && isSettled(world);
    }, 20_000);
    expect(learner()?.id).not.toBe(first);
    await world.until(() => areCaughtUp(world));
    expect(differences(world)).toEqual([]);
    expect(world.failures).toEqual([]);
  });
});
