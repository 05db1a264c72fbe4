import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../src/sim/index.ts';
import { Prng } from '../support/prng.ts';
import { copied, entries, opened, places, segmentsOf, settle, written } from './support.ts';

/** The first segment, which holds everything here. */
async function segmentOf(disk: MemoryDisk): Promise<string> {
  return (await segmentsOf(disk))[0] as string;
}

/** Where the last batch starts: the log's file before it and after it differ first there. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  return a.findIndex((byte, i) => byte !== b[i]);
}

describe('the end of the log after a crash', () => {
  it('[L2] [F3] a last batch that is torn at any byte is cut, and what was before it is there', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await written(log, 1, entries(1, 3, 1));
    await written(log, 2, entries(1, 3, 1));
    const file = await segmentOf(disk);
    const before = disk.content(file);
    await written(log, 1, entries(4, 15, 1, 40));
    await log.close();
    const whole = disk.content(file);
    const start = firstDifference(before, whole);
    const end = whole.findLastIndex((byte, i) => byte !== before[i]) + 1;
    expect(end - start).toBeGreaterThan(512);
    for (let cut = start; cut < end; cut++) {
      const torn = await copied(disk, (bytes, path) =>
        path === file ? bytes.fill(0, cut) : bytes,
      );
      const again = await opened(torn);
      expect(places(again.replicas.get(1)), `cut at ${cut}`).toHaveLength(3);
      expect(places(again.replicas.get(2))).toHaveLength(3);
      if (cut % 16 !== 0) continue;
      // And the log goes on there.
      await written(again.log, 1, entries(4, 5, 2));
      await again.log.close();
      expect(places((await opened(torn)).replicas.get(1))).toHaveLength(5);
    }
  });

  it('[L2] the sectors of the last batch may be there in any order: all of them or nothing', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await written(log, 1, entries(1, 3, 1));
    const file = await segmentOf(disk);
    const before = disk.content(file);
    await written(log, 1, entries(4, 40, 1, 60));
    await log.close();
    const whole = disk.content(file);
    const start = firstDifference(before, whole);
    const end = whole.findLastIndex((byte, i) => byte !== before[i]) + 1;
    const sectors = Math.ceil((end - start) / 512);
    const random = new Prng(3);
    for (let round = 0; round < 60; round++) {
      const missing = Array.from({ length: sectors }, () => random.once(2));
      if (round < sectors) missing.fill(false).fill(true, round, round + 1);
      const torn = await copied(disk, (bytes, path) => {
        if (path !== file) return bytes;
        for (const [i, gone] of missing.entries()) {
          const at = start + i * 512;
          if (gone) bytes.set(before.subarray(at, at + 512), at);
        }
        return bytes;
      });
      const found = places((await opened(torn)).replicas.get(1)).length;
      expect(found).toBe(missing.includes(true) ? 3 : 40);
    }
  });

  it('[L2] what a later crash finds after a cut is never the batch that was cut', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Prng(seed);
      const disk = new MemoryDisk({ seed });
      let { log } = await opened(disk.process());
      await written(log, 1, entries(1, 3, 1));
      // A long write is torn, shorter ones follow at its place, and the node dies again.
      for (let crash = 0; crash < 3; crash++) {
        disk.hold();
        log.append(1, { entries: entries(4, 4 + random.below(40), 5 + crash, 60) }, () => {});
        log.flush();
        disk.crash();
        await settle();
        const again = await opened(disk.process());
        log = again.log;
        // Acknowledged: three entries, and after the first crash a fourth one.
        const [, , , fourth] = places(again.replicas.get(1));
        expect([crash === 0 ? undefined : 20 + crash, 5 + crash]).toContain(fourth?.[1]);
        await written(log, 1, entries(4, 4, 21 + crash));
        const term = 21 + crash;
        expect(places((await opened(await copied(disk))).replicas.get(1))).toEqual([
          [1, 1],
          [2, 1],
          [3, 1],
          [4, term],
        ]);
      }
    }
  });

  it('[F1] what a killed process left in the cache is durable before the log counts on it', async () => {
    const disk = new MemoryDisk({ seed: 8 });
    let found = 0;
    for (let round = 0; round < 40; round++) {
      const { log, replicas } = await opened(disk.process());
      const last = replicas.get(1)?.entries.length ?? 0;
      expect(last).toBeGreaterThanOrEqual(found);
      if (round % 2 === 0) {
        await settle();
        disk.hold();
        log.append(1, { entries: entries(last + 1, last + 1, 1) }, () => {});
        log.flush();
        // The process ends while it writes: the batch may be in the cache, whole, and not on the disk.
        disk.kill();
      } else {
        // Having counted on it, no power cut may take it away.
        found = last;
        disk.crash();
      }
      await settle();
    }
    expect(found).toBeGreaterThan(3);
  });
});
