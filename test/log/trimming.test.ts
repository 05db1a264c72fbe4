import { describe, expect, it } from 'vitest';
import type { Disk } from '../../src/ports/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { entries, opened, places, settle, written } from './support.ts';

const OPTIONS = { segmentBytes: 64 * 1024, segmentsMax: 3 };

describe('trimming', () => {
  it('[L3] segments go when nothing in them is needed, and hard state survives', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk, OPTIONS);
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
    expect((await disk.list('log')).length).toBeLessThanOrEqual(4);
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
      expect(log.pinning()).toEqual([]);
      await written(log, 1, entries(last + 1, last + 10, 1, 500));
      last += 10;
      log.trim(1, last, 1);
    }
    expect(log.pinning().sort()).toEqual([5, 6]);
    log.trim(5, 3, 1);
    log.flush();
    await settle();
    expect(log.pinning()).toEqual([6]);
    log.remove(6);
    log.flush();
    await settle();
    expect(log.pinning()).toEqual([]);
    expect(log.liveSegments).toBe(1);
  });

  it('tells about how many bytes a replica keeps', async () => {
    const { log } = await opened(new MemoryDisk(), OPTIONS);
    expect(log.liveBytes(1)).toBe(0);
    await written(log, 1, entries(1, 100, 1, 95));
    expect(log.liveBytes(1)).toBe(100 * 100);
    log.trim(1, 75, 1);
    log.flush();
    await settle();
    expect(log.liveBytes(1)).toBe(25 * 100);
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
