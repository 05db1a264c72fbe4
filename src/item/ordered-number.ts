import { formatDecimal, trimmed } from './decimal.ts';
import { decimalOf } from './number.ts';

/**
 * Numbers as bytes whose unsigned order is the order of the values, for keys. At most 22 bytes:
 *
 *     positive   02 · exponent + 130 · digits, two a byte, each pair + 1
 *     zero       01
 *     negative   00 · 125 - exponent · digits, two a byte, each 255 - (pair + 1) · ff
 *
 * A negative number is the complement of its positive twin; the last ff puts -1.5 before -1, whose bytes it would
 * otherwise continue. An odd number of digits is filled up with a zero, which cannot be mistaken: digits never end in one.
 */
const NEGATIVE = 0;
const ZERO = 1;
const POSITIVE = 2;

const LOWEST_EXPONENT = -130;
const COMPLEMENT = 0xff;
const DIGIT_ZERO = 0x30;

/** Only canonical numbers; see number.ts. */
export function encodeOrderedNumber(canonical: string): Uint8Array {
  const { negative, digits, exponent } = decimalOf(canonical);
  if (digits === '') return Uint8Array.of(ZERO);
  const pairs = (digits.length + 1) >> 1;
  const bytes = new Uint8Array(2 + pairs + (negative ? 1 : 0));
  const complement = negative ? COMPLEMENT : 0;
  bytes[0] = negative ? NEGATIVE : POSITIVE;
  bytes[1] = (exponent - LOWEST_EXPONENT) ^ complement;
  for (let i = 0; i < pairs; i++) {
    const tens = digits.charCodeAt(2 * i) - DIGIT_ZERO;
    const ones = 2 * i + 1 < digits.length ? digits.charCodeAt(2 * i + 1) - DIGIT_ZERO : 0;
    bytes[2 + i] = (10 * tens + ones + 1) ^ complement;
  }
  if (negative) bytes[2 + pairs] = COMPLEMENT;
  return bytes;
}

/** The canonical number that {@link encodeOrderedNumber} wrote; throws on bytes that it did not write. */
export function decodeOrderedNumber(bytes: Uint8Array): string {
  const sign = bytes[0];
  if (sign === ZERO && bytes.length === 1) return '0';
  const negative = sign === NEGATIVE;
  const end = negative ? bytes.length - 1 : bytes.length;
  if ((!negative && sign !== POSITIVE) || end < 3) throw malformed(bytes);
  const complement = negative ? COMPLEMENT : 0;
  let digits = '';
  for (let i = 2; i < end; i++) {
    const pair = ((bytes[i] as number) ^ complement) - 1;
    if (pair < 0 || pair > 99) throw malformed(bytes);
    digits += pair < 10 ? `0${pair}` : pair;
  }
  const exponent = ((bytes[1] as number) ^ complement) + LOWEST_EXPONENT;
  return formatDecimal(trimmed(negative, digits, exponent));
}

function malformed(bytes: Uint8Array): Error {
  return new Error(`not an ordered number: ${bytes.join(' ')}`);
}
