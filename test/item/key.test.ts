import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBytes, hash64, startsWith } from '../../src/bytes/index.ts';
import {
  type AttributeValue,
  compareHash,
  compareNumbers,
  compareText,
  decodeKeyValue,
  encodeKeyValue,
  hashBound,
  hashFromHex,
  hashToHex,
  type KeyType,
  makeItemKey,
  partitionPrefix,
  splitStorageKey,
  storageKey,
  successor,
  tableEnd,
} from '../../src/item/index.ts';
import { number, runs, text } from './arbitraries.ts';

const bytes = fc.uint8Array({ maxLength: 6 });
const tableId = fc.integer({ min: 0, max: 0xffff_fffe });
const hash = fc.record({
  high: fc.integer({ min: 0, max: 0xffff_ffff }),
  low: fc.integer({ min: 0, max: 0xffff_ffff }),
});

describe('key values', () => {
  test('[DB30] strings are ordered by UTF-8 bytes, not by UTF-16 units', () => {
    expect(compareText('\uffff', '\u{10000}')).toBeLessThan(0);
    expect('\uffff' < '\u{10000}').toBe(false);
    fc.assert(
      fc.property(text, text, (a, b) => {
        const order = Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(Math.sign(compareText(a, b))).toBe(order);
        const keys = [a, b].map((value) => encodeKeyValue({ type: 'S', value })) as [
          Uint8Array,
          Uint8Array,
        ];
        expect(Math.sign(compareBytes(...keys))).toBe(order);
      }),
      runs(300),
    );
  });

  test('[DB30] numbers by value, binaries as unsigned bytes', () => {
    fc.assert(
      fc.property(number, number, bytes, bytes, (a, b, c, d) => {
        const n = (value: string) => encodeKeyValue({ type: 'N', value });
        expect(Math.sign(compareBytes(n(a), n(b)))).toBe(Math.sign(compareNumbers(a, b)));
        expect(encodeKeyValue({ type: 'B', value: c })).toEqual(c);
        expect(Math.sign(compareBytes(c, d))).toBe(Math.sign(Buffer.compare(c, d)));
      }),
      runs(200),
    );
  });

  test('[DB9] a key comes back as it was', () => {
    fc.assert(
      fc.property(text, number, bytes, (s, n, b) => {
        for (const value of [
          { type: 'S', value: s },
          { type: 'N', value: n },
          { type: 'B', value: b },
        ] as AttributeValue[]) {
          expect(decodeKeyValue(encodeKeyValue(value), value.type as KeyType)).toEqual(value);
        }
      }),
      runs(100),
    );
  });

  test('other types are no keys', () => {
    expect(() => encodeKeyValue({ type: 'NULL' })).toThrow('NULL');
  });
});

describe('storage keys', () => {
  test('have the documented layout', () => {
    const partition = Uint8Array.of(1, 2, 3);
    const key = makeItemKey(partition, Uint8Array.of(9));
    expect(key.hash).toEqual(hash64(partition));
    const storage = storageKey(7, key);
    expect([...storage.subarray(0, 4)]).toEqual([0, 0, 0, 7]);
    expect(Buffer.from(storage.subarray(4, 12)).toString('hex')).toBe(hashToHex(key.hash));
    expect([...storage.subarray(12)]).toEqual([0, 3, 1, 2, 3, 9]);
  });

  test('come apart as they were put together', () => {
    fc.assert(
      fc.property(tableId, bytes, fc.option(bytes, { nil: undefined }), (id, partition, sort) => {
        const key = makeItemKey(partition, sort);
        const parts = splitStorageKey(storageKey(id, key));
        expect(parts).toEqual({
          table: id,
          hash: key.hash,
          partition,
          sort: sort ?? new Uint8Array(0),
        });
      }),
      runs(200),
    );
    const long = makeItemKey(new Uint8Array(2048).fill(255), new Uint8Array(1024).fill(255));
    expect(splitStorageKey(storageKey(1, long)).partition.length).toBe(2048);
    expect(storageKey(1, long).length).toBe(14 + 2048 + 1024);
  });

  test('[DB30] the items of one partition are in the order of their sort keys, between its bounds', () => {
    fc.assert(
      fc.property(tableId, bytes, bytes, bytes, (id, partition, a, b) => {
        const prefix = partitionPrefix(id, makeItemKey(partition));
        const keys = [a, b].map((sort) => storageKey(id, makeItemKey(partition, sort))) as [
          Uint8Array,
          Uint8Array,
        ];
        expect(Math.sign(compareBytes(...keys))).toBe(Math.sign(compareBytes(a, b)));
        for (const key of keys) {
          expect(startsWith(key, prefix)).toBe(true);
          expect(compareBytes(key, successor(prefix))).toBeLessThan(0);
        }
      }),
      runs(200),
    );
  });

  test('partitions do not mix, even when one begins with the other', () => {
    fc.assert(
      fc.property(tableId, bytes, bytes, bytes, (id, one, other, sort) => {
        fc.pre(compareBytes(one, other) !== 0);
        const prefix = partitionPrefix(id, makeItemKey(one));
        expect(startsWith(storageKey(id, makeItemKey(other, sort)), prefix)).toBe(false);
      }),
      runs(200),
    );
  });

  test('a hash range is a range of keys, inside its table', () => {
    fc.assert(
      fc.property(tableId, bytes, bytes, hash, (id, partition, sort, bound) => {
        const key = makeItemKey(partition, sort);
        const storage = storageKey(id, key);
        const before = compareHash(key.hash, bound) < 0;
        expect(compareBytes(storage, hashBound(id, bound)) < 0).toBe(before);
        expect(compareBytes(storage, hashBound(id, { high: 0, low: 0 }))).toBeGreaterThan(0);
        expect(compareBytes(storage, tableEnd(id))).toBeLessThan(0);
        expect(
          compareBytes(tableEnd(id), hashBound(id + 1, { high: 0, low: 0 })),
        ).toBeLessThanOrEqual(0);
      }),
      runs(200),
    );
  });

  test('successor is the smallest key after a prefix', () => {
    expect(successor(Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 3));
    expect(successor(Uint8Array.of(1, 255, 255))).toEqual(Uint8Array.of(2));
    expect(() => successor(Uint8Array.of(255, 255))).toThrow(RangeError);
    expect(() => successor(new Uint8Array(0))).toThrow(RangeError);
    fc.assert(
      fc.property(bytes, bytes, (prefix, other) => {
        fc.pre(prefix.some((byte) => byte !== 255));
        const after = successor(prefix);
        expect(compareBytes(after, other) <= 0).toBe(
          compareBytes(other, prefix) > 0 && !startsWith(other, prefix),
        );
      }),
      runs(300),
    );
  });

  test('hashes are 16 hex digits in their own order', () => {
    expect(hashToHex({ high: 1, low: 0xabcdef })).toBe('0000000100abcdef');
    fc.assert(
      fc.property(hash, hash, (a, b) => {
        expect(hashFromHex(hashToHex(a))).toEqual(a);
        const [hexA, hexB] = [hashToHex(a), hashToHex(b)];
        expect(Math.sign(compareHash(a, b))).toBe(hexA === hexB ? 0 : hexA < hexB ? -1 : 1);
      }),
      runs(100),
    );
    for (const wrong of ['', '0', '0'.repeat(17), 'g'.repeat(16), 'A'.repeat(16)]) {
      expect(() => hashFromHex(wrong)).toThrow(RangeError);
    }
  });

  test('refuses what cannot be a key', () => {
    expect(() => storageKey(-1, makeItemKey(Uint8Array.of(1)))).toThrow(RangeError);
    expect(() => storageKey(2 ** 32, makeItemKey(Uint8Array.of(1)))).toThrow(RangeError);
    expect(() => storageKey(1, makeItemKey(new Uint8Array(65_536)))).toThrow(RangeError);
    expect(() => splitStorageKey(new Uint8Array(13))).toThrow('not a storage key');
    const cut = storageKey(1, makeItemKey(Uint8Array.of(1, 2, 3))).subarray(0, 16);
    expect(() => splitStorageKey(cut)).toThrow('not a storage key');
  });
});
