import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../src/sim/index.ts';
import { entries, entry, opened, places, settle, written } from './support.ts';

const SEGMENT = 64 * 1024;

/** Appends entries one by one while the log has room; returns the last index. */
async function appendWhileRoom(log: Awaited<ReturnType<typeof opened>>['log']): Promise<number> {
  let last = 0;
  while (log.hasRoom && last < 1000) {
    await written(log, 1, [entry(last + 1, 1, 'x'.repeat(2000))]);
    last++;
    await settle();
  }
  return last;
}

describe('a full disk', () => {
  it('[L4] [F7] entries are to be refused, votes can still be written, nothing is fatal', async () => {
    const disk = new MemoryDisk({ capacityBytes: 3 * SEGMENT });
    const { log, fatal } = await opened(disk);
    const last = await appendWhileRoom(log);
    expect(last).toBeGreaterThan(60);
    for (let term = 2; term < 22; term++) {
      await new Promise<void>((resolve) => {
        log.append(1, { hardState: { term, vote: 3, commit: 0 } }, resolve);
        log.flush();
      });
      log.tick();
      await settle();
      expect(log.hasRoom).toBe(false);
    }
    expect(fatal).toEqual([]);
    disk.crash();
    const again = await opened(disk);
    expect(again.replicas.get(1)?.hardState.term).toBe(21);
    expect(places(again.replicas.get(1))).toHaveLength(last);
  });

  it('[L4] room on the disk heals it without a restart', async () => {
    const disk = new MemoryDisk({ capacityBytes: 2 * SEGMENT });
    const { log, fatal } = await opened(disk);
    const last = await appendWhileRoom(log);
    disk.capacityBytes = 6 * SEGMENT;
    expect(log.hasRoom).toBe(false);
    log.tick();
    await settle();
    expect(log.hasRoom).toBe(true);
    for (let i = 1; i <= 20; i++) await written(log, 1, entries(last + i, last + i, 1, 2000));
    expect(fatal).toEqual([]);
    await log.close();
    expect(places((await opened(disk)).replicas.get(1))).toHaveLength(last + 20);
  });

  it('[L4] a segment that is let go of heals it too: it is used again and needs no room', async () => {
    const disk = new MemoryDisk({ capacityBytes: 4 * SEGMENT });
    const { log } = await opened(disk);
    const last = await appendWhileRoom(log);
    // The log asks for it before there are too many segments.
    expect(log.pinnedThrough(1)).toBeGreaterThan(0);
    log.trim(1, last, 1);
    log.flush();
    await settle();
    expect(log.hasRoom).toBe(true);
    let index = last;
    for (let i = 0; i < 200; i++) {
      await written(log, 1, entries(index + 1, index + 1, 1, 2000));
      log.trim(1, ++index, 1);
      await settle();
    }
    expect(log.hasRoom).toBe(true);
  });

  it('[L4] what does not fit into the reserve waits, and is written once there is room', async () => {
    const disk = new MemoryDisk({ capacityBytes: SEGMENT + 512 });
    const { log, fatal } = await opened(disk);
    await settle();
    let done = 0;
    for (let i = 1; i <= 60; i++) {
      log.append(1, { entries: [entry(i, 1, 'x'.repeat(2000))] }, () => done++);
      log.flush();
      await settle();
    }
    expect(done).toBeGreaterThan(20);
    expect(done).toBeLessThan(32);
    log.tick();
    await settle();
    expect(done).toBeLessThan(32);
    disk.capacityBytes = 10 * SEGMENT;
    log.tick();
    await settle();
    await settle();
    expect(done).toBe(60);
    expect(fatal).toEqual([]);
  });

  it('[L4] a stop does not wait for room', async () => {
    const disk = new MemoryDisk({ capacityBytes: SEGMENT + 512 });
    const { log } = await opened(disk);
    let done = 0;
    for (let i = 1; i <= 60; i++) {
      log.append(1, { entries: [entry(i, 1, 'x'.repeat(2000))] }, () => done++);
      log.flush();
      await settle();
    }
    await log.close();
    disk.crash();
    expect(places((await opened(disk)).replicas.get(1))).toHaveLength(done);
  });

  it('[L4] where even a write in place is refused for want of room, the same bytes are written again later', async () => {
    const disk = new MemoryDisk();
    const { log, fatal } = await opened(disk);
    await settle();
    let isFull = true;
    disk.fault = ({ kind }) => (kind === 'write' && isFull ? 'full' : undefined);
    let done = 0;
    log.append(1, { entries: entries(1, 3, 1) }, () => done++);
    log.flush();
    await settle();
    log.append(1, { entries: entries(4, 5, 1) }, () => done++);
    log.flush();
    log.tick();
    await settle();
    expect([done, log.hasRoom, fatal.length]).toEqual([0, false, 0]);
    isFull = false;
    log.tick();
    await settle();
    expect([done, log.hasRoom]).toEqual([2, true]);
    disk.crash();
    expect(places((await opened(disk)).replicas.get(1))).toHaveLength(5);
  });
});
