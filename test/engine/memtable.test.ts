import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../src/bytes/index.ts';
import { Memtable } from '../../src/engine/index.ts';
import { Prng } from '../support/prng.ts';

/** Everything in [from, to), as hex; null for deleted keys. */
function listed(
  table: Memtable,
  from: string | undefined,
  to: string | undefined,
  reverse: boolean,
  epoch?: number,
): [string, string | null][] {
  const bound = (hex: string | undefined) => (hex === undefined ? undefined : fromHex(hex));
  const cursor = table.cursor(bound(from), bound(to), reverse, epoch);
  const pairs: [string, string | null][] = [];
  for (; cursor.key; cursor.advance()) {
    pairs.push([toHex(cursor.key), cursor.value && toHex(cursor.value)]);
  }
  return pairs;
}

type Model = Map<string, string | null>;

function sorted(model: Model): [string, string | null][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1));
}

function expected(
  model: Model,
  from: string | undefined,
  to: string | undefined,
  reverse: boolean,
) {
  const pairs = sorted(model).filter(
    ([key]) => (from === undefined || key >= from) && (to === undefined || key < to),
  );
  return reverse ? pairs.reverse() : pairs;
}

describe('a memtable', () => {
  it('agrees with a sorted map under puts, deletes, pins, points and ranges', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = new Prng(seed);
      const table = new Memtable(random.uint32());
      const model: Model = new Map();
      let pins: { epoch: number; model: Model }[] = [];
      // Short keys make overwrites and shared prefixes; long ones differ after their first eight bytes.
      const key = () => {
        const bytes = random.bytes(1 + random.below(3)).map((byte) => byte & 3);
        return random.once(2) ? bytes : Uint8Array.of(1, 0, 0, 0, 5, 6, 7, 8, ...bytes);
      };
      for (let round = 0; round < 400; round++) {
        const k = key();
        if (random.once(5)) {
          table.put(k, undefined);
          model.set(toHex(k), null);
        } else if (random.once(2)) {
          const value = random.bytes(random.below(40));
          table.put(k, value);
          model.set(toHex(k), toHex(value));
        }
        const value = table.get(k);
        expect(value && toHex(value)).toBe(model.get(toHex(k)));
        if (random.once(40)) pins.push({ epoch: table.pin(), model: new Map(model) });
        if (random.once(40)) {
          const [pin] = pins.splice(random.below(pins.length + 1), 1);
          if (pin) table.unpin(pin.epoch);
        }
        if (!random.once(12)) continue;
        const [from, to] = [key(), key()].map((bytes) =>
          random.once(4) ? undefined : toHex(bytes),
        );
        const reverse = random.once(2);
        expect(listed(table, from, to, reverse)).toEqual(expected(model, from, to, reverse));
        for (const pin of pins) {
          expect(listed(table, from, to, reverse, pin.epoch)).toEqual(
            expected(pin.model, from, to, reverse),
          );
          const old = table.get(k, pin.epoch);
          expect(old && toHex(old)).toBe(pin.model.get(toHex(k)));
        }
      }
      expect(table.size).toBe(model.size);
      pins = [];
    }
  });

  it('stays in order when it is large, however the keys come', () => {
    for (const order of ['ascending', 'descending', 'random'] as const) {
      const table = new Memtable();
      const random = new Prng(9);
      const count = 2000;
      const model: Model = new Map();
      for (let i = 0; i < count; i++) {
        const n = order === 'ascending' ? i : order === 'descending' ? count - i : random.uint32();
        const key = utf8(`prefix ${String(n).padStart(12, '0')}`);
        table.put(key, key);
        model.set(toHex(key), toHex(key));
      }
      expect(listed(table, undefined, undefined, false)).toEqual(sorted(model));
      expect(listed(table, undefined, undefined, true)).toEqual(sorted(model).reverse());
      const writes = Array.from(table.writes(Uint8Array.of(7)), ({ key }) => toHex(key));
      expect(writes).toEqual(sorted(model).map(([k]) => `07${k}`));
    }
  });

  it('a cursor goes on where it was when keys are put around it', () => {
    for (const reverse of [false, true]) {
      const table = new Memtable();
      const at = (n: number) => utf8(String(n).padStart(6, '0'));
      for (let n = 0; n < 2000; n += 2) table.put(at(n), at(n));
      const cursor = table.cursor(undefined, undefined, reverse);
      const seen: string[] = [];
      let next = 1;
      for (; cursor.key; cursor.advance()) {
        seen.push(toHex(cursor.key));
        table.put(at(next), at(next));
        next = ((next + 14) % 2000) | 1;
      }
      const sorted = [...new Set(seen)].sort();
      expect(seen).toEqual(reverse ? sorted.reverse() : sorted);
      expect(seen.length).toBeGreaterThanOrEqual(1000);
    }
  });

  it('gives copies, takes copies, and keeps empty keys and values', () => {
    const table = new Memtable();
    const value = utf8('value');
    const empty = new Uint8Array(0);
    table.put(empty, empty);
    table.put(utf8('k'), value);
    value.fill(0);
    const got = table.get(utf8('k')) as Uint8Array;
    expect(got).toEqual(utf8('value'));
    got.fill(0);
    expect(table.get(utf8('k'))).toEqual(utf8('value'));
    expect(table.get(empty)).toEqual(empty);
    table.put(empty, undefined);
    expect(table.get(empty)).toBeNull();
    table.put(empty, utf8('again'));
    expect(table.get(empty)).toEqual(utf8('again'));
    expect(table.get(utf8('kk'))).toBeUndefined();
  });

  it('keeps values longer than a chunk', () => {
    const table = new Memtable();
    const random = new Prng(5);
    const long = random.bytes(100).map((_, i) => i);
    const values = [1, 1024 * 1024 - 2, 1024 * 1024, 3_000_000].map((length) => {
      const bytes = new Uint8Array(length);
      bytes.set(long.subarray(0, length));
      bytes[length - 1] = 77;
      return bytes;
    });
    for (const [i, value] of values.entries()) table.put(utf8(`k${i}`), value);
    for (const [i, value] of values.entries()) {
      const got = table.get(utf8(`k${i}`)) as Uint8Array;
      expect(got.length).toBe(value.length);
      expect(got[value.length - 1]).toBe(77);
      expect(toHex(got.subarray(0, 50))).toBe(toHex(value.subarray(0, 50)));
    }
  });

  it('counts its bytes: overwrites that fit cost nothing, pinned versions do', () => {
    const table = new Memtable();
    const value = new Uint8Array(1000);
    table.put(utf8('k'), value);
    const once = table.bytes;
    expect(once).toBeGreaterThan(1000);
    expect(once).toBeLessThan(1200);
    for (let i = 0; i < 100; i++) table.put(utf8('k'), value.subarray(i));
    expect(table.bytes).toBe(once);
    const epoch = table.pin();
    table.put(utf8('k'), value);
    expect(table.bytes).toBeGreaterThan(2000);
    table.unpin(epoch);
    const twice = table.bytes;
    table.put(utf8('k'), value);
    expect(table.bytes).toBe(twice);
    expect(() => table.unpin(epoch)).toThrow('not pinned');
  });
});
