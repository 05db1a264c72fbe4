import { describe, expect, test } from 'vitest';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import type { World } from '../../src/sim/index.ts';
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

/** Every replica there has a state of after its damage. */
function isFollowing(world: World, name: string): boolean {
  return statesOf(world, name).every(({ applied, leader }) => applied > 0 && leader !== 0);
}

describe('a node whose log is damaged', { timeout: 30_000 }, () => {
  test.each([1, 2, 3])(
    '[L2] [F4] takes no part in any quorum, catches up, and the cluster goes on (seed %i)',
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
      for (let start = 1; start <= 2; start++) {
        await world.start(victim);
        await world.until(() => world.isReady && isFollowing(world, victim), 20_000);
        const states = statesOf(world, victim);
        expect(states.map(({ quarantine }) => quarantine)).toEqual(states.map(() => 1));
        expect(states.map(({ role }) => role)).not.toContain('leader');
        if (start === 1) world.powerOff(victim);
      }
      await world.run(2_000);
      await workload.stop();
      expect(await workload.faults()).toEqual([]);
      await world.until(() => areCaughtUp(world));
      expect(differences(world)).toEqual([]);

      // With one of the others gone nothing is acknowledged; when it is back all goes on.
      const [other] = world.others(victim) as [string, string];
      world.kill(other);
      await world.run(5_000);
      const survivors = world.others(other);
      for (const name of survivors) {
        const roles = statesOf(world, name).map(({ role }) => role);
        expect(roles).not.toContain('leader');
      }
      await world.start(other);
      await world.until(() => world.isReady, 10_000);
      const after = await world.settle(put(routerOf(world, victim), table, 'after', 'x'));
      expect(after).toMatchObject({ kind: 'written' });
      await world.until(() => areCaughtUp(world));
      expect(differences(world)).toEqual([]);
      expect(world.failures).toEqual([]);
    },
  );
});
