import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/bytes/index.ts';
import {
  encodeStoredItem,
  fitsItemLimit,
  MAX_ITEM_BYTES,
  sizeOfItem,
  sizeOfValue,
} from '../../src/item/index.ts';
import { item as anyItem, value as anyValue, attributeName, number, runs } from './arbitraries.ts';
import { item, value } from './build.ts';

describe('[DB10] size of a value', () => {
  test.each<[unknown, number]>([
    [{ S: '' }, 0],
    [{ S: 'abc' }, 3],
    [{ S: 'é' }, 2],
    [{ S: '\u{1f600}' }, 4],
    [{ S: '\ud800' }, 3],
    [{ N: '0' }, 2],
    [{ N: '1' }, 2],
    [{ N: '12' }, 2],
    [{ N: '123' }, 3],
    [{ N: '-123' }, 4],
    [{ N: '1.5' }, 3],
    [{ N: '0.5' }, 2],
    [{ N: '123.456' }, 5],
    [{ N: '-0.001' }, 3],
    [{ N: '9'.repeat(38) }, 20],
    [{ N: `-${'9'.repeat(38)}` }, 21],
    [{ N: '1E125' }, 2],
    [{ N: '1E-130' }, 2],
    [{ B: '' }, 0],
    [{ B: 'AAEC' }, 3],
    [{ BOOL: false }, 1],
    [{ NULL: true }, 1],
    [{ SS: ['a', 'é'] }, 3],
    [{ NS: ['1', '123'] }, 5],
    [{ BS: ['AAEC', ''] }, 3],
    [{ L: [] }, 3],
    [{ L: [{ S: 'ab' }, { BOOL: true }] }, 3 + 3 + 2],
    [{ M: {} }, 3],
    [{ M: { ab: { S: 'cd' } } }, 3 + 1 + 4],
    [{ L: [{ BS: ['AAEC'] }] }, 3 + 1 + 3],
    [{ M: { é: { L: [{ N: '1' }] } } }, 3 + 1 + 2 + 3 + 1 + 2],
  ])('%j has %i bytes', (json, size) => {
    expect(sizeOfValue(value(json))).toBe(size);
  });

  test('a number takes one byte for two digits, one more, one for the sign', () => {
    fc.assert(
      fc.property(number, (canonical) => {
        // The digits, filled up with zeros to whole pairs on both sides of the point, without pairs of zeros at the ends.
        const [integer = '', fraction = ''] = canonical.replace('-', '').split('.');
        const pairs =
          (integer.length % 2 === 1 ? '0' : '') +
          integer +
          fraction +
          (fraction.length % 2 === 1 ? '0' : '');
        const kept =
          pairs
            .match(/../g)
            ?.join(' ')
            .replace(/^(00 ?)+|( ?00)+$/g, '') ?? '';
        const bytes = canonical === '0' ? 1 : kept.split(' ').length;
        expect(sizeOfValue({ type: 'N', value: canonical })).toBe(
          1 + bytes + (canonical.startsWith('-') ? 1 : 0),
        );
      }),
      runs(300),
    );
  });
});

describe('[DB10] size of an item', () => {
  test('counts names in UTF-8', () => {
    expect(sizeOfItem(item({ é: { S: 'a' }, ab: { N: '1' } }))).toBe(2 + 1 + 2 + 2);
  });

  test('is the sum over its attributes, whether its text is ASCII or not', () => {
    fc.assert(
      fc.property(anyItem, attributeName, anyValue, (before, name, added) => {
        fc.pre(!before.has(name));
        const after = new Map([...before, [name, added]]);
        expect(sizeOfItem(after)).toBe(sizeOfItem(before) + utf8(name).length + sizeOfValue(added));
        expect(encodeStoredItem(after).size).toBe(sizeOfItem(after));
      }),
      runs(200),
    );
  });

  test('[DB11] 400 KB are within the limit, one byte more is not', () => {
    expect(MAX_ITEM_BYTES).toBe(400 * 1024);
    const full = (size: number) => item({ pk: { S: 'x' }, a: { S: 'y'.repeat(size - 4) } });
    expect(sizeOfItem(full(MAX_ITEM_BYTES))).toBe(MAX_ITEM_BYTES);
    expect(fitsItemLimit(full(MAX_ITEM_BYTES - 1))).toBe(true);
    expect(fitsItemLimit(full(MAX_ITEM_BYTES))).toBe(true);
    expect(fitsItemLimit(full(MAX_ITEM_BYTES + 1))).toBe(false);
    expect(fitsItemLimit(item({ a: { S: 'é'.repeat(204_799) } }))).toBe(true);
    expect(fitsItemLimit(item({ a: { S: 'é'.repeat(204_800) } }))).toBe(false);
  });
});
