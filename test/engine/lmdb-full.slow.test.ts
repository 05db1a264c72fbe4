import { afterAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/index.ts';
import { openReplicaStates, writeSnapshot } from '../../src/engine/index.ts';
import { openLmdb } from '../../src/engine/lmdb/index.ts';
import { nodeDisk } from '../../src/platform/index.ts';
import { makeSmallFileSystem } from './small-file-system.ts';

const fileSystem = makeSmallFileSystem('engine', 48);
const VALUE = 'v'.repeat(1000);
const keyOf = (i: number) => utf8(`k${String(i).padStart(8, '0')}`);
const valueAt = (i: number) => utf8(`${i} ${VALUE}`);

describe.runIf(fileSystem)('LMDB on a small file system', () => {
  afterAll(() => fileSystem?.destroy());
  const { directory, fill, free } = fileSystem ?? { directory: '', fill() {}, free() {} };

  for (const freeBytesMin of [0, 4 * 1024 * 1024]) {
    const guard = freeBytesMin > 0 ? 'with some room spared' : 'to the last byte';
    it(`[F7] [L4] full ${guard}: flushes are refused, reads go on, room heals, nothing is lost`, async () => {
      const path = `${directory}/engine-${freeBytesMin}`;
      let engine = await openLmdb(path, { freeBytesMin });
      let state = await openReplicaStates(engine).open(1);
      let index = 0;
      const apply = (count: number) => {
        for (let i = 0; i < count; i++) {
          index++;
          state.apply(index, 1, [{ key: keyOf(index), value: valueAt(index) }]);
        }
      };
      const checkAll = () => {
        for (let i = 1; i <= index; i++) {
          const value = state.get(keyOf(i));
          if (!value || Buffer.compare(value, valueAt(i)) !== 0) throw new Error(`no ${i}`);
        }
      };
      apply(3000);
      await state.flush();
      fill(freeBytesMin > 0 ? freeBytesMin / 2 : 0);
      apply(3000);
      for (let attempt = 0; attempt < 3; attempt++) {
        await expect(state.flush()).rejects.toMatchObject({ name: 'DiskError', code: 'full' });
        expect([state.isDiskFull, state.durableIndex]).toEqual([true, 3000]);
        apply(10);
        checkAll();
      }
      // Nor is there room for a snapshot.
      const view = state.view();
      await expect(
        writeSnapshot(view, nodeDisk(directory), 'snapshot', new Uint8Array(0)),
      ).rejects.toMatchObject({ code: 'full' });
      view.close();
      free();
      await state.flush();
      expect([state.isDiskFull, state.durableIndex]).toEqual([false, 6000]);
      await state.flush();
      expect(state.durableIndex).toBe(index);
      checkAll();
      await engine.close();
      engine = await openLmdb(path, { freeBytesMin });
      state = await openReplicaStates(engine).open(1);
      expect(state.appliedIndex).toBe(index);
      checkAll();
      const damages: unknown[] = [];
      const records = await new Promise((resolve) => {
        engine.onScrubbed = resolve;
        engine.onDamage = (damage) => damages.push(damage);
      });
      expect(damages).toEqual([]);
      // Besides the data: the state of the replica and the next space.
      expect(records).toBe(index + 2);
      await engine.close();
    });
  }

  it('[F7] [E1] a commit for which there is no room takes no small ones with it', async () => {
    const engine = await openLmdb(`${directory}/engine-together`, { freeBytesMin: 0 });
    const value = new Uint8Array(3000).fill(7);
    const some = (name: string) =>
      Array.from({ length: 200 }, (_, i) => ({ key: utf8(`${name}${1000 + i}`), value }));
    await engine.commit(some('old')).durable;
    // Room within the file, for what is small.
    await engine.commit(some('old').map(({ key }) => ({ key, value: undefined }))).durable;
    for (const key of ['a', 'b', 'c']) await engine.commit([{ key: utf8(key), value }]).durable;
    fill();
    const large = new Uint8Array(4 * 1024 * 1024).fill(1);
    const commits = [value, value, large, value, value].map((each, i) =>
      engine.commit([{ key: utf8(`new${i}`), value: each }]).durable.then(
        () => 'durable',
        (error) => error.code,
      ),
    );
    expect(await Promise.all(commits)).toEqual([
      'durable',
      'durable',
      'full',
      'durable',
      'durable',
    ]);
    const isThere = [0, 1, 2, 3, 4].map((i) => engine.get(utf8(`new${i}`)) !== undefined);
    expect(isThere).toEqual([true, true, false, true, true]);
    free();
    await engine.close();
  });
});
