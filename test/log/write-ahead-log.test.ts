import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../src/sim/index.ts';
import { entries, entry, opened, places, settle, written } from './support.ts';

describe('the log keeps what was appended', () => {
  it('finds hard state, entries, kinds and data again', async () => {
    const disk = new MemoryDisk();
    const { log, replicas } = await opened(disk);
    expect(replicas.size).toBe(0);
    const kinds = [
      entry(1, 1),
      { ...entry(2, 1), kind: 'empty' as const, data: new Uint8Array(0) },
      { ...entry(3, 2), kind: 'config' as const },
    ];
    await new Promise<void>((resolve) => {
      const hardState = { term: 2, vote: 4_000_000_000_000, commit: 1 };
      log.append(7, { hardState, entries: kinds }, () => {});
      log.append(0xffff_ffff, { hardState: { term: 9, vote: 0, commit: 0 } }, resolve);
      log.flush();
    });
    await log.close();
    const again = await opened(disk);
    expect(again.replicas).toEqual(
      new Map([
        [
          7,
          {
            hardState: { term: 2, vote: 4_000_000_000_000, commit: 1 },
            compacted: { index: 0, term: 0 },
            entries: kinds,
          },
        ],
        [
          0xffff_ffff,
          {
            hardState: { term: 9, vote: 0, commit: 0 },
            compacted: { index: 0, term: 0 },
            entries: [],
          },
        ],
      ]),
    );
  });

  it('an entry at an index that is there replaces it and everything after it', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await written(log, 1, entries(1, 5, 1));
    await written(log, 1, entries(3, 4, 2));
    await log.close();
    expect(places((await opened(disk)).replicas.get(1))).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 2],
    ]);
  });

  it('a reset starts the log anew, in one step with what follows', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await written(log, 1, entries(1, 5, 1));
    await new Promise<void>((resolve) => {
      const reset = { index: 10, term: 3 };
      log.append(1, { reset, entries: entries(11, 12, 4) }, resolve);
      log.flush();
    });
    await log.close();
    const found = (await opened(disk)).replicas.get(1);
    expect(found?.compacted).toEqual({ index: 10, term: 3 });
    expect(places(found)).toEqual([
      [11, 4],
      [12, 4],
    ]);
  });

  it('forgets a removed replica', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await written(log, 1, entries(1, 5, 1));
    log.remove(1);
    await written(log, 2, entries(1, 1, 1));
    await log.close();
    expect([...(await opened(disk)).replicas.keys()]).toEqual([2]);
  });

  it('refuses steps that do not fit to the log, with the values', async () => {
    const { log } = await opened(new MemoryDisk());
    await written(log, 1, entries(1, 5, 1));
    log.trim(1, 3, 1);
    const append = (list: ReturnType<typeof entries>) => log.append(1, { entries: list }, () => {});
    expect(() => append(entries(7, 7, 1))).toThrow('entry 7 is outside 4 to 6');
    expect(() => append(entries(3, 3, 2))).toThrow('entry 3 is outside 4 to 6');
    expect(() => append([entry(6, 2), entry(8, 2)])).toThrow('entry {8, 2} after {6, 2}');
    expect(() => append([entry(6, 2), entry(7, 1)])).toThrow('entry {7, 1} after {6, 2}');
    expect(() => log.trim(1, 6, 1)).toThrow('trim to 6 > last index 5');
    expect(() => log.append(1, { reset: { index: 2, term: 1 } }, () => {})).toThrow('reset to 2');
    expect(() => append(entries(6, 6, 2, 40_000))).toThrow('do not fit');
  });
});

describe('group commit', () => {
  it('writes a turn as one batch, at most one at a time, and the rest by itself', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await settle();
    disk.hold();
    const before = disk.writes;
    const order: string[] = [];
    for (let i = 1; i <= 3; i++)
      log.append(i, { entries: [entry(1, 1)] }, () => order.push(`a${i}`));
    expect(log.queuedBytes).toBeGreaterThan(0);
    expect(log.inFlight).toBe(false);
    log.flush();
    expect(log.inFlight).toBe(true);
    expect(log.queuedBytes).toBe(0);
    for (let i = 1; i <= 3; i++)
      log.append(i, { entries: [entry(2, 1)] }, () => order.push(`b${i}`));
    log.flush();
    log.flush();
    expect(disk.heldCalls).toBe(1);
    disk.release(1);
    await settle();
    expect(order).toEqual(['a1', 'a2', 'a3']);
    expect(log.inFlight).toBe(true);
    disk.release();
    await settle();
    expect(order).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3']);
    expect(disk.writes - before).toBe(2);
    expect(log.inFlight).toBe(false);
  });

  it('bounds a write, and steps still complete in order', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk, { batchBytesMax: 1000 });
    await settle();
    const before = disk.writes;
    const order: number[] = [];
    for (let i = 1; i <= 20; i++)
      log.append(i, { entries: entries(1, 3, 1, 80) }, () => order.push(i));
    log.flush();
    await settle();
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(disk.writes - before).toBeGreaterThan(5);
  });

  it('close writes what is queued first', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    let done = 0;
    log.append(1, { entries: entries(1, 3, 1) }, () => done++);
    await log.close();
    expect(done).toBe(1);
    disk.crash();
    expect(places((await opened(disk)).replicas.get(1))).toHaveLength(3);
  });
});

describe('failures', () => {
  it('[L1] [F6] a failed write is fatal once: nothing is retried and no done is called any more', async () => {
    const disk = new MemoryDisk();
    const { log, fatal } = await opened(disk);
    await settle();
    let tries = 0;
    disk.fault = ({ kind }) => {
      if (kind !== 'write') return undefined;
      tries++;
      return 'failed';
    };
    let done = 0;
    log.append(1, { entries: [entry(1, 1)] }, () => done++);
    log.flush();
    log.append(1, { entries: [entry(2, 1)] }, () => done++);
    await settle();
    disk.fault = undefined;
    log.append(1, { entries: [entry(3, 1)] }, () => done++);
    log.flush();
    await settle();
    expect(fatal).toMatchObject([{ code: 'failed' }]);
    expect(tries).toBe(1);
    expect(done).toBe(0);
    await log.close();
  });

  it('[L1] [F6] a failed sync of the next segment is fatal too', async () => {
    const disk = new MemoryDisk();
    disk.fault = ({ kind }) => (kind === 'sync' ? 'failed' : undefined);
    // The first segment is synced while the log opens.
    await expect(opened(disk)).rejects.toMatchObject({ code: 'failed' });
    disk.fault = undefined;
    const { fatal } = await opened(disk);
    disk.fault = ({ kind }) => (kind === 'sync' ? 'failed' : undefined);
    await settle();
    expect(fatal).toMatchObject([{ code: 'failed' }]);
  });
});
