import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/bytes/index.ts';
import { decodeStoredItem, encodeStoredItem, type Item } from '../../src/item/index.ts';
import { AWKWARD_NAMES, item as anyItem, runs } from './arbitraries.ts';
import { item, nested, textOf } from './build.ts';

describe('stored items', () => {
  test('[E4] are the JSON of the protocol, in the order of the map', () => {
    const one = item({
      pk: { S: 'a"b\\c\n\u0000é' },
      n: { N: '01.50' },
      b: { B: 'AAEC' },
      t: { BOOL: true },
      f: { BOOL: false },
      nothing: { NULL: true },
      ss: { SS: ['y', 'x"'] },
      ns: { NS: ['2', '1'] },
      bs: { BS: ['AQ==', ''] },
      l: { L: [{ S: 'x' }, { L: [] }] },
      m: { M: { k: { M: {} } } },
    });
    expect(textOf(encodeStoredItem(one))).toBe(
      '{"pk":{"S":"a\\"b\\\\c\\n\\u0000é"},"n":{"N":"1.5"},"b":{"B":"AAEC"},"t":{"BOOL":true},' +
        '"f":{"BOOL":false},"nothing":{"NULL":true},"ss":{"SS":["x\\"","y"]},"ns":{"NS":["1","2"]},' +
        '"bs":{"BS":["","AQ=="]},"l":{"L":[{"S":"x"},{"L":[]}]},"m":{"M":{"k":{"M":{}}}}}',
    );
  });

  test('[E4] decoding undoes encoding, names and order included', () => {
    fc.assert(
      fc.property(anyItem, (one) => {
        const stored = encodeStoredItem(one);
        const decoded = decodeStoredItem(stored.json);
        expect(decoded).toEqual(one);
        expect([...decoded.keys()]).toEqual([...one.keys()]);
        expect(encodeStoredItem(decoded)).toEqual(stored);
      }),
      runs(300),
    );
  });

  test('[E4] any JSON reader reads the same', () => {
    fc.assert(
      fc.property(anyItem, (one) => {
        expect(item(JSON.parse(textOf(encodeStoredItem(one))))).toEqual(one);
      }),
      runs(200),
    );
  });

  test('[J1] awkward names are names', () => {
    const one: Item = new Map(AWKWARD_NAMES.map((name) => [name, { type: 'S', value: name }]));
    const decoded = decodeStoredItem(encodeStoredItem(one).json);
    expect([...decoded]).toEqual([...one]);
    expect(Object.getPrototypeOf(decoded)).toBe(Map.prototype);
  });

  test('[J3] a lone surrogate that got this far is written as U+FFFD and counts three bytes', () => {
    const stored = encodeStoredItem(new Map([['a', { type: 'S', value: 'x\ud800' }]]));
    expect(textOf(stored)).toBe('{"a":{"S":"x\ufffd"}}');
    expect(stored.size).toBe(1 + 1 + 3);
  });

  test('[J2] texts of nothing but backslashes and quotes take linear time', () => {
    for (const unit of ['\\', '"', '\\"', '\\\\"']) {
      const one = item({ a: { S: unit.repeat(200_000 / unit.length) } });
      const started = performance.now();
      expect(decodeStoredItem(encodeStoredItem(one).json)).toEqual(one);
      expect(performance.now() - started).toBeLessThan(500);
    }
  });

  test('[B4] values of 32 levels are read, deeper ones are damage', () => {
    const deepest = item({ a: nested(32, 'M'), b: nested(32, 'L') });
    expect(decodeStoredItem(encodeStoredItem(deepest).json)).toEqual(deepest);
    const tooDeep = utf8(JSON.stringify({ a: nested(33, 'L') }));
    expect(() => decodeStoredItem(tooDeep)).toThrow('damaged');
    const absurd = utf8(`{"a":${'{"L":['.repeat(100_000)}`);
    expect(() => decodeStoredItem(absurd)).toThrow('damaged');
  });

  test('what this room did not write is damage, and the message does not show it', () => {
    const good = '{"secret":{"SS":["a","b"]},"l":{"L":[{"BOOL":true},{"NULL":true},{"B":"AA=="}]}}';
    expect(decodeStoredItem(utf8(good)).size).toBe(2);
    for (let end = 0; end < good.length; end++) {
      expect(() => decodeStoredItem(utf8(good.slice(0, end)))).toThrow('damaged');
    }
    for (const bad of [
      `${good} `,
      '{"a":{"X":"b"}}',
      '{"a":{"BOOL":null}}',
      '{"a":{"NULL":false}}',
      '{"a":{"B":"A"}}',
      '{ "a":{"S":"b"}}',
    ]) {
      expect(() => decodeStoredItem(utf8(bad))).toThrow(/^a stored item is damaged at \d+ of \d+$/);
    }
  });

  test('[E8] bytes of one item are not those of another', () => {
    const all = Array.from({ length: 500 }, (_, i) =>
      encodeStoredItem(item({ a: { S: `value ${i}` } })),
    );
    for (const [i, stored] of all.entries()) {
      expect(textOf(stored)).toBe(`{"a":{"S":"value ${i}"}}`);
    }
    const large = item({ a: { S: 'é'.repeat(5000) } });
    expect(decodeStoredItem(encodeStoredItem(large).json)).toEqual(large);
  });
});
