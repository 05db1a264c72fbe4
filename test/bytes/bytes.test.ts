import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ByteReader,
  ByteWriter,
  byteLengthUtf8,
  compareBytes,
  concatBytes,
  crc32c,
  equalBytes,
  fromHex,
  hash64,
  MalformedError,
  mix128,
  startsWith,
  state128,
  toHex,
  utf8,
  utf8Text,
} from '../../src/bytes/index.ts';

const bytes = fc.uint8Array({ maxLength: 80 });

test('crc32c of "123456789" is the published check value', () => {
  expect(crc32c(utf8('123456789')).toString(16)).toBe('e3069283');
  expect(crc32c(new Uint8Array(0))).toBe(0);
  // RFC 3720, appendix B.4: 32 bytes of zeros.
  expect(crc32c(new Uint8Array(32)).toString(16)).toBe('8a9136aa');
});

test('crc32c continues over parts and notices every flipped bit', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(crc32c(b, crc32c(a))).toBe(crc32c(concatBytes([a, b])));
    }),
    { seed: 1, numRuns: 200 },
  );
  const data = utf8('a record of the log, about so long');
  const sum = crc32c(data);
  for (let bit = 0; bit < data.length * 8; bit++) {
    const flipped = data.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(crc32c(flipped)).not.toBe(sum);
  }
});

test('hash64 never changes: stored keys depend on it', () => {
  const hex = (text: string) => {
    const { high, low } = hash64(utf8(text));
    return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
  };
  expect(['', 'a', 'abcd', 'hello, world'].map(hex)).toMatchInlineSnapshot(`
    [
      "ebb6c228d9aaf7d3",
      "7fa09ea6c795411c",
      "f04786273ace933d",
      "9a933e00b5dfaa61",
    ]
  `);
});

test('hash64 spreads keys evenly', () => {
  const buckets = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) {
    const bucket = hash64(utf8(`key-${i}`)).high >>> 28;
    buckets[bucket] = (buckets[bucket] as number) + 1;
  }
  expect(Math.min(...buckets)).toBeGreaterThan(850);
  expect(Math.max(...buckets)).toBeLessThan(1150);
});

describe('mix128', () => {
  const mixed = (...parts: readonly Uint8Array[]) => {
    const state = state128();
    for (const part of parts) mix128(state, part);
    return [...state].map((word) => word.toString(16).padStart(8, '0')).join('');
  };

  test('every bit, the length and the order count', () => {
    const base = utf8('0123456789abcdef0123456789abcdef01234');
    const seen = new Set([mixed(base), mixed(base, new Uint8Array(0)), mixed(base, base)]);
    for (let length = 0; length < base.length; length++) seen.add(mixed(base.subarray(0, length)));
    for (let i = 1; i <= 20; i++) seen.add(mixed(utf8('a'), new Uint8Array(i)));
    for (let bit = 0; bit < 8 * base.length; bit++) {
      const other = base.slice();
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      seen.add(mixed(other));
    }
    expect(mixed(utf8('a'), utf8('b'))).not.toBe(mixed(utf8('b'), utf8('a')));
    expect(mixed(utf8('a'), utf8('b'))).not.toBe(mixed(utf8('ab')));
    expect(seen.size).toBe(3 + base.length + 20 + 8 * base.length);
  });

  test('one bit more or less changes half of the 128', () => {
    let changed = 0;
    const base = new Uint8Array(40);
    const bits = (hex: string) => BigInt(`0x${hex}`);
    for (let bit = 0; bit < 320; bit++) {
      const other = base.slice();
      other[bit >> 3] = 1 << (bit & 7);
      const difference = bits(mixed(base)) ^ bits(mixed(other));
      changed += difference.toString(2).replaceAll('0', '').length;
    }
    expect(changed / 320).toBeGreaterThan(62);
    expect(changed / 320).toBeLessThan(66);
  });
});

test('what the writer wrote the reader reads', () => {
  const number = fc.maxSafeNat();
  fc.assert(
    fc.property(
      number,
      number,
      fc.string(),
      bytes,
      fc.boolean(),
      fc.double(),
      (a, b, text, raw, flag, real) => {
        const written = new ByteWriter(1)
          .u8(a % 256)
          .u16(a % 65536)
          .u32(a % 2 ** 32)
          .u64(a)
          .varint(b)
          .text(text)
          .bytes(raw)
          .boolean(flag)
          .f64(real)
          .raw(raw)
          .take();
        const reader = new ByteReader(written);
        expect(reader.u8()).toBe(a % 256);
        expect(reader.u16()).toBe(a % 65536);
        expect(reader.u32()).toBe(a % 2 ** 32);
        expect(reader.u64()).toBe(a);
        expect(reader.varint()).toBe(b);
        expect(reader.text()).toBe(utf8Text(utf8(text)));
        expect(reader.bytes()).toEqual(raw);
        expect(reader.boolean()).toBe(flag);
        expect(reader.f64()).toBe(real);
        expect(reader.raw(raw.length)).toEqual(raw);
        reader.end();
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test('the reader refuses what is not there', () => {
  fc.assert(
    fc.property(bytes, (data) => {
      const reader = new ByteReader(data);
      expect(() => {
        for (;;) reader.bytes();
      }).toThrow(MalformedError);
    }),
    { seed: 1, numRuns: 200 },
  );
  expect(() => new ByteReader(Uint8Array.of(2)).boolean()).toThrow(MalformedError);
  expect(() => new ByteReader(new Uint8Array(9).fill(255)).varint()).toThrow(MalformedError);
  expect(() => new ByteReader(new Uint8Array(8).fill(255)).u64()).toThrow(MalformedError);
  expect(() => new ByteReader(Uint8Array.of(1)).end()).toThrow(MalformedError);
});

test('[N1] the reader of a part takes nothing of what comes after it', () => {
  const whole = new ByteReader(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), 1);
  const takers: ((part: ByteReader) => void)[] = [
    (part) => part.u8(),
    (part) => part.varint(),
    (part) => part.boolean(),
    (part) => part.bytes(),
    (part) => part.raw(1),
    (part) => part.part(1),
  ];
  for (const take of takers) {
    const part = whole.part(2);
    expect(part.remaining).toBe(2);
    part.u16();
    expect(() => part.end()).not.toThrow();
    expect(() => take(part)).toThrow(MalformedError);
  }
  expect(whole.u8()).toBe(13);
  expect(() => whole.part(1)).toThrow(MalformedError);
});

test('the writer refuses numbers that do not fit', () => {
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) {
    expect(() => new ByteWriter().varint(value)).toThrow(RangeError);
    expect(() => new ByteWriter().u64(value)).toThrow(RangeError);
  }
});

test('order and hex of bytes', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(Buffer.compare(a, b)));
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      expect(startsWith(concatBytes([a, b]), a)).toBe(true);
      expect(fromHex(toHex(a))).toEqual(a);
    }),
    { seed: 1, numRuns: 200 },
  );
  expect(() => fromHex('abc')).toThrow(RangeError);
  expect(() => fromHex('zz')).toThrow(RangeError);
});

test('[J3] the length of a text in UTF-8, surrogates included', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(byteLengthUtf8(text)).toBe(utf8(text).length);
    }),
    { seed: 1, numRuns: 500 },
  );
  expect(byteLengthUtf8('\ud800')).toBe(3);
});
