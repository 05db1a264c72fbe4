import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../src/bytes/index.ts';
import {
  MemoryEngine,
  openReplicaStates,
  type Pair,
  readSnapshotHead,
  SnapshotDamagedError,
  SnapshotReader,
  verifySnapshot,
  writeSnapshot,
} from '../../src/engine/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { Prng } from '../support/prng.ts';

async function stateWith(count: number, valueBytes: number) {
  const state = await openReplicaStates(new MemoryEngine()).open(1);
  const random = new Prng(count);
  const pairs = Array.from({ length: count }, (_, i) => ({
    key: utf8(`key ${String(i).padStart(6, '0')}`),
    value: random.bytes(valueBytes),
  }));
  state.apply(1, 1, pairs.slice(0, count / 2));
  await state.flush();
  state.apply(2, 9, pairs.slice(count / 2));
  return { state, pairs };
}

/** Of all pairs: `expect` takes long over many arrays. */
function hexOf(pairs: readonly Pair[]): string {
  return pairs.map(({ key, value }) => `${toHex(key)}=${toHex(value)}`).join();
}

async function pairsIn(disk: MemoryDisk, path: string) {
  const reader = await SnapshotReader.open(disk, path);
  const pairs: { key: Uint8Array; value: Uint8Array }[] = [];
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) pairs.push(...chunk);
  expect(await reader.next()).toBeUndefined();
  await reader.close();
  return pairs;
}

describe('a snapshot file', () => {
  it('[E3] holds the whole view and says of which entry it is', async () => {
    const disk = new MemoryDisk();
    const { state, pairs } = await stateWith(2000, 200);
    const view = state.view();
    // The state goes on meanwhile.
    const writing = writeSnapshot(view, disk, 'snapshot', utf8('the configuration'));
    state.apply(3, 9, [{ key: utf8('key 000001'), value: undefined }]);
    const { bytes, checksum } = await writing;
    view.close();
    expect(hexOf(await pairsIn(disk, 'snapshot'))).toBe(hexOf(pairs));
    const meta = utf8('the configuration');
    expect(await readSnapshotHead(disk, 'snapshot')).toEqual({ index: 2, term: 9, meta });
    expect(await verifySnapshot(disk, 'snapshot')).toEqual({
      index: 2,
      term: 9,
      meta,
      bytes,
      checksum,
    });
    expect(disk.content('snapshot')).toHaveLength(bytes);
  });

  it('[E3] may hold nothing, and pairs longer than a chunk', async () => {
    const disk = new MemoryDisk();
    const state = await openReplicaStates(new MemoryEngine()).open(1);
    const write = async () => {
      const view = state.view();
      await writeSnapshot(view, disk, 'snapshot', new Uint8Array(0));
      view.close();
    };
    await write();
    expect(await pairsIn(disk, 'snapshot')).toEqual([]);
    const long = { key: utf8('long'), value: new Uint8Array(400_000).fill(3) };
    state.apply(1, 1, [long]);
    await write();
    const [pair] = await pairsIn(disk, 'snapshot');
    expect(pair?.value.length).toBe(400_000);
  });

  it.each(['kill', 'crash'] as const)(
    '[E3] [F3] is whole when it is there after a %s, or is found not to be',
    async (end) => {
      const { state } = await stateWith(2000, 200);
      let whole = 0;
      let torn = 0;
      for (let seed = 1; seed <= 15; seed++) {
        const disk = new MemoryDisk({ seed });
        const view = state.view();
        let done = false;
        void writeSnapshot(view, disk.process(), 'snapshot', new Uint8Array(0)).then(() => {
          done = true;
        });
        for (let i = 0; i < 25 * seed && !done; i++) await Promise.resolve();
        disk[end]();
        view.close();
        for (let i = 0; i < 100; i++) await Promise.resolve();
        if (await disk.exists('snapshot')) {
          const isWhole = await verifySnapshot(disk, 'snapshot').then(
            () => true,
            (error) => {
              expect(error).toBeInstanceOf(SnapshotDamagedError);
              return false;
            },
          );
          if (isWhole) whole++;
          else torn++;
        } else if (end === 'kill') {
          expect(done).toBe(false);
        }
        // What was left unfinished is in nobody's way.
        const again = state.view();
        await writeSnapshot(again, disk, 'snapshot', new Uint8Array(0));
        again.close();
        await verifySnapshot(disk, 'snapshot');
      }
      // Only a power cut takes what was not synced.
      if (end === 'kill') {
        expect(torn).toBe(0);
        expect(whole).toBeGreaterThan(1);
        expect(whole).toBeLessThan(15);
      } else {
        expect(torn).toBeGreaterThan(0);
      }
    },
  );

  it('[F7] leaves nothing behind on a full disk', async () => {
    const disk = new MemoryDisk({ capacityBytes: 100_000 });
    const { state } = await stateWith(2000, 200);
    const view = state.view();
    await expect(writeSnapshot(view, disk, 'snapshot', new Uint8Array(0))).rejects.toMatchObject({
      code: 'full',
    });
    view.close();
    expect(disk.usedBytes).toBe(0);
  });

  it('[F4] is refused when any byte is flipped, or when it is cut anywhere', async () => {
    const disk = new MemoryDisk();
    const { state } = await stateWith(4, 20);
    const view = state.view();
    const { bytes } = await writeSnapshot(view, disk, 'snapshot', utf8('meta'));
    view.close();
    for (let at = 0; at < bytes; at++) {
      disk.flip('snapshot', at, 0x10);
      await expect(verifySnapshot(disk, 'snapshot'), `byte ${at}`).rejects.toBeInstanceOf(
        SnapshotDamagedError,
      );
      disk.flip('snapshot', at, 0x10);
    }
    await verifySnapshot(disk, 'snapshot');
    const content = disk.content('snapshot');
    for (let length = 0; length < bytes; length += 7) {
      const file = await disk.open(`cut ${length}`, { create: true });
      await file.write(0, content.subarray(0, length));
      await expect(verifySnapshot(disk, `cut ${length}`)).rejects.toBeInstanceOf(
        SnapshotDamagedError,
      );
    }
  });

  it('[F5] a chunk of another place of the same file is refused', async () => {
    const disk = new MemoryDisk();
    const { state } = await stateWith(2000, 300);
    const view = state.view();
    await writeSnapshot(view, disk, 'snapshot', new Uint8Array(0));
    view.close();
    const content = disk.content('snapshot');
    // All pairs have one length, so that the full chunks have too: take the first one twice.
    const first = 36;
    const length = 16 + new DataView(content.buffer).getUint32(first);
    content.copyWithin(first + length, first, first + length);
    const file = await disk.open('moved', { create: true });
    await file.write(0, content);
    await expect(verifySnapshot(disk, 'moved')).rejects.toMatchObject({
      name: 'SnapshotDamagedError',
      offset: first + length,
    });
  });
});
