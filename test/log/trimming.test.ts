import { describe, expect, it } from 'vitest';
import type { Disk } from '../../src/ports/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { entries, entriesOf, fill, opened, places, settle, written } from './support.ts';

const OPTIONS = { segmentBytes: 64 * 1024, segmentsMax: 3 };

describe('trimming', () => {
  it('[L3] segments go when nothing in them is needed, and hard state survives', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk, OPTIONS);
    let filled = 0;
    disk.lie = ({ bytes }) => {
      if (bytes.length > 0 && bytes.every((byte) => byte === 0)) filled += bytes.length;
      return undefined;
    };
    const hardState = { term: 7, vote: 3, commit: 2 };
    log.append(9, { hardState }, () => {});
    let last = 0;
    for (let i = 0; i < 100; i++) {
      await written(log, 1, entries(last + 1, last + 10, 1, 500));
      last += 10;
      log.trim(1, last - 5, 1);
      log.flush();
      await settle();
      expect(log.liveSegments).toBeLessThanOrEqual(3);
    }
    // Written many times over, kept in a few files: used ones are taken again.
    expect(last * 500).toBeGreaterThan(7 * OPTIONS.segmentBytes);
    expect((await disk.list('log')).length).toBeLessThanOrEqual(5);
    expect(filled).toBeLessThanOrEqual(4 * OPTIONS.segmentBytes);
    await log.close();
    disk.crash();
    const { replicas } = await opened(disk, OPTIONS);
    expect(replicas.get(9)?.hardState).toEqual(hardState);
    expect(replicas.get(1)?.compacted).toEqual({ index: last - 5, term: 1 });
    expect(places(replicas.get(1))).toHaveLength(5);
  });

  it('[L2] a segment that is used again never shows what it held before', async () => {
    const disk = new MemoryDisk();
    let { log } = await opened(disk, OPTIONS);
    let last = 0;
    for (let i = 0; i < 60; i++) {
      await written(log, 1, entries(last + 1, last + 10, 1, 500));
      last += 10;
      log.trim(1, last, 1);
      log.flush();
      await settle();
      if (i % 7 !== 0) continue;
      disk.crash();
      const again = await opened(disk, OPTIONS);
      log = again.log;
      // The trim may be lost, the entries are not; older ones are not there any more.
      expect(again.replicas.get(1)?.compacted.index).toBeGreaterThanOrEqual(last - 10);
      expect(again.replicas.get(1)?.entries.length).toBeLessThanOrEqual(10);
      await settle();
    }
  });

  it('[L3] names the replicas that pin the oldest segment, until they are trimmed or removed', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk, OPTIONS);
    await written(log, 5, entries(1, 3, 1));
    await written(log, 6, entries(1, 3, 1));
    let last = 0;
    while (log.liveSegments <= OPTIONS.segmentsMax) {
      expect([1, 5, 6].some((replica) => log.pinnedThrough(replica) > 0)).toBe(false);
      await written(log, 1, entries(last + 1, last + 10, 1, 500));
      last += 10;
      log.trim(1, last, 1);
    }
    expect([1, 5, 6].filter((replica) => log.pinnedThrough(replica) > 0)).toEqual([5, 6]);
    log.trim(5, 3, 1);
    log.flush();
    await settle();
    expect([1, 5, 6].filter((replica) => log.pinnedThrough(replica) > 0)).toEqual([6]);
    log.remove(6);
    log.flush();
    await settle();
    expect(log.pinnedThrough(6)).toBe(0);
    expect(log.liveSegments).toBe(1);
  });

  it('[L3] a segment goes only once the first batch of the next one is durable', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(holdingWrites(disk.process()), OPTIONS);
    const hardState = { term: 7, vote: 3, commit: 2 };
    await new Promise<void>((resolve) => {
      log.append(9, { hardState }, resolve);
      log.flush();
    });
    await settle();
    // Nothing of the first segment is needed but its hard state. The write that begins the next one takes long; whatever
    // else the log does to its files is done and durable.
    for (let last = 0; last < 200; last += 10) {
      log.append(1, { entries: entries(last + 1, last + 10, 1, 500) }, () => {});
      log.trim(1, last + 10, 1);
      log.flush();
      await settle();
    }
    disk.crash();
    await settle();
    expect((await opened(disk, OPTIONS)).replicas.get(9)?.hardState).toEqual(hardState);
  });
});

describe('carrying forward', () => {
  it('[L3] what nobody can flush is carried forward, so that it pins no segment', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk, OPTIONS);
    await written(log, 5, entries(1, 8, 1));
    await written(log, 5, entries(5, 6, 3));
    log.append(5, { hardState: { term: 4, vote: 2, commit: 3 } }, () => {});
    let last = 0;
    const most = { segments: 0 };
    for (let i = 0; i < 300; i++) {
      await written(log, 1, entries(last + 1, last + 10, 1, 500));
      last += 10;
      log.trim(1, last, 1);
      log.flush();
      await settle();
      most.segments = Math.max(most.segments, log.liveSegments);
      // More of the same log, so that its parts lie in many segments, not in the order of their indexes.
      if (i % 40 === 7)
        await written(log, 5, entries(7 + Math.floor(i / 40), 7 + Math.floor(i / 40), 5));
    }
    expect(most.segments).toBeLessThanOrEqual(OPTIONS.segmentsMax + 2);
    const expected = [
      ...[1, 2, 3, 4].map((index) => [index, 1]),
      ...[5, 6].map((index) => [index, 3]),
      ...Array.from({ length: 8 }, (_, i) => [7 + i, 5]),
    ];
    const read = await entriesOf(log, 5, 1, 15);
    expect(read.map(({ index, term }) => [index, term])).toEqual(expected);
    expect(read.map(({ data }) => data)).toEqual(
      expected.map(
        ([index, term]) => entries(index as number, index as number, term as number)[0]?.data,
      ),
    );
    for (let crash = 0; crash < 3; crash++) {
      disk.crash();
      const again = await opened(disk, OPTIONS);
      expect(again.damage).toEqual([]);
      expect(places(again.replicas.get(5))).toEqual(expected);
      expect(again.replicas.get(5)?.hardState).toEqual({ term: 4, vote: 2, commit: 3 });
    }
  });

  it('[L3] a CARRY record brings back nothing that was replaced, reset or trimmed', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk, OPTIONS);
    for (const replica of [5, 6, 7, 8]) await written(log, replica, entries(1, 4, 1));
    let last = 0;
    const more = async (segments: number) => {
      for (let from = log.liveSegments; log.liveSegments < from + segments; ) {
        await written(log, 1, entries(last + 1, last + 10, 1, 500));
        last += 10;
        log.trim(1, last, 1);
      }
    };
    await more(OPTIONS.segmentsMax);
    // Queued in the same turns in which the log reads what it carries.
    log.append(5, { entries: entries(3, 3, 2) }, () => {});
    log.append(6, { reset: { index: 9, term: 2 } }, () => {});
    log.trim(7, 3, 1);
    log.remove(8);
    for (let i = 0; i < 100; i++) {
      await written(log, 1, entries(last + 1, last + 10, 1, 500));
      last += 10;
      log.trim(1, last, 1);
    }
    expect(log.liveSegments).toBeLessThanOrEqual(OPTIONS.segmentsMax + 2);
    disk.crash();
    const { replicas, damage } = await opened(disk, OPTIONS);
    expect(damage).toEqual([]);
    expect(places(replicas.get(5))).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
    ]);
    expect(places(replicas.get(6))).toEqual([]);
    expect(replicas.get(6)?.compacted).toEqual({ index: 9, term: 2 });
    expect(places(replicas.get(7))).toEqual([[4, 1]]);
    expect(replicas.has(8)).toBe(false);
  });

  it('[L3] much is not carried: then more segments are kept', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk, OPTIONS);
    await written(log, 5, entries(1, 20, 1, 300));
    const last = await fill(log, OPTIONS.segmentsMax + 4);
    log.trim(1, last, 1);
    log.flush();
    await settle();
    expect(log.pinnedThrough(5)).toBeGreaterThan(0);
    expect(log.liveSegments).toBe(OPTIONS.segmentsMax + 4);
    log.trim(5, 20, 1);
    log.flush();
    await settle();
    expect(log.liveSegments).toBe(1);
  });
});

/** Durable writes to any file but the first never complete; everything else goes on. */
function holdingWrites(disk: Disk): Disk {
  let first: string | undefined;
  return {
    ...disk,
    open: async (path, options) => {
      const file = await disk.open(path, options);
      if (!options?.durableWrites) return file;
      first ??= path;
      return path === first ? file : { ...file, write: () => new Promise(() => {}) };
    },
  };
}
