import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBytes } from '../../src/bytes/index.ts';
import {
  addNumbers,
  compareNumbers,
  decodeOrderedNumber,
  encodeOrderedNumber,
  type NumberResult,
  parseNumber,
  subtractNumbers,
} from '../../src/item/index.ts';
import { number, numberText, runs } from './arbitraries.ts';

// The oracle: wide enough to be exact for any two numbers in range.
const Exact = Decimal.clone({ precision: 400, toExpNeg: -1e6, toExpPos: 1e6 });

const NINES = '9'.repeat(38);
const OVERFLOW =
  'Number overflow. Attempting to store a number with magnitude larger than supported range';
const UNDERFLOW =
  'Number underflow. Attempting to store a number with magnitude smaller than supported range';
const TOO_PRECISE = 'Attempting to store more than 38 significant digits in a Number';

function canonical(result: NumberResult): string {
  return result.ok ? result.canonical : `refused: ${result.message}`;
}

describe('spelling', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['+0', '0'],
    ['-0.000e5', '0'],
    ['0e999999999999', '0'],
    ['+5', '5'],
    ['01.50', '1.5'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['1E2', '100'],
    ['1e+2', '100'],
    ['1200e-2', '12'],
    ['-1.5E-3', '-0.0015'],
    ['1E20', '100000000000000000000'],
    ['123456789012345', '123456789012345'],
    ['1234567890123456', '1234567890123456'],
    ['-999999999999999', '-999999999999999'],
    [`${'0'.repeat(50)}1${'0'.repeat(50)}`, `1${'0'.repeat(50)}`],
  ])('[DB8] %s is %s', (written, expected) => {
    expect(canonical(parseNumber(written))).toBe(expected);
  });

  test.each([
    'abc',
    ' 1',
    '1 ',
    'NaN',
    'Infinity',
    '-Infinity',
    '0x10',
    '1_000',
    '1,5',
    '--1',
    '+',
    '-',
    '.',
    'e5',
    '1e',
    '1e+',
    '1e5.5',
    '1.2.3',
    '１',
  ])('[DB8] %j is refused with its text', (written) => {
    expect(canonical(parseNumber(written))).toBe(
      `refused: The parameter cannot be converted to a numeric value: ${written}`,
    );
  });

  test('[DB8] an empty text is refused without one', () => {
    expect(canonical(parseNumber(''))).toBe(
      'refused: The parameter cannot be converted to a numeric value',
    );
  });

  test('[DB8] agrees with decimal.js on every spelling', () => {
    fc.assert(
      fc.property(numberText, (written) => {
        expect(canonical(parseNumber(written))).toBe(
          new Exact(written).toFixed().replace(/^-0$/, '0'),
        );
      }),
      runs(500),
    );
  });

  test('[DB9] equal numbers have one canonical text, which is its own', () => {
    fc.assert(
      fc.property(number, fc.integer({ min: 0, max: 10 }), (canon, zeros) => {
        expect(canonical(parseNumber(canon))).toBe(canon);
        const padded = canon.includes('.') ? canon + '0'.repeat(zeros) : `${canon}e0`;
        expect(canonical(parseNumber(padded))).toBe(canon);
      }),
      runs(200),
    );
  });
});

describe('limits', () => {
  test.each([
    ['1E125', true],
    ['9.9999999999999999999999999999999999999E+125', true],
    ['-9.9999999999999999999999999999999999999E+125', true],
    ['1E-130', true],
    ['-1E-130', true],
    ['0.1E-129', true],
  ])('[DB8] %s is in range', (written, ok) => {
    expect(parseNumber(written).ok).toBe(ok);
  });

  test.each([
    ['1E126', OVERFLOW],
    ['-1E126', OVERFLOW],
    ['10E125', OVERFLOW],
    ['1e99999999999999999999', OVERFLOW],
    ['9E-131', UNDERFLOW],
    ['-9E-131', UNDERFLOW],
    ['1e-99999999999999999999', UNDERFLOW],
    [`${NINES}9`, TOO_PRECISE],
    [`0.${NINES}9`, TOO_PRECISE],
    [`1.${'0'.repeat(37)}1`, TOO_PRECISE],
  ])('[DB8] %s is not: %s', (written, message) => {
    expect(parseNumber(written)).toEqual({ ok: false, message });
  });

  test('[DB8] 38 digits are kept exactly, wherever they stand', () => {
    for (const written of [NINES, `-${NINES}`, `0.${NINES}`, `${NINES}${'0'.repeat(80)}`]) {
      expect(canonical(parseNumber(written))).toBe(written);
    }
  });

  test('[J2] worst-case texts take linear time', () => {
    const long = 400_000;
    for (const written of [
      '0'.repeat(long),
      `${'0'.repeat(long)}x`,
      `1${'0'.repeat(long)}`,
      `0.${'0'.repeat(long)}1e${long}`,
      `1e${'9'.repeat(long)}`,
      '1'.repeat(long),
    ]) {
      const started = performance.now();
      parseNumber(written);
      expect(performance.now() - started).toBeLessThan(250);
    }
  });
});

describe('arithmetic', () => {
  test('[DB8] sums and differences are exact or refused, as decimal.js has them', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const exactSum = new Exact(a).plus(b);
        const exactDifference = new Exact(a).minus(b);
        for (const [result, exact] of [
          [addNumbers(a, b), exactSum],
          [subtractNumbers(a, b), exactDifference],
        ] as const) {
          expect(result.ok).toBe(exact.precision() <= 38);
          if (result.ok) expect(result.canonical).toBe(exact.isZero() ? '0' : exact.toFixed());
        }
      }),
      runs(500),
    );
  });

  test.each([
    [NINES, '1', `1${'0'.repeat(38)}`],
    [NINES, '2', `refused: ${TOO_PRECISE}`],
    [`1${'0'.repeat(37)}`, '0.1', `refused: ${TOO_PRECISE}`],
    [`1${'0'.repeat(36)}`, '0.1', `1${'0'.repeat(36)}.1`],
    ['999999999999999', '1', '1000000000000000'],
    ['0.1', '0.2', '0.3'],
    ['-5', '5', '0'],
  ])('[DB8] %s + %s is %s', (a, b, expected) => {
    expect(canonical(addNumbers(a, b))).toBe(expected);
    expect(canonical(addNumbers(b, a))).toBe(expected);
  });

  test('[DB8] no digit is lost around the 2^53 of doubles', () => {
    const odd = '9007199254740993';
    expect(canonical(parseNumber(odd))).toBe(odd);
    expect(canonical(addNumbers(odd, '0'))).toBe(odd);
    expect(canonical(addNumbers('999999999999999', '999999999999999'))).toBe('1999999999999998');
    expect(canonical(subtractNumbers('-999999999999999', '999999999999999'))).toBe(
      '-1999999999999998',
    );
    expect(compareNumbers('9007199254740992', odd)).toBeLessThan(0);
    expect(compareNumbers(`-${odd}`, '-9007199254740992')).toBeLessThan(0);
    expect(compareNumbers('0.12345678901234567', '0.12345678901234568')).toBeLessThan(0);
    expect(compareNumbers('9007199254740.993', '9007199254740.9925')).toBeGreaterThan(0);
  });

  test('[DB8] leaving the range is an error', () => {
    const largest = canonical(parseNumber('9.9999999999999999999999999999999999999E+125'));
    expect(addNumbers(largest, largest)).toEqual({ ok: false, message: OVERFLOW });
    const nine = canonical(parseNumber('9E125'));
    expect(addNumbers(nine, nine)).toEqual({ ok: false, message: OVERFLOW });
    const fine = canonical(parseNumber('1.1E-130'));
    const tiny = canonical(parseNumber('1E-130'));
    expect(subtractNumbers(fine, tiny)).toEqual({ ok: false, message: UNDERFLOW });
  });

  test('[DB8] numbers 255 powers of ten apart cost nothing', () => {
    const large = canonical(parseNumber('1E125'));
    const small = canonical(parseNumber('1E-130'));
    const started = performance.now();
    for (let i = 0; i < 1000; i++) expect(addNumbers(large, small).ok).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
    expect(addNumbers(large, small)).toEqual({ ok: false, message: TOO_PRECISE });
  });
});

describe('order', () => {
  test('[DB30] compares by value, as decimal.js does', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(Math.sign(compareNumbers(a, b))).toBe(new Exact(a).comparedTo(b));
      }),
      runs(500),
    );
  });

  test('[DB30] keys are ordered as the numbers are, and give the number back', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const keys = [encodeOrderedNumber(a), encodeOrderedNumber(b)] as const;
        expect(Math.sign(compareBytes(...keys))).toBe(new Exact(a).comparedTo(b));
        expect(decodeOrderedNumber(keys[0])).toBe(a);
        expect(keys[0].length).toBeLessThanOrEqual(24);
      }),
      runs(500),
    );
  });

  test('[DB30] the extremes, zero and neighbours stand in order', () => {
    const ascending = [
      '-9.9999999999999999999999999999999999999E+125',
      '-1E125',
      '-100',
      '-99.5',
      '-10',
      '-9',
      '-1.51',
      '-1.5',
      '-1.05',
      '-1',
      '-0.1',
      '-1E-130',
      '0',
      '1E-130',
      '1.1E-130',
      '0.1',
      '1',
      '1.05',
      '1.5',
      '9',
      '10',
      '99.5',
      '100',
      '1E125',
      '9.9999999999999999999999999999999999999E+125',
    ].map((written) => canonical(parseNumber(written)));
    for (let i = 1; i < ascending.length; i++) {
      const [a, b] = [ascending[i - 1] as string, ascending[i] as string];
      expect(compareNumbers(a, b), `${a} < ${b}`).toBeLessThan(0);
      expect(compareBytes(encodeOrderedNumber(a), encodeOrderedNumber(b))).toBeLessThan(0);
    }
    for (const one of ascending) expect(decodeOrderedNumber(encodeOrderedNumber(one))).toBe(one);
    expect(Math.max(...ascending.map((one) => encodeOrderedNumber(one).length))).toBe(22);
  });

  test('bytes that are no ordered number are refused', () => {
    for (const bytes of [
      [],
      [3],
      [1, 0],
      [2],
      [2, 130],
      [2, 130, 0],
      [2, 130, 101],
      [0, 130, 255],
    ]) {
      expect(() => decodeOrderedNumber(Uint8Array.from(bytes))).toThrow('not an ordered number');
    }
  });
});
