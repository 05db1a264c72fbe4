import { describe, expect, test } from 'vitest';
import type { NodeLimits } from '../../src/node/index.ts';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import type { Machine, World } from '../../src/sim/index.ts';
import { SMALL } from '../support/scenario.ts';
import { Workload } from '../support/workload.ts';
import { createTable, formedWorld, put, routerOf } from '../support/world.ts';

const BIG = 'x'.repeat(2_000);

/** A cluster whose third node is so far behind that the logs of the others do not reach back to it. */
async function farBehind(
  seed: number,
  diskLatencyMs?: readonly [min: number, max: number],
  { items = 100, more = {} }: { items?: number; more?: NodeLimits } = {},
): Promise<World> {
  const limits = { ...SMALL, logSegmentsMax: 1, ...more };
  const world = await formedWorld(seed, { limits, ...(diskLatencyMs && { diskLatencyMs }) });
  const table = await createTable(world, 't');
  world.kill('n3');
  for (let i = 0; i < items; i++) {
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

  // World 97 of three nodes: its leader offered the file for ever.
  test("[F4] a snapshot that is damaged on its leader's disk is made anew", async () => {
    const world = await farBehind(7);
    let damaged = 0;
    for (const { disk } of world.machines) {
      disk.lie = (transfer) => {
        const { kind, path, bytes } = transfer;
        if (kind !== 'write' || !path.includes('.out')) return undefined;
        disk.lie = undefined;
        damaged++;
        const wrong = bytes.slice();
        wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] as number) ^ 1;
        return { ...transfer, bytes: wrong };
      };
    }
    await world.start('n3');
    await world.until(() => damaged > 0, 10_000);
    await world.until(() => areCaughtUp(world), 30_000);
    expect(differences(world)).toEqual([]);
    expect(world.failures).toEqual([]);
  });
});

/** Bytes that every step of a snapshot may take at once; an item may be more. */
const PIECE_BYTES = 64 * 1024 + BIG.length;

/** What is seen of one machine's snapshot files: most of them at a time, names, and how many bytes came until when. */
class Watched {
  mostAtOnce = 0;
  readonly names = new Set<string>();
  readonly came: { readonly at: number; readonly bytes: number }[] = [{ at: 0, bytes: 0 }];
  readonly #lengths = new Map<string, number>();

  look(at: number, { disk }: Machine, suffix: string): void {
    const paths = disk.paths().filter((path) => path.endsWith(suffix));
    this.mostAtOnce = Math.max(this.mostAtOnce, paths.length);
    let bytes = 0;
    for (const path of paths) {
      const { length } = disk.content(path);
      bytes += length - (this.#lengths.get(path) ?? 0);
      this.names.add(path);
      this.#lengths.set(path, length);
    }
    if (bytes > 0) this.came.push({ at, bytes: (this.came.at(-1)?.bytes ?? 0) + bytes });
  }

  /** Of any time, over what the first piece of each file may take at once. */
  get fastest(): number {
    let fastest = 0;
    for (const [i, from] of this.came.entries()) {
      for (const to of this.came.slice(i + 1)) {
        const bytes = to.bytes - from.bytes - PIECE_BYTES;
        fastest = Math.max(fastest, (1000 * bytes) / (to.at - from.at));
      }
    }
    return fastest;
  }
}

describe('a node that is far behind and the others', { timeout: 60_000 }, () => {
  test('[E3] make, send and install one snapshot at a time, at the pace that is set', async () => {
    const rate = 128 * 1024;
    const more = { snapshotBytesPerSecond: rate };
    const world = await farBehind(7, undefined, { items: 600, more });
    await world.start('n3');
    const making = world.machines.map(() => new Watched());
    const fetching = new Watched();
    const back = world.machine('n3');
    for (let ms = 0; ms < 60_000 && !areCaughtUp(world); ms += 20) {
      await world.run(20);
      making.forEach((seen, i) => {
        seen.look(world.time.now, world.machines[i] as Machine, '.unfinished');
      });
      fetching.look(world.time.now, back, '.in');
    }
    expect(areCaughtUp(world)).toBe(true);
    expect(differences(world)).toEqual([]);
    for (const seen of [...making, fetching]) {
      expect(seen.mostAtOnce).toBeLessThanOrEqual(1);
      expect(seen.fastest).toBeLessThanOrEqual(1.01 * rate);
    }
    // Of each group one, of several pieces.
    expect(making.reduce((sum, { names }) => sum + names.size, 0)).toBe(fetching.names.size);
    expect(fetching.names.size).toBeGreaterThanOrEqual(3);
    expect(fetching.came.length).toBeGreaterThan(2 * fetching.names.size);
    expect(fetching.fastest).toBeGreaterThan(0.5 * rate);
    expect(world.failures).toEqual([]);
  });

  test('[E3] [S4] whoever waits for its turn for minutes finds its snapshot still there', async () => {
    const world = await farBehind(8, undefined, { more: { snapshotBytesPerSecond: 1024 } });
    await world.start('n3');
    await world.until(() => areCaughtUp(world), 600_000);
    expect(world.time.now).toBeGreaterThan(180_000);
    const installed = world.machine('n3').notices.filter((text) => text.includes('by a snapshot'));
    expect(installed).toHaveLength(new Set(installed).size);
    for (const group of [1, 2, 3]) {
      expect(installed.filter((text) => text.includes(`group ${group} `))).toHaveLength(1);
    }
    expect(differences(world)).toEqual([]);
  });

  test('[E3] [L3] end it while more is written than the log otherwise keeps', async () => {
    const more = { snapshotBytesPerSecond: 768 * 1024 };
    // One seed in ten or so needs a second one all the same: what is kept is an estimate of what will be needed.
    const world = await farBehind(21, undefined, { items: 600, more });
    const table = routerOf(world, 'n1').findTable('t');
    if (!('shards' in table)) throw new Error('a table');
    const groups = [1, 2, 3];
    const leaders = groups.map((group) => replica(world.leader(group), group));
    const commits = leaders.map(({ status }) => status.commit);
    const installed = () =>
      world.machine('n3').notices.filter((text) => text.includes('by a snapshot')).length;
    await world.start('n3');
    let written = 0;
    for (let i = 0; installed() < 3 && i < 5_000; i++) {
      await world.settle(put(routerOf(world, 'n1'), table, `key ${i % 300}`, BIG + i));
      written += BIG.length;
    }
    expect(world.failures).toEqual([]);
    expect(written).toBeGreaterThan(16 * SMALL.logSegmentBytes);
    await world.until(() => areCaughtUp(world), 10_000);
    groups.forEach((group, i) => {
      const { appliedIndex } = replica(world.machine('n3'), group).state;
      expect(appliedIndex).toBeGreaterThan(commits[i] ?? 0);
    });
    // The log had what came after each: none was needed twice.
    expect(installed()).toBe(3);
    expect(differences(world)).toEqual([]);
  });

  test('[E3] a piece that is lost on the way is asked for again, and no other one', async () => {
    const more = { snapshotBytesPerSecond: 256 * 1024 };
    const world = await farBehind(10, undefined, { items: 600, more });
    const back = world.machine('n3');
    const fetching = new Watched();
    let broken = 0;
    world.network.onArrival = ({ to, bytes, breakConnection }) => {
      if (to !== 'n3' || bytes.length < 32 * 1024 || fetching.came.length < 4 * (broken + 1))
        return;
      if (broken++ < 3) breakConnection();
    };
    await world.start('n3');
    for (let ms = 0; ms < 60_000 && !areCaughtUp(world); ms += 20) {
      await world.run(20);
      fetching.look(world.time.now, back, '.in');
    }
    expect(broken).toBeGreaterThanOrEqual(3);
    expect(areCaughtUp(world)).toBe(true);
    expect(differences(world)).toEqual([]);
    // A file that was begun anew would be shorter for a while, and be there under another name.
    for (let i = 1; i < fetching.came.length; i++) {
      expect(fetching.came[i]?.bytes).toBeGreaterThan(fetching.came[i - 1]?.bytes ?? 0);
    }
    expect(back.notices.filter((text) => text.includes('by a snapshot'))).toHaveLength(
      fetching.names.size,
    );
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

  /** The third node has what came while it was away in the others' logs only, and comes back. */
  async function backAfterAWhile(seed: number, readBackBytesPerSecond: number) {
    const limits = { ...SMALL, logSegmentBytes: 1024 * 1024, readBackBytesPerSecond };
    const world = await formedWorld(seed, { limits });
    const table = await createTable(world, 't');
    world.kill('n3');
    for (let i = 0; i < 300; i++) {
      await world.settle(put(routerOf(world, i % 2 ? 'n1' : 'n2'), table, `key ${i}`, BIG + i));
    }
    await world.run(1_000);
    await world.start('n3');
    return { world, table };
  }

  test('[L3] [R4] is read back at a bounded pace, for a follower that nobody waits for', async () => {
    const rate = 40 * 1024;
    const { world } = await backAfterAWhile(11, rate);
    const began = world.time.now;
    await world.until(() => areCaughtUp(world), 60_000);
    const seconds = (world.time.now - began) / 1000;
    // Two nodes lead, and both read; what they still have in memory goes without.
    expect(seconds).toBeGreaterThan((300 * BIG.length) / (2 * rate) / 1.5);
    expect(seconds).toBeLessThan(60);
    expect(differences(world)).toEqual([]);
    expect(world.machine('n3').notices.join()).not.toContain('by a snapshot');
  });

  test('[L3] [R4] is read back at once for one that writes wait for', async () => {
    const { world, table } = await backAfterAWhile(12, 1024);
    await world.run(500);
    // At that pace it would take minutes, and until then nobody could write.
    world.kill('n2');
    await world.run(4_000);
    for (let i = 0; i < 20; i++) {
      const outcome = await world.settle(put(routerOf(world, 'n1'), table, `after ${i}`, 'x'));
      expect(outcome.kind).toBe('written');
    }
    await world.until(() => areCaughtUp(world), 5_000);
    expect(world.failures).toEqual([]);
  });

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
