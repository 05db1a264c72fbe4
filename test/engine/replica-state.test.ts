import { describe, expect, it } from 'vitest';
import { utf8, utf8Text } from '../../src/bytes/index.ts';
import {
  MemoryEngine,
  openReplicaStates,
  type Reader,
  type ReplicaStateOptions,
  type Write,
  writeSnapshot,
} from '../../src/engine/index.ts';
import { DiskError } from '../../src/ports/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { collect } from './contract.ts';

const put = (key: string, value: string): Write => ({ key: utf8(key), value: utf8(value) });
const del = (key: string): Write => ({ key: utf8(key), value: undefined });

function textAt(reader: Reader, key: string): string | undefined {
  const value = reader.get(utf8(key));
  return value && utf8Text(value);
}

function texts(reader: Reader, from = '', to = '~'): string[] {
  return collect(reader.range({ from: utf8(from), to: utf8(to) })).map(
    ({ key, value }) => `${utf8Text(key)}=${utf8Text(value)}`,
  );
}

/** An engine whose commits wait for `step`. */
function heldEngine(): { engine: MemoryEngine; step(): Promise<void> } {
  const steps: (() => void)[] = [];
  const engine = new MemoryEngine({ schedule: (_stage, step) => steps.push(step) });
  return {
    engine,
    step: async () => {
      steps.shift()?.();
      await settle();
    },
  };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

const stateOf = (engine: MemoryEngine, replica = 1, options: ReplicaStateOptions = {}) =>
  openReplicaStates(engine, options).open(replica);

describe('applying', () => {
  it('takes in writes at once and advances without writes too', async () => {
    const state = await stateOf(new MemoryEngine());
    expect(state.appliedIndex).toBe(0);
    state.apply(1, 1, [put('b', '1'), put('a', '1'), put('b', '2')]);
    state.apply(2, 3, []);
    expect(texts(state)).toEqual(['a=1', 'b=2']);
    expect([state.appliedIndex, state.appliedTerm]).toEqual([2, 3]);
    expect([state.durableIndex, state.durableTerm]).toEqual([0, 0]);
  });

  it('[G16] refuses an index out of order, and a term that goes back', async () => {
    const state = await stateOf(new MemoryEngine());
    state.apply(1, 5, []);
    expect(() => state.apply(1, 5, [])).toThrow('apply {1, 5} after {1, 5}');
    expect(() => state.apply(3, 5, [])).toThrow('apply {3, 5} after {1, 5}');
    expect(() => state.apply(2, 4, [])).toThrow('apply {2, 4} after {1, 5}');
  });

  it('[E5] is all or nothing when a key is too long', async () => {
    const state = await stateOf(new MemoryEngine());
    const key = new Uint8Array(state.maxKeyBytes + 1);
    expect(() => state.apply(1, 1, [put('a', '1'), { key, value: key }])).toThrow(RangeError);
    expect(texts(state)).toEqual([]);
    expect(state.appliedIndex).toBe(0);
    state.apply(1, 1, [{ key: key.subarray(1), value: utf8('long') }]);
    await state.flush();
    expect(state.get(key.subarray(1))).toEqual(utf8('long'));
  });

  it('[S4] says when to flush and when to pause', async () => {
    const { engine, step } = heldEngine();
    const opening = stateOf(engine, 1, { memtableBytes: 1000, hardBytes: 2500 });
    await step();
    await step();
    const state = await opening;
    const big = 'x'.repeat(600);
    state.apply(1, 1, [put('a', big)]);
    expect([state.needsFlush, state.isFull]).toEqual([false, false]);
    state.apply(2, 1, [put('b', big)]);
    expect([state.needsFlush, state.isFull]).toEqual([true, false]);
    const flushed = state.flush();
    state.apply(3, 1, [put('c', big)]);
    state.apply(4, 1, [put('d', big)]);
    // One flush at a time: what came after it waits for its own.
    expect([state.needsFlush, state.isFull]).toEqual([false, true]);
    expect(state.flush()).toBe(flushed);
    await settle();
    await step();
    await step();
    await flushed;
    expect([state.needsFlush, state.isFull]).toEqual([true, false]);
    expect(state.durableIndex).toBe(2);
  });

  it('[S4] bounds the memtables of all replicas together, and the largest is flushed', async () => {
    const states = openReplicaStates(new MemoryEngine(), { memtablesBytesMax: 12_000 });
    const [a, b] = [await states.open(1), await states.open(2)];
    const big = 'x'.repeat(2000);
    a.apply(1, 1, [put('a', big)]);
    b.apply(1, 1, [put('b', big), put('c', big)]);
    expect([a.needsFlush, b.needsFlush]).toEqual([false, true]);
    a.apply(2, 1, [put('d', big)]);
    a.apply(3, 1, [put('e', big), put('f', big)]);
    expect([a.needsFlush, b.needsFlush]).toEqual([true, false]);
    expect([a.isFull, b.isFull]).toEqual([true, true]);
    await a.flush();
    expect([a.isFull, b.isFull]).toEqual([false, false]);
    expect([a.needsFlush, b.needsFlush]).toEqual([false, false]);
    b.apply(2, 1, [put('f', big)]);
    expect(b.needsFlush).toBe(true);
    await b.remove();
    const c = await states.open(3);
    c.apply(1, 1, [put('a', big), put('b', big)]);
    expect([c.needsFlush, c.isFull]).toEqual([false, false]);
  });
});

describe('a full disk', () => {
  const big = 'x'.repeat(2000);
  const limits = { memtableBytes: 3000, hardBytes: 5000 };

  async function fullStates() {
    const engine = new MemoryEngine();
    const states = openReplicaStates(engine, {
      ...limits,
      memtablesBytesMax: 10_000,
      memtablesReserveBytes: 20_000,
    });
    const [a, b] = [await states.open(1), await states.open(2)];
    engine.capacityBytes = engine.bytes;
    a.apply(1, 1, [put('a', big), put('b', big)]);
    await expect(a.flush()).rejects.toThrow(DiskError);
    return { engine, states, a, b };
  }

  it('[L4] [S4] gives the reserve to what is under way in any replica, and has an end', async () => {
    const { states, a, b } = await fullStates();
    expect([states.isDiskFull, a.isDiskFull, b.isDiskFull]).toEqual([true, true, false]);
    expect([a.mayPropose, b.mayPropose]).toEqual([false, false]);
    // Past the replica's own limit and that of all.
    for (let i = 1; i <= 4; i++) {
      expect([b.mayAppend, b.isFull, a.isFull]).toEqual([true, false, false]);
      b.apply(i, 1, [put(`b${i}`, big), put(`c${i}`, big)]);
    }
    expect([a.mayAppend, b.mayAppend, b.isFull]).toEqual([false, false, false]);
    for (let i = 5; !b.isFull; i++) b.apply(i, 1, [put(`b${i}`, big)]);
    expect(a.isFull).toBe(true);
    const all = a.memtableBytes + b.memtableBytes;
    expect(all).toBeGreaterThanOrEqual(30_000);
    expect(all).toBeLessThan(32_100);
  });

  it('[F7] ends with the flush that finds room, of every replica that found none', async () => {
    const { engine, states, a, b } = await fullStates();
    b.apply(1, 1, [put('a', big)]);
    await expect(b.flush()).rejects.toThrow(DiskError);
    engine.capacityBytes = Number.POSITIVE_INFINITY;
    await a.flush();
    expect([states.isDiskFull, a.mayPropose]).toEqual([true, false]);
    await b.flush();
    expect([states.isDiskFull, a.mayPropose, b.mayPropose]).toEqual([false, true, true]);
    for (let i = 2; i <= 4; i++) b.apply(i, 1, [put(`b${i}`, big)]);
    expect([a.isFull, b.isFull]).toEqual([false, true]);
  });

  it('[F7] ends with the replica that found it, when that goes or gets another state', async () => {
    const removed = await fullStates();
    removed.engine.capacityBytes = Number.POSITIVE_INFINITY;
    await removed.a.remove();
    expect(removed.states.isDiskFull).toBe(false);

    const { engine, states, a } = await fullStates();
    engine.capacityBytes = Number.POSITIVE_INFINITY;
    const disk = new MemoryDisk();
    const other = await stateOf(new MemoryEngine());
    other.apply(1, 1, []);
    other.apply(2, 1, [put('z', '1')]);
    const view = other.view();
    await writeSnapshot(view, disk, 'snapshot', new Uint8Array(0));
    view.close();
    await a.installSnapshot(disk, 'snapshot');
    expect([states.isDiskFull, a.isDiskFull, a.appliedIndex]).toEqual([false, false, 2]);
  });

  it('[S4] bounds what waits to be applied in all replicas while apply pauses', async () => {
    const states = openReplicaStates(new MemoryEngine(), {
      memtablesBytesMax: 10_000,
      memtablesReserveBytes: 20_000,
    });
    const [a, b] = [await states.open(1), await states.open(2)];
    a.waits(3000);
    b.waits(2000);
    expect(a.isBacklogFull).toBe(false);
    a.apply(1, 1, [put('a', 'x'.repeat(10_000))]);
    expect([a.isBacklogFull, b.isBacklogFull]).toEqual([true, true]);
    b.waits(-1);
    expect(a.isBacklogFull).toBe(false);
  });
});

describe('flushing', () => {
  it('[E8] memory of a flushed memtable is used again only when nobody reads it any more', async () => {
    const state = await stateOf(new MemoryEngine());
    const write = (fill: number) =>
      Array.from({ length: 12 }, (_, i) => ({
        key: utf8(`k${10 + i}`),
        value: new Uint8Array(300_000).fill(fill),
      }));
    const fillOf = (value: Uint8Array | undefined) => {
      const first = value?.[0] as number;
      return value?.every((byte) => byte === first) ? first : undefined;
    };
    state.apply(1, 1, write(1));
    const view = state.view();
    const cursor = state.range({ from: utf8('k'), to: utf8('l') });
    expect(fillOf(cursor.next()?.value)).toBe(1);
    await state.flush();
    // Takes chunks from the pool, which must not be those that are read.
    state.apply(2, 1, write(2));
    await state.flush();
    state.apply(3, 1, write(3));
    for (let i = 1; i < 12; i++) expect(fillOf(cursor.next()?.value)).toBe(1);
    expect(cursor.next()).toBeUndefined();
    expect(fillOf(view.get(utf8('k20')))).toBe(1);
    view.close();
    await state.flush();
    state.apply(4, 1, write(4));
    expect(fillOf(state.get(utf8('k20')))).toBe(4);
  });

  it('[E1] [G16] data and applied index are there together or not at all', async () => {
    const { engine, step } = heldEngine();
    const opening = stateOf(engine);
    await step();
    await step();
    const state = await opening;
    state.apply(1, 1, [put('a', '1')]);
    state.apply(2, 1, [put('a', '2'), put('b', '2')]);
    void state.flush();
    await settle();
    for (const survivors of [0, 1]) {
      const next = engine.crash(survivors);
      const found = await stateOf(next);
      expect(found.appliedIndex).toBe(survivors * 2);
      expect(texts(found)).toEqual(survivors === 0 ? [] : ['a=2', 'b=2']);
    }
  });

  it('[E1] reads stay right at every moment of a flush', async () => {
    const { engine, step } = heldEngine();
    const opening = stateOf(engine);
    await step();
    await step();
    const state = await opening;
    state.apply(1, 1, [put('a', '1'), put('b', '1'), put('c', '1')]);
    const first = state.flush();
    const view = state.view();
    state.apply(2, 1, [put('b', '2'), del('c')]);
    await settle();
    const check = () => {
      expect(texts(state)).toEqual(['a=1', 'b=2']);
      expect(textAt(state, 'c')).toBeUndefined();
      expect(texts(view)).toEqual(['a=1', 'b=1', 'c=1']);
    };
    for (let i = 0; i < 3; i++) {
      check();
      await step();
    }
    await first;
    expect(state.durableIndex).toBe(1);
    const second = state.flush();
    for (let i = 0; i < 3; i++) {
      check();
      await step();
    }
    await second;
    check();
    expect(state.durableIndex).toBe(2);
    view.close();
    view.close();
    expect(() => view.get(utf8('a'))).toThrow('closed');
    expect(state.memtableBytes).toBe(0);
  });

  it('[E1] asks once for extra writes, at the moment of the freeze', async () => {
    const { engine, step } = heldEngine();
    const opening = stateOf(engine);
    await step();
    await step();
    const state = await opening;
    state.apply(1, 1, [put('a', '1')]);
    const flushed = state.flush({ extra: () => [put('sessions', `at ${state.appliedIndex}`)] });
    state.apply(2, 1, [put('a', '2')]);
    await settle();
    await step();
    await step();
    await flushed;
    const found = await stateOf(engine.crash());
    expect(found.appliedIndex).toBe(1);
    expect(texts(found)).toEqual(['a=1', 'sessions=at 1']);
  });

  it('[E2] a refused flush loses nothing and is tried again', async () => {
    const engine = new MemoryEngine();
    const state = await stateOf(engine);
    state.apply(1, 1, [put('a', '1')]);
    engine.fault = () => 'full';
    await expect(state.flush()).rejects.toMatchObject({ name: 'DiskError', code: 'full' });
    expect([state.durableIndex, state.needsFlush]).toEqual([0, true]);
    state.apply(2, 1, [put('b', '2')]);
    expect(texts(state)).toEqual(['a=1', 'b=2']);
    engine.fault = undefined;
    await state.flush();
    expect(state.durableIndex).toBe(1);
    await state.flush();
    expect(state.durableIndex).toBe(2);
    expect(texts(await stateOf(engine.crash()))).toEqual(['a=1', 'b=2']);
  });

  it('makes an applied index durable that changed nothing', async () => {
    const engine = new MemoryEngine();
    const state = await stateOf(engine);
    state.apply(1, 4, []);
    await state.flush();
    const found = await stateOf(engine.crash());
    expect([found.durableIndex, found.durableTerm]).toEqual([1, 4]);
  });
});

describe('several replicas in one engine', () => {
  it('do not see each other', async () => {
    const engine = new MemoryEngine();
    const states = openReplicaStates(engine);
    const [one, two] = [await states.open(1), await states.open(0xffff_ffff)];
    one.apply(1, 1, [put('a', 'one')]);
    two.apply(1, 1, [put('a', 'two'), put('b', 'two')]);
    await Promise.all([one.flush(), two.flush()]);
    two.apply(2, 1, [del('b')]);
    const again = openReplicaStates(engine.crash());
    expect(again.replicas()).toEqual([1, 0xffff_ffff]);
    expect(texts(await again.open(1))).toEqual(['a=one']);
    expect(texts(await again.open(0xffff_ffff))).toEqual(['a=two', 'b=two']);
    await expect(again.open(1)).rejects.toThrow('open already');
  });

  it('[E3] what is deleted goes at the pace of the calls, does not hold up a flush, and may be damaged', async () => {
    const engine = new MemoryEngine();
    const states = openReplicaStates(engine);
    const gone = await states.open(1);
    for (let i = 0; i < 1200; i++) gone.apply(i + 1, 1, [put(`k${10_000 + i}`, 'x')]);
    await gone.flush();
    const state = await states.open(2);
    state.apply(1, 1, [put('a', '1')]);
    await state.flush();
    await gone.remove();
    const told: unknown[] = [];
    states.onDamage((replica) => told.push(replica));
    const found = engine.snapshot();
    const record = found.range({ from: Uint8Array.of(0, 0, 0, 1), to: Uint8Array.of(1) }).next();
    found.close();
    engine.damage(record?.key as Uint8Array);
    const left = () => {
      const snapshot = engine.snapshot();
      const range = {
        from: Uint8Array.of(0, 0, 0, 1),
        to: Uint8Array.of(0, 0, 0, 2),
        keysOnly: true,
      };
      const count = collect(snapshot.range(range)).length;
      snapshot.close();
      return count;
    };
    const counts = [left()];
    while (states.hasDeletedSpaces) {
      state.apply(state.appliedIndex + 1, 1, [put('a', '2')]);
      await Promise.all([states.deleteSpaces(1), state.flush()]);
      counts.push(left());
    }
    expect(counts).toEqual([1200, 700, 200, 0]);
    expect(told).toEqual([]);
    expect(texts(state)).toEqual(['a=2']);
  });

  it('[E3] a removed replica’s data goes lazily, also after a crash in the middle', async () => {
    let engine = new MemoryEngine();
    const states = openReplicaStates(engine);
    const [gone, kept] = [await states.open(1), await states.open(2)];
    const many = Array.from({ length: 2500 }, (_, i) => put(`key ${i}`, 'value'));
    gone.apply(1, 1, many);
    kept.apply(1, 1, [put('a', '1')]);
    await Promise.all([gone.flush(), kept.flush()]);
    const full = engine.bytes;
    await gone.remove();
    expect(() => gone.apply(2, 1, [])).toThrow('removed');
    expect(states.hasDeletedSpaces).toBe(true);
    // The third commit of the deletion is refused: what was done is done.
    let commits = 0;
    engine.fault = () => (++commits === 3 ? 'failed' : undefined);
    await expect(states.deleteSpaces()).rejects.toMatchObject({ code: 'failed' });
    expect(engine.bytes).toBeLessThan(full);
    engine = engine.crash();
    const again = openReplicaStates(engine);
    expect(again.replicas()).toEqual([2]);
    expect(again.hasDeletedSpaces).toBe(true);
    await again.deleteSpaces();
    expect(again.hasDeletedSpaces).toBe(false);
    expect(texts(await again.open(2))).toEqual(['a=1']);
    expect(engine.bytes).toBeLessThan(200);
    // A replica of the same id later begins empty.
    expect(texts(await again.open(1))).toEqual([]);
  });
});

describe('installing a snapshot', () => {
  async function snapshotFile(disk: MemoryDisk, count: number): Promise<void> {
    const source = await stateOf(new MemoryEngine());
    const writes = Array.from({ length: count }, (_, i) =>
      put(`new ${i}`, `value ${i}`.repeat(100)),
    );
    source.apply(1, 1, writes);
    for (let index = 2; index <= 50; index++) source.apply(index, 7, []);
    const view = source.view();
    await writeSnapshot(view, disk, 'snapshot', utf8('meta'));
    view.close();
  }

  it('[E3] leaves the old state or the new one, wherever the node dies', async () => {
    const disk = new MemoryDisk();
    await snapshotFile(disk, 3000);
    const outcomes = new Set<string>();
    // The node dies after each step of the engine's commits, with and without the commit under way.
    for (let dies = 1; dies < 40; dies++) {
      const { engine, step } = heldEngine();
      const opening = stateOf(engine);
      await step();
      await step();
      const state = await opening;
      state.apply(1, 1, [put('old', '1')]);
      const flushed = state.flush();
      await settle();
      await step();
      await step();
      await flushed;
      let installed = false;
      void state.installSnapshot(disk, 'snapshot').then(() => {
        installed = true;
      });
      for (let i = 0; i < dies; i++) {
        await settle();
        await step();
      }
      const next = engine.crash(dies % 2);
      const states = openReplicaStates(next);
      const found = await states.open(1);
      const isNew = found.appliedIndex === 50;
      outcomes.add(isNew ? 'new' : 'old');
      expect(found.appliedTerm).toBe(isNew ? 7 : 1);
      expect(texts(found)).toHaveLength(isNew ? 3000 : 1);
      let deleted = false;
      void states.deleteSpaces().then(() => {
        deleted = true;
      });
      while (!deleted) await step();
      expect(texts(found)).toHaveLength(isNew ? 3000 : 1);
      if (!isNew) expect(next.bytes).toBeLessThan(200);
      if (installed) break;
    }
    expect([...outcomes].sort()).toEqual(['new', 'old']);
  });

  it('[E3] discards memtables, goes on from the snapshot’s index, and a view keeps the old state', async () => {
    const disk = new MemoryDisk();
    await snapshotFile(disk, 100);
    const engine = new MemoryEngine();
    const states = openReplicaStates(engine);
    const state = await states.open(1);
    state.apply(1, 1, [put('old', '1')]);
    await state.flush();
    state.apply(2, 1, [put('old', '2'), put('older', '2')]);
    const view = state.view();
    const flushed = state.flush();
    const installed = state.installSnapshot(disk, 'snapshot');
    expect(() => state.apply(3, 1, [])).toThrow('during an install');
    expect(await installed).toEqual({ index: 50, term: 7 });
    await flushed;
    expect([state.appliedIndex, state.durableIndex, state.durableTerm]).toEqual([50, 50, 7]);
    expect(texts(state)).toHaveLength(100);
    expect(texts(view)).toEqual(['old=2', 'older=2']);
    view.close();
    state.apply(51, 7, [put('new 7', 'changed')]);
    await state.flush();
    await states.deleteSpaces();
    const found = await stateOf(engine.crash());
    expect(found.appliedIndex).toBe(51);
    expect(textAt(found, 'new 7')).toBe('changed');
    expect(texts(found)).toHaveLength(100);
  });

  it('[E3] a flush that waits for the log never brings the old state back', async () => {
    const disk = new MemoryDisk();
    await snapshotFile(disk, 100);
    const engine = new MemoryEngine();
    const state = await stateOf(engine);
    state.apply(1, 1, [put('old', '1')]);
    let logIsDurable = () => {};
    const flushed = state.flush({
      logDurable: () => new Promise((resolve) => (logIsDurable = resolve)),
    });
    const installed = state.installSnapshot(disk, 'snapshot');
    await settle();
    logIsDurable();
    await Promise.all([flushed, installed]);
    await settle();
    const found = await stateOf(engine.crash());
    expect(found.appliedIndex).toBe(50);
    expect(texts(found)).toHaveLength(100);
  });

  it('[E3] spaces are deleted when they were replaced, and never while they are filled', async () => {
    const disk = new MemoryDisk();
    await snapshotFile(disk, 3000);
    const engine = new MemoryEngine();
    const states = openReplicaStates(engine);
    const state = await states.open(1);
    state.apply(1, 1, [put('old', 'x'.repeat(100_000))]);
    await state.flush();
    const before = engine.bytes;
    const installed = state.installSnapshot(disk, 'snapshot');
    while (engine.bytes === before) await Promise.resolve(); // Listed as a space that holds nothing.
    const listed = engine.bytes;
    while (engine.bytes === listed) await Promise.resolve(); // The first pairs are in it.
    expect(states.hasDeletedSpaces).toBe(false);
    await states.deleteSpaces();
    await installed;
    expect(texts(state)).toHaveLength(3000);
    // The old space is still known after a crash.
    const next = engine.crash();
    const again = openReplicaStates(next);
    expect(again.hasDeletedSpaces).toBe(true);
    const both = next.bytes;
    await again.deleteSpaces();
    expect(both - next.bytes).toBeGreaterThan(100_000);
    expect(texts(await again.open(1))).toHaveLength(3000);
  });

  it('[E3] [F4] a damaged file changes nothing, and what it filled goes', async () => {
    const disk = new MemoryDisk();
    await snapshotFile(disk, 3000);
    const engine = new MemoryEngine();
    const states = openReplicaStates(engine);
    const state = await states.open(1);
    state.apply(1, 1, [put('old', '1')]);
    await state.flush();
    const before = engine.bytes;
    disk.flip('snapshot', disk.content('snapshot').length - 1000);
    await expect(state.installSnapshot(disk, 'snapshot')).rejects.toMatchObject({
      name: 'SnapshotDamagedError',
      file: 'snapshot',
    });
    expect(texts(state)).toEqual(['old=1']);
    expect(engine.bytes).toBeGreaterThan(before);
    await states.deleteSpaces();
    expect(engine.bytes).toBeLessThan(before + 20);
    state.apply(2, 1, []);
    await state.flush();
    expect(state.durableIndex).toBe(2);
  });
});
