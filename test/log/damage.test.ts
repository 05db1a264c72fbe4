import { describe, expect, it } from 'vitest';
import { LogDamagedError, openLog } from '../../src/log/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { Prng } from '../support/prng.ts';
import {
  copied,
  entries,
  entriesOf,
  fill,
  opened,
  places,
  segmentsOf,
  settle,
  written,
} from './support.ts';

const SECTOR = 512;

/** A log of several segments: replicas 2 and 3 wrote once into each, 1 filled them. With the places of 2's batches. */
async function longLog() {
  const disk = new MemoryDisk();
  const random = new Prng(5);
  const { log } = await opened(disk);
  const batches: { readonly file: string; readonly start: number; readonly end: number }[] = [];
  let last = 0;
  for (let segment = 1; segment <= 3; segment++) {
    last = await fill(log, segment, last);
    const file = (await segmentsOf(disk))[segment - 1] as string;
    const before = disk.content(file);
    const data = random.bytes(1500);
    await written(log, 2, [{ index: segment, term: 1, kind: 'normal', data }]);
    const after = disk.content(file);
    const start = after.findIndex((byte, i) => byte !== before[i]);
    const end = after.findLastIndex((byte, i) => byte !== before[i]) + 1;
    batches.push({ file, start, end });
    await written(log, 3, entries(segment, segment, 1));
  }
  last = await fill(log, 4, last);
  await written(log, 3, entries(4, 4, 1));
  await log.close();
  return { disk, batches, last };
}

function changed(path: string, change: (bytes: Uint8Array) => Uint8Array | undefined) {
  return (bytes: Uint8Array, name: string) => (name === path ? change(bytes) : bytes);
}

describe('damage', () => {
  it('[L2] [F4] a flipped bit anywhere before a valid later batch is found, named, and its replica is void', async () => {
    const { disk, batches, last } = await longLog();
    for (const { file, start, end } of batches) {
      let named = 0;
      for (let at = start; at < end; at += at < start + 80 ? 2 : 83) {
        const damaged = await copied(
          disk,
          changed(file, (bytes) => bytes.fill((bytes[at] as number) ^ 0x40, at, at + 1)),
        );
        const { damage, replicas } = await opened(damaged);
        expect(damage, `byte ${at}`).toHaveLength(1);
        expect(damage[0]).toMatchObject({ file, offset: start });
        const payload = start + 36 + 40;
        if (at >= payload) {
          named++;
          expect(damage[0]?.replicas).toEqual([2]);
          expect([...replicas.keys()].sort()).toEqual([1, 3]);
          expect(replicas.get(1)?.entries).toHaveLength(last);
          expect(places(replicas.get(3))).toHaveLength(4);
        } else {
          // Headers: it may be anybody's.
          expect(damage[0]?.replicas).toBeUndefined();
          expect([...replicas.keys()]).toEqual([]);
        }
      }
      expect(named).toBeGreaterThan(15);
    }
  });

  it('[L2] a damaged replica begins anew, and later starts find no damage', async () => {
    const { disk, batches } = await longLog();
    const { file, end } = batches[1] as (typeof batches)[number];
    const damaged = await copied(
      disk,
      changed(file, (bytes) => bytes.fill(0, end - 100, end - 99)),
    );
    const first = await opened(damaged);
    expect(first.damage).toHaveLength(1);
    expect(first.damage[0]?.replicas).toEqual([2]);
    const hardState = { term: 8, vote: 0, commit: 0 };
    first.log.append(2, { hardState, entries: entries(1, 2, 7) }, () => {});
    await first.log.close();
    damaged.crash();
    const again = await opened(damaged);
    expect(again.damage).toEqual([]);
    expect(again.replicas.get(2)?.hardState).toEqual(hardState);
    expect(places(again.replicas.get(2))).toEqual([
      [1, 7],
      [2, 7],
    ]);
    expect(places(again.replicas.get(3))).toHaveLength(4);
  });

  it('[L2] when nobody can tell whose it was, all begin anew, and later starts find no damage', async () => {
    const { disk, batches } = await longLog();
    const { file, start } = batches[0] as (typeof batches)[number];
    const damaged = await copied(
      disk,
      changed(file, (bytes) => bytes.fill(0, start, start + 4)),
    );
    const first = await opened(damaged);
    expect(first.damage.map(({ replicas }) => replicas)).toEqual([undefined]);
    await written(first.log, 3, entries(1, 2, 9));
    await first.log.close();
    damaged.crash();
    const again = await opened(damaged);
    expect(again.damage).toEqual([]);
    expect([...again.replicas.keys()]).toEqual([3]);
    expect(places(again.replicas.get(3))).toEqual([
      [1, 9],
      [2, 9],
    ]);
    // The segments from before are of no use any more.
    await settle();
    expect(again.log.liveSegments).toBeLessThanOrEqual(2);
  });

  it('[L2] nothing changes on the disk before somebody else knows of the damage for good', async () => {
    const { disk, batches } = await longLog();
    const { file, end } = batches[0] as (typeof batches)[number];
    const damaged = await copied(
      disk,
      changed(file, (bytes) => bytes.fill(0, end - 9, end)),
    );
    const whole = (await segmentsOf(damaged)).map((path) => damaged.content(path));
    await new Promise<void>((resolve) => {
      const onDamage = (): Promise<void> => {
        resolve();
        return new Promise(() => {});
      };
      const options = { segmentBytes: 64 * 1024, onFatal: () => {}, onDamage };
      void openLog(damaged.process(), 'log', options);
    });
    await settle();
    damaged.crash();
    expect((await segmentsOf(damaged)).map((path) => damaged.content(path))).toEqual(whole);
    const options = { segmentBytes: 64 * 1024, onFatal: () => {} };
    await expect(openLog(damaged, 'log', options)).rejects.toThrow(LogDamagedError);
  });

  it('[L2] [F5] zeroed sectors, a stale one and one in the wrong place are found', async () => {
    const { disk, batches } = await longLog();
    for (const { file, start, end } of batches) {
      const first = Math.floor(start / SECTOR) * SECTOR;
      for (let at = first; at < end; at += SECTOR) {
        const zeroed = await opened(
          await copied(
            disk,
            changed(file, (bytes) => bytes.fill(0, at, at + SECTOR)),
          ),
        );
        expect(zeroed.damage).toHaveLength(1);
        expect(zeroed.replicas.has(2)).toBe(false);
        const misplaced = await opened(
          await copied(
            disk,
            changed(file, (bytes) => bytes.copyWithin(at, at + SECTOR, at + 2 * SECTOR)),
          ),
        );
        expect(misplaced.damage.length).toBeGreaterThan(0);
        expect(misplaced.replicas.has(2)).toBe(false);
      }
    }
  });

  it('[L2] [F5] a whole batch that was written in another place is damage, the last one too', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await written(log, 1, entries(1, 3, 1));
    const [file] = (await segmentsOf(disk)) as [string];
    const before = disk.content(file);
    await written(log, 2, entries(1, 1, 1));
    await log.close();
    const start = Math.floor(before.findIndex((b, i) => b !== disk.content(file)[i]) / SECTOR);
    const damaged = await copied(
      disk,
      changed(file, (bytes) => {
        bytes.copyWithin((start + 6) * SECTOR, start * SECTOR, (start + 1) * SECTOR);
        return bytes.fill(0, start * SECTOR, (start + 1) * SECTOR);
      }),
    );
    const { damage } = await opened(damaged);
    expect(damage[0]).toMatchObject({ file, offset: start * SECTOR, replicas: undefined });
  });

  it('[L2] a batch that is missing at the end of a segment is damage when the next one goes on', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await fill(log, 2);
    await log.close();
    const [file] = (await segmentsOf(disk)) as [string];
    const end = disk.content(file).findLastIndex((byte) => byte !== 0);
    const damaged = await copied(
      disk,
      changed(file, (bytes) => bytes.fill((bytes[end] as number) ^ 1, end, end + 1)),
    );
    const { damage } = await opened(damaged);
    expect(damage).toHaveLength(1);
    expect(damage[0]).toMatchObject({ file, replicas: [1] });
    expect(damage[0]?.offset).toBeGreaterThan(end - 5000);
  });

  it('[L2] [F8] a segment that is gone is missed, and so are entries that only the oldest one had', async () => {
    const { disk } = await longLog();
    const idle = await copied(disk);
    const files = await segmentsOf(disk);
    expect(files).toHaveLength(5);
    for (const [i, file] of files.entries()) {
      const { damage, replicas } = await opened(
        await copied(
          disk,
          changed(file, () => undefined),
        ),
      );
      if (i === 4) {
        // The spare held nothing.
        expect(damage).toEqual([]);
      } else if (i === 0) {
        expect(damage.flatMap((found) => found.replicas).sort()).toEqual([1, 2, 3]);
        expect(damage[0]?.file).toBe(files[1]);
      } else {
        expect(damage.length).toBeGreaterThan(0);
        expect(damage[0]).toMatchObject({ file: files[i - 1], replicas: undefined });
        expect(replicas.size).toBe(0);
      }
    }
    // A replica that wrote nothing since.
    const { log } = await opened(idle);
    log.trim(1, 1, 1);
    await log.close();
    const quiet = new MemoryDisk();
    const started = await opened(quiet);
    await written(started.log, 7, entries(1, 2, 1));
    await fill(started.log, 2);
    await started.log.close();
    const [oldest] = (await segmentsOf(quiet)) as [string];
    const { damage } = await opened(
      await copied(
        quiet,
        changed(oldest, () => undefined),
      ),
    );
    expect(damage.flatMap(({ replicas }) => replicas).sort()).toEqual([1, 7]);
    expect(damage.find(({ replicas }) => replicas?.includes(7))?.reason).toContain('from 1 on');
  });

  // Worlds 323, 2905, 3334, 4096, 4959, 7636 and 9888: two segments that had been made ready were all that was left, and looked like a log that had not begun.
  it('[L2] [F8] all segments with batches are gone, and one that was made ready tells so', async () => {
    const { disk } = await longLog();
    const ready = (await segmentsOf(disk)).at(-1) as string;
    const left = await copied(disk, (bytes, name) => (name === ready ? bytes : undefined));
    const { log, damage, replicas } = await opened(left);
    expect(damage).toEqual([expect.objectContaining({ file: ready, replicas: undefined })]);
    expect(replicas.size).toBe(0);
    await written(log, 1, entries(1, 1, 1));
    await log.close();
    expect((await opened(left)).damage).toEqual([]);
  });

  it('[L2] a log that was not written to yet is none that lost something', async () => {
    const disk = new MemoryDisk();
    for (let start = 0; start < 3; start++) {
      const { log, damage } = await opened(disk);
      expect(damage).toEqual([]);
      await settle();
      await log.close();
    }
  });

  it('[L2] [F8] a file that is cut short is damage, where its cut end was the end of the log, too', async () => {
    const { disk } = await longLog();
    const files = await segmentsOf(disk);
    for (const file of files.slice(0, 4)) {
      for (const length of [60_000, 30_001, 4096]) {
        const cut = await copied(
          disk,
          changed(file, (bytes) => bytes.slice(0, length)),
        );
        const { damage } = await opened(cut);
        expect(damage.length, `${file} cut to ${length}`).toBeGreaterThan(0);
        expect(damage.some(({ replicas }) => replicas === undefined)).toBe(true);
      }
    }
  });

  it('[L2] [F8] so is the first segment of all, once the next one is ready', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await written(log, 1, entries(1, 3, 1));
    await settle();
    await log.close();
    const [first = '', spare, ...more] = await segmentsOf(disk);
    expect([spare, more]).toEqual([expect.any(String), []]);
    for (const length of [0, 310, 511]) {
      const cut = await copied(
        disk,
        changed(first, (bytes) => bytes.slice(0, length)),
      );
      const { damage, replicas } = await opened(cut);
      expect(damage, `cut to ${length}`).toMatchObject([{ file: first, replicas: undefined }]);
      expect(replicas.size).toBe(0);
    }
  });

  // World 20079 of five nodes: a segment that was kept from a process that died lost a sector later, and looked as if it had been cut.
  it('[L2] [F8] one that was ready, and not durable yet, is made durable before the next one is', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const disk = new MemoryDisk({ seed });
      const { log } = await opened(disk);
      await written(log, 1, entries(1, 3, 1));
      await settle();
      await log.close();
      const [, spare = ''] = await segmentsOf(disk);
      await disk.remove(spare);
      const file = await disk.open(spare, { create: true });
      await file.write(0, new Uint8Array(65_536));
      await file.close();
      await disk.syncDirectory('log');
      await opened(disk);
      disk.crash();
      expect(disk.content(spare)).toHaveLength(65_536);
    }
  });

  // World 597: the log of a controller that had been elected was cut, and it voted on.
  it('[L2] [F8] so is one of which no batch is left, where the next segment was ready', async () => {
    const { disk } = await longLog();
    const [last = '', spare = ''] = (await segmentsOf(disk)).slice(-2);
    for (const length of [0, 310, 511]) {
      const cut = await copied(
        disk,
        changed(last, (bytes) => bytes.slice(0, length)),
      );
      const { damage } = await opened(cut);
      expect(damage[0]?.replicas, `cut to ${length}`).toBeUndefined();
      expect(damage[0]).toMatchObject({
        file: last,
        reason: `only ${length} of 65536 bytes are there`,
      });
      // It is the end of the disk's room, or of a process, that it was never whole.
      const made = await copied(
        cut,
        changed(spare, () => new Uint8Array(0)),
      );
      expect((await opened(made)).damage).toEqual([]);
    }
    // Nothing says that it ever had another length.
    const small = await copied(disk, (bytes, name) =>
      name === last || name === spare ? new Uint8Array(32_768) : bytes,
    );
    expect((await opened(small)).damage).toEqual([]);
  });
});

describe('entries read back', () => {
  it('gives what is durable from any place on, in pieces, with kinds and data', async () => {
    const { log } = await opened(new MemoryDisk());
    const list = entries(1, 400, 1, 150);
    for (let at = 0; at < 400; at += 40) {
      log.append(2, { entries: entries(at + 1, at + 40, 1, 30) }, () => {});
      await written(log, 1, list.slice(at, at + 40));
    }
    expect(log.liveSegments).toBeGreaterThan(1);
    expect(await entriesOf(log, 1, 1, 401)).toEqual(list);
    expect(await entriesOf(log, 1, 77, 190, 1)).toEqual(list.slice(76, 189));
    expect(await log.read(1, 77, 90, 1)).toEqual(list.slice(76, 77));
    const some = await log.read(1, 50, 401, 1000);
    expect(some).toEqual(list.slice(49, 55));
    expect(await log.read(1, 401, 500, 1000)).toEqual([]);
    expect(await log.read(9, 1, 5, 1000)).toEqual([]);
    log.trim(1, 100, 1);
    log.append(1, { entries: entries(395, 396, 2) }, () => {});
    log.flush();
    await settle();
    expect(await log.read(1, 100, 102, 1000)).toEqual([]);
    expect(await entriesOf(log, 1, 101, 397)).toEqual([
      ...list.slice(100, 394),
      ...entries(395, 396, 2),
    ]);
    expect(await log.read(1, 397, 398, 1000)).toEqual([]);
  });

  it('[L2] names file, offset and replica when they are damaged', async () => {
    const disk = new MemoryDisk();
    const { log } = await opened(disk);
    await written(log, 1, entries(1, 3, 1));
    await written(log, 1, entries(4, 6, 1, 700));
    const [file] = (await segmentsOf(disk)) as [string];
    disk.flip(file, 512 + 1000, 1);
    expect(await entriesOf(log, 1, 1, 4)).toHaveLength(3);
    const error = await log.read(1, 5, 7, 1000).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LogDamagedError);
    expect(error).toMatchObject({ file, offset: 512 + 36, replicas: [1] });
  });
});
