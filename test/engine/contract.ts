import { afterEach, expect, it } from 'vitest';
import { compareBytes, equalBytes, utf8, utf8Text } from '../../src/bytes/index.ts';
import type { Cursor, Engine, Pair, Range, Write } from '../../src/engine/index.ts';
import { pack, packedBytes } from '../../src/engine/packed.ts';
import { Prng } from '../support/prng.ts';

/** How the contract gets an engine, opens it again and lets its node die. */
export interface EngineHarness {
  open(): Promise<Engine>;
  /** Closes it and opens what is there. */
  reopen(): Promise<Engine>;
  destroy(): Promise<void>;
}

const bytes = (text: string) => utf8(text);
const put = (key: string, value: string): Write => ({ key: bytes(key), value: bytes(value) });
const del = (key: string): Write => ({ key: bytes(key), value: undefined });

export function collect(cursor: Cursor): Pair[] {
  const pairs: Pair[] = [];
  for (let pair = cursor.next(); pair; pair = cursor.next()) pairs.push(pair);
  cursor.close();
  return pairs;
}

function texts(cursor: Cursor): string[] {
  return collect(cursor).map(({ key, value }) => `${utf8Text(key)}=${utf8Text(value)}`);
}

function rangeOf(engine: Engine, range: Range): string[] {
  const snapshot = engine.snapshot();
  const result = texts(snapshot.range(range));
  snapshot.close();
  return result;
}

const textAt = (engine: Engine, key: string) => {
  const value = engine.get(bytes(key));
  return value && utf8Text(value);
};

/** What every engine promises. Register it inside a `describe`. */
export function engineContract(harness: () => EngineHarness): void {
  let current: EngineHarness | undefined;
  const start = async () => {
    current = harness();
    return current.open();
  };
  afterEach(async () => {
    await current?.destroy();
    current = undefined;
  });

  it('gets what was put and nothing else', async () => {
    const engine = await start();
    expect(engine.get(bytes('a'))).toBeUndefined();
    await engine.commit([put('a', '1'), put('b', '')]).durable;
    expect(textAt(engine, 'a')).toBe('1');
    expect(textAt(engine, 'b')).toBe('');
    expect(textAt(engine, 'aa')).toBeUndefined();
    await engine.commit([del('a'), put('b', '2'), del('never')]).durable;
    expect(textAt(engine, 'a')).toBeUndefined();
    expect(textAt(engine, 'b')).toBe('2');
  });

  it('gives bytes that are the caller’s own', async () => {
    const engine = await start();
    const value = bytes('value');
    await engine.commit([{ key: bytes('k'), value }]).durable;
    value.fill(0);
    const first = engine.get(bytes('k')) as Uint8Array;
    expect(utf8Text(first)).toBe('value');
    first.fill(0);
    const snapshot = engine.snapshot();
    const cursor = snapshot.range({ from: bytes('a'), to: bytes('z') });
    const pair = cursor.next() as Pair;
    expect(cursor.next()).toBeUndefined();
    pair.key.fill(0);
    pair.value.fill(0);
    snapshot.close();
    expect(textAt(engine, 'k')).toBe('value');
    expect(first.constructor).toBe(Uint8Array);
    expect(pair.value.constructor).toBe(Uint8Array);
  });

  it('ranges include from and exclude to, in both directions', async () => {
    const engine = await start();
    await engine.commit([put('a', '1'), put('b', '2'), put('c', '3'), put('d', '4')]).durable;
    const range = (from: string, to: string, reverse = false) =>
      rangeOf(engine, { from: bytes(from), to: bytes(to), reverse });
    expect(range('b', 'd')).toEqual(['b=2', 'c=3']);
    expect(range('b', 'd', true)).toEqual(['c=3', 'b=2']);
    expect(range('aa', 'cc')).toEqual(['b=2', 'c=3']);
    expect(range('aa', 'cc', true)).toEqual(['c=3', 'b=2']);
    expect(range('0', 'z')).toEqual(['a=1', 'b=2', 'c=3', 'd=4']);
    expect(range('0', 'z', true)).toEqual(['d=4', 'c=3', 'b=2', 'a=1']);
    expect(range('c', 'b')).toEqual([]);
    expect(range('b', 'b')).toEqual([]);
    expect(range('b', 'b', true)).toEqual([]);
    expect(range('x', 'z')).toEqual([]);
    expect(range('0', '1', true)).toEqual([]);
  });

  it('orders keys as unsigned bytes, a prefix first', async () => {
    const engine = await start();
    const keys = [[0], [0, 0], [0, 1], [1], [0x7f], [0x80], [0xff], [0xff, 0xff]].map((key) =>
      Uint8Array.from(key),
    );
    await engine.commit(keys.map((key) => ({ key, value: key }))).durable;
    const snapshot = engine.snapshot();
    const found = collect(snapshot.range({ from: keys[0] as Uint8Array, to: bytes('\u{10ffff}') }));
    expect(found.map(({ key }) => [...key])).toEqual(keys.slice(0, 6).map((key) => [...key]));
    snapshot.close();
  });

  it('a snapshot does not change, and ends with close', async () => {
    const engine = await start();
    await engine.commit([put('a', '1'), put('b', '2')]).durable;
    const before = engine.snapshot();
    const cursor = before.range({ from: bytes('a'), to: bytes('z') });
    expect(utf8Text((cursor.next() as Pair).value)).toBe('1');
    await engine.commit([put('a', '9'), del('b'), put('c', '3')]).durable;
    expect(textAt(engine, 'a')).toBe('9');
    expect(utf8Text(before.get(bytes('a')) as Uint8Array)).toBe('1');
    expect(before.get(bytes('c'))).toBeUndefined();
    expect(texts(cursor)).toEqual(['b=2']);
    expect(texts(before.range({ from: bytes('a'), to: bytes('z') }))).toEqual(['a=1', 'b=2']);
    const after = engine.snapshot();
    expect(texts(after.range({ from: bytes('a'), to: bytes('z') }))).toEqual(['a=9', 'c=3']);
    before.close();
    before.close();
    expect(() => before.get(bytes('a'))).toThrow('closed');
    expect(() => before.range({ from: bytes('a'), to: bytes('z') })).toThrow('closed');
    expect(utf8Text(after.get(bytes('a')) as Uint8Array)).toBe('9');
    after.close();
  });

  it('[E2] is visible when `visible` resolves and there after a restart when `durable` did', async () => {
    const engine = await start();
    const commit = engine.commit([put('a', '1')]);
    await commit.visible;
    expect(textAt(engine, 'a')).toBe('1');
    await commit.durable;
    const again = await (current as EngineHarness).reopen();
    expect(textAt(again, 'a')).toBe('1');
  });

  it('[E2] commits take effect in the order of the calls', async () => {
    const engine = await start();
    const order: number[] = [];
    const commits = [1, 2, 3, 4].map((n) => {
      const { durable } = engine.commit([put('k', String(n)), put(`k${n}`, 'x')]);
      return durable.then(() => order.push(n));
    });
    await Promise.all(commits);
    expect(order).toEqual([1, 2, 3, 4]);
    expect(textAt(engine, 'k')).toBe('4');
    expect(rangeOf(engine, { from: bytes('k'), to: bytes('l') })).toHaveLength(5);
  });

  it('[E1] a commit of what values hold together does what it says, in its turn', async () => {
    const engine = await start();
    const writes = [put('a', 'new'), del('b'), put('c', ''), put('d', 'x'.repeat(3000))];
    const packed = new Uint8Array(writes.reduce((sum, write) => sum + packedBytes(write), 0));
    const view = new DataView(packed.buffer);
    let at = 0;
    for (const write of writes) {
      pack(packed, view, at, write);
      at += packedBytes(write);
    }
    await engine.commit([put('a', 'old'), put('b', 'old')]).durable;
    // In two pieces, of which the first ends in the middle of a write.
    const [first, second] = [packed.subarray(0, 9), packed.subarray(9)];
    const pieces = [bytes('stored1'), bytes('stored2')] as const;
    const stored = engine.commit([
      { key: pieces[0], value: first },
      { key: pieces[1], value: second },
    ]);
    const { durable } = engine.commitStored(pieces);
    const last = engine.commit([put('d', 'last'), del('stored1'), del('stored2')]);
    await Promise.all([stored.durable, durable, last.durable]);
    expect(rangeOf(engine, { from: bytes('a'), to: bytes('z') })).toEqual([
      'a=new',
      'c=',
      'd=last',
    ]);
  });

  it('[E1] a commit may be lazy and large, and is there as one', async () => {
    const engine = await start();
    const count = 20_000;
    function* writes(): Generator<Write> {
      for (let i = 0; i < count; i++) {
        yield put(`key${String(i).padStart(8, '0')}`, `value ${i}`);
      }
    }
    const { visible, durable } = engine.commit(writes());
    let isVisible = false;
    void visible.then(() => {
      isVisible = true;
    });
    // At every turn all of it is there or nothing.
    while (!isVisible) {
      const first = textAt(engine, 'key00000000');
      const last = textAt(engine, `key${String(count - 1).padStart(8, '0')}`);
      expect(first === undefined).toBe(last === undefined);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await durable;
    const snapshot = engine.snapshot();
    const found = collect(snapshot.range({ from: bytes('key'), to: bytes('kez') }));
    snapshot.close();
    expect(found).toHaveLength(count);
  });

  it('[E5] takes keys up to maxKeyBytes and throws beyond', async () => {
    const engine = await start();
    expect(engine.maxKeyBytes).toBe(3900);
    const longest = new Uint8Array(engine.maxKeyBytes).fill(7);
    await engine.commit([{ key: longest, value: bytes('long') }]).durable;
    expect(utf8Text(engine.get(longest) as Uint8Array)).toBe('long');
    const tooLong = new Uint8Array(engine.maxKeyBytes + 1).fill(8);
    await expect(
      refused(engine, [put('\u0001x', '1'), { key: tooLong, value: longest }]),
    ).resolves.toBe('RangeError');
    await expect(refused(engine, [{ key: new Uint8Array(0), value: longest }])).resolves.toBe(
      'RangeError',
    );
    expect(engine.get(bytes('\u0001x'))).toBeUndefined();
    const snapshot = engine.snapshot();
    expect(collect(snapshot.range({ from: bytes('\0'), to: tooLong }))).toHaveLength(1);
    snapshot.close();
    // And goes on.
    await engine.commit([put('y', '1')]).durable;
    expect(engine.get(bytes('\u0001x'))).toBeUndefined();
    expect(textAt(engine, 'y')).toBe('1');
  });

  it('refuses writes that do not ascend, whole', async () => {
    const engine = await start();
    expect(await refused(engine, [put('a', '1'), put('c', '1'), put('b', '1')])).toBe('Error');
    expect(await refused(engine, [put('a', '1'), put('a', '2')])).toBe('Error');
    expect(textAt(engine, 'a')).toBeUndefined();
    await engine.commit([put('d', '1')]).durable;
    expect(textAt(engine, 'a')).toBeUndefined();
    expect(textAt(engine, 'd')).toBe('1');
  });

  it('[E1] [E8] reads each write before it asks for the next, and leaves nothing of a commit that breaks off', async () => {
    const engine = await start();
    // Some megabytes, so that an engine that passes it on in parts is in the middle when it breaks off.
    const value = new Uint8Array(1000);
    const write = { key: new Uint8Array(8), value };
    function* writes(count: number, failing: boolean): Generator<Write> {
      for (let i = 1; i <= count; i++) {
        new DataView(write.key.buffer).setUint32(0, i);
        value.fill(i & 0xff);
        yield write;
      }
      if (failing) throw new Error('broken off');
    }
    const count = 12_000;
    const keyOf = (i: number) => {
      const key = new Uint8Array(8);
      new DataView(key.buffer).setUint32(0, i);
      return key;
    };
    // An engine may copy the writes at once or later.
    const broken = async () => engine.commit(writes(count, true)).durable;
    await expect(broken()).rejects.toThrow('broken off');
    expect(engine.get(keyOf(1))).toBeUndefined();
    await engine.commit(writes(count, false)).durable;
    for (const i of [1, 2, 5000, count]) {
      expect(engine.get(keyOf(i))).toEqual(new Uint8Array(1000).fill(i & 0xff));
    }
    expect(engine.get(keyOf(count + 1))).toBeUndefined();
  });

  it('keeps long values', async () => {
    const engine = await start();
    const random = new Prng(7);
    const long = random.bytes(420_000);
    await engine.commit([{ key: bytes('long'), value: long }]).durable;
    expect(equalBytes(engine.get(bytes('long')) as Uint8Array, long)).toBe(true);
    const snapshot = engine.snapshot();
    const [pair] = collect(snapshot.range({ from: bytes('l'), to: bytes('m') }));
    snapshot.close();
    expect(equalBytes((pair as Pair).value, long)).toBe(true);
  });

  it('agrees with a sorted map under random commits, ranges and restarts', async () => {
    let engine = await start();
    const random = new Prng(11);
    const model = new Map<string, string>();
    const keys = Array.from({ length: 60 }, (_, i) => `k${i.toString(36)}`).sort((a, b) =>
      compareBytes(bytes(a), bytes(b)),
    );
    for (let round = 0; round < 60; round++) {
      const writes: Write[] = [];
      for (const key of keys) {
        if (!random.once(6)) continue;
        if (random.once(3)) {
          model.delete(key);
          writes.push(del(key));
        } else {
          const value = 'v'.repeat(random.below(40)) + round;
          model.set(key, value);
          writes.push(put(key, value));
        }
      }
      await engine.commit(writes).durable;
      if (random.once(20)) engine = await (current as EngineHarness).reopen();
      const [from, to] = [keys[random.below(60)] as string, keys[random.below(60)] as string];
      const reverse = random.once(2);
      const expected = [...model]
        .filter(([key]) => key >= from && key < to)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `${key}=${value}`);
      if (reverse) expected.reverse();
      expect(rangeOf(engine, { from: bytes(from), to: bytes(to), reverse })).toEqual(expected);
    }
  });

  it('refuses every call after close', async () => {
    const engine = await start();
    const { durable } = engine.commit([put('a', '1')]);
    await engine.close();
    await durable;
    expect(() => engine.get(bytes('a'))).toThrow('closed');
    expect(() => engine.snapshot()).toThrow('closed');
    expect(() => engine.commit([])).toThrow('closed');
  });
}

/** The name of the error that a commit is refused with, thrown or rejected. */
export async function refused(engine: Engine, writes: Write[]): Promise<string> {
  try {
    await engine.commit(writes).durable;
    return 'none';
  } catch (error) {
    return (error as Error).name;
  }
}
