import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter, MalformedError } from '../../src/bytes/index.ts';
import {
  type AttributeValue,
  type Condition,
  encodeStoredItem,
  MAX_EXPRESSION_LEVELS,
  type PageOperation,
  type PageOutcome,
  readCondition,
  readPageOperation,
  readPageOutcome,
  readUpdate,
  readValue,
  readWriteOperation,
  readWriteOutcome,
  type SetValue,
  type WriteOperation,
  type WriteOutcome,
  writeCondition,
  writePageOperation,
  writePageOutcome,
  writeUpdate,
  writeValue,
  writeWriteOperation,
  writeWriteOutcome,
} from '../../src/item/index.ts';
import { condition, item, projection, runs, update, value } from './arbitraries.ts';

const optional = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const bytes = fc.uint8Array({ maxLength: 8 });
const count = fc.nat({ max: 1_000_000 });

const conditional = { condition: optional(condition), returnItemOnConditionFailure: fc.boolean() };
const simpleReturn = fc.constantFrom('NONE', 'ALL_OLD');

const writeOperation = fc.oneof(
  fc.record({
    kind: fc.constant('put'),
    item: item.map(encodeStoredItem),
    returnValues: simpleReturn,
    ...conditional,
  }),
  fc.record({ kind: fc.constant('delete'), returnValues: simpleReturn, ...conditional }),
  fc.record({
    kind: fc.constant('update'),
    key: item,
    update,
    returnValues: fc.constantFrom('NONE', 'ALL_OLD', 'ALL_NEW', 'UPDATED_OLD', 'UPDATED_NEW'),
    ...conditional,
  }),
) as fc.Arbitrary<WriteOperation>;

const writeOutcome = fc.oneof(
  fc.record({
    kind: fc.constant('written'),
    attributes: optional(bytes),
    sizeBefore: count,
    sizeAfter: count,
  }),
  fc.record({ kind: fc.constant('condition-failed'), item: optional(bytes), sizeBefore: count }),
  fc.record({ kind: fc.constant('invalid'), message: fc.string({ unit: 'grapheme' }) }),
) as fc.Arbitrary<WriteOutcome>;

const pageOperation: fc.Arbitrary<PageOperation> = fc.record({
  from: bytes,
  to: bytes,
  reverse: fc.boolean(),
  limit: count,
  maxBytes: count,
  filter: optional(condition),
  projection: optional(projection),
  countOnly: fc.boolean(),
});

const pageOutcome: fc.Arbitrary<PageOutcome> = fc.record({
  items: fc.array(bytes, { maxLength: 4 }),
  count,
  scannedCount: count,
  bytesRead: count,
  lastKey: optional(bytes),
});

interface Codec<T> {
  readonly of: fc.Arbitrary<T>;
  readonly write: (writer: ByteWriter, one: T) => void;
  readonly read: (reader: ByteReader) => T;
}

function codec<T>(of: fc.Arbitrary<T>, write: Codec<T>['write'], read: Codec<T>['read']) {
  return { of, write, read } as Codec<unknown>;
}

const CODECS: readonly [string, Codec<unknown>][] = [
  ['value', codec(value, writeValue, readValue)],
  ['condition', codec(condition, writeCondition, readCondition)],
  ['update', codec(update, writeUpdate, readUpdate)],
  ['write operation', codec(writeOperation, writeWriteOperation, readWriteOperation)],
  ['write outcome', codec(writeOutcome, writeWriteOutcome, readWriteOutcome)],
  ['page operation', codec(pageOperation, writePageOperation, readPageOperation)],
  ['page outcome', codec(pageOutcome, writePageOutcome, readPageOutcome)],
];

function encode<T>(write: (writer: ByteWriter, one: T) => void, one: T): Uint8Array {
  const writer = new ByteWriter();
  write(writer, one);
  return writer.take();
}

describe.each(CODECS)('%s', (_, { of, write, read }) => {
  test('comes back as it was, and nothing is left over', () => {
    fc.assert(
      fc.property(of, (one) => {
        const reader = new ByteReader(encode(write, one));
        expect(read(reader)).toEqual(one);
        reader.end();
      }),
      runs(200),
    );
  });

  test('[B4] cut or changed bytes are refused or read as something else, never anything worse', () => {
    fc.assert(
      fc.property(of, fc.nat(), fc.nat({ max: 255 }), (one, position, byte) => {
        const encoded = encode(write, one);
        const at = position % encoded.length;
        for (const broken of [encoded.slice(0, at), encoded.with(at, byte)]) {
          try {
            read(new ByteReader(broken));
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedError);
          }
        }
      }),
      runs(200),
    );
  });

  test('[B4] arbitrary bytes too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (some) => {
        try {
          read(new ByteReader(some));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
        }
      }),
      runs(300),
    );
  });
});

describe('depth', () => {
  const nots = (levels: number): Uint8Array =>
    Uint8Array.from([...Array.from({ length: levels - 1 }, () => 10), 3, 1, 0, 1, 0x61]);

  test('[S5] conditions of 512 levels are read and written, deeper ones refused', () => {
    let deep: Condition = { kind: 'attribute_exists', path: ['a'] };
    for (let i = 1; i < MAX_EXPRESSION_LEVELS; i++) deep = { kind: 'not', term: deep };
    const encoded = encode(writeCondition, deep);
    expect(encoded).toEqual(nots(MAX_EXPRESSION_LEVELS));
    expect(readCondition(new ByteReader(encoded))).toEqual(deep);
    expect(() => readCondition(new ByteReader(nots(MAX_EXPRESSION_LEVELS + 1)))).toThrow(
      MalformedError,
    );
    expect(() => readCondition(new ByteReader(nots(100_000)))).toThrow(MalformedError);
    expect(() => encode(writeCondition, { kind: 'not', term: deep } as Condition)).toThrow(
      RangeError,
    );
  });

  test('[S5] values of SET likewise', () => {
    const deep = (levels: number): SetValue => {
      let one: SetValue = { kind: 'path', path: ['a'] };
      for (let i = 1; i < levels; i++) one = { kind: 'if_not_exists', path: ['b'], otherwise: one };
      return one;
    };
    const set = (levels: number) => [{ kind: 'set', path: ['x'], value: deep(levels) }] as const;
    const encoded = encode(writeUpdate, set(MAX_EXPRESSION_LEVELS));
    expect(readUpdate(new ByteReader(encoded))).toEqual(set(MAX_EXPRESSION_LEVELS));
    expect(() => encode(writeUpdate, set(MAX_EXPRESSION_LEVELS + 1))).toThrow(RangeError);
  });

  test('[B4] values of 32 levels are read, deeper ones refused', () => {
    const deep = (levels: number): AttributeValue => {
      let one: AttributeValue = { type: 'NULL' };
      for (let i = 1; i < levels; i++) one = { type: 'L', value: [one] };
      return one;
    };
    expect(readValue(new ByteReader(encode(writeValue, deep(32))))).toEqual(deep(32));
    expect(() => readValue(new ByteReader(encode(writeValue, deep(33))))).toThrow(MalformedError);
  });

  test('[B4] a huge count with nothing behind it is refused at once', () => {
    const huge = new ByteWriter()
      .u8(9)
      .varint(2 ** 52)
      .take();
    expect(() => readValue(new ByteReader(huge))).toThrow(MalformedError);
  });
});

test('a put is its JSON and a few bytes', () => {
  const json = new Uint8Array(300).fill(0x20);
  const operation: WriteOperation = {
    kind: 'put',
    item: { json, size: 280 },
    condition: undefined,
    returnItemOnConditionFailure: false,
    returnValues: 'NONE',
  };
  expect(encode(writeWriteOperation, operation).length).toBe(300 + 6);
});

test('[B4] unknown tags and flags are refused', () => {
  for (const encoded of [
    [3, 0],
    [1, 4],
    [1, 0xa0],
  ]) {
    expect(() => readWriteOperation(new ByteReader(Uint8Array.from(encoded)))).toThrow(
      MalformedError,
    );
  }
  for (const tag of [0, 11]) {
    expect(() => readValue(new ByteReader(Uint8Array.of(tag)))).toThrow(MalformedError);
  }
  expect(() => readCondition(new ByteReader(Uint8Array.of(11)))).toThrow(MalformedError);
  expect(() => readPageOperation(new ByteReader(Uint8Array.of(16)))).toThrow(MalformedError);
  expect(() => readWriteOutcome(new ByteReader(Uint8Array.of(3)))).toThrow(MalformedError);
});

test('[B4] a put cannot ask for what only updates return', () => {
  const operation = { kind: 'delete', condition: undefined, returnItemOnConditionFailure: false };
  const encoded = encode(writeWriteOperation, { ...operation, returnValues: 'ALL_NEW' } as never);
  expect(() => readWriteOperation(new ByteReader(encoded))).toThrow(MalformedError);
});
