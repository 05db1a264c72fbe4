/**
 * A decimal number taken apart: ±d.ddd… × 10^exponent. `digits` has no leading and no trailing zeros, so its length is the
 * number of significant digits; zero has no digits at all.
 */
export interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  /** The power of ten of the first digit. */
  readonly exponent: number;
}

export const ZERO: Decimal = { negative: false, digits: '', exponent: 0 };

const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;
const UPPER_E = 0x45;
const LOWER_E = 0x65;

// Far outside the range of numbers, and far from where adding the length of a text (16 MB at most) would lose a unit.
const EXPONENT_BOUND = 1_000_000_000;

/**
 * Reads `[+-]digits[.digits][e[+-]digits]` with at least one digit before the exponent, the grammar of Java's BigDecimal,
 * or gives undefined. One pass, whatever the text.
 */
export function scanDecimal(text: string): Decimal | undefined {
  const first = text.charCodeAt(0);
  const signed = first === PLUS || first === MINUS;
  const integerStart = signed ? 1 : 0;
  const integerEnd = skipDigits(text, integerStart);
  let at = integerEnd;
  let fraction = '';
  if (text.charCodeAt(at) === DOT) {
    const fractionEnd = skipDigits(text, at + 1);
    fraction = text.slice(at + 1, fractionEnd);
    at = fractionEnd;
  }
  const digits = text.slice(integerStart, integerEnd) + fraction;
  if (digits === '') return undefined;
  let power = 0;
  const letter = text.charCodeAt(at);
  if (letter === UPPER_E || letter === LOWER_E) {
    const sign = text.charCodeAt(at + 1);
    const start = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
    at = skipDigits(text, start);
    if (at === start) return undefined;
    power = Math.min(Number(text.slice(start, at)), EXPONENT_BOUND);
    if (sign === MINUS) power = -power;
  }
  if (at !== text.length) return undefined;
  return trimmed(first === MINUS, digits, power + integerEnd - integerStart - 1);
}

/** The decimal with this text of digits, of which the first stands for 10^exponent; zeros at both ends are taken off. */
export function trimmed(negative: boolean, digits: string, exponent: number): Decimal {
  let start = 0;
  while (digits.charCodeAt(start) === DIGIT_ZERO) start++;
  let end = digits.length;
  while (end > start && digits.charCodeAt(end - 1) === DIGIT_ZERO) end--;
  if (start === end) return ZERO;
  return { negative, digits: digits.slice(start, end), exponent: exponent - start };
}

/** The power of ten of the last significant digit. */
export function lastExponent(decimal: Decimal): number {
  return decimal.exponent - decimal.digits.length + 1;
}

/** Plain notation without an exponent, as DynamoDB returns numbers. */
export function formatDecimal({ negative, digits, exponent }: Decimal): string {
  if (digits === '') return '0';
  const sign = negative ? '-' : '';
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const integerDigits = exponent + 1;
  if (digits.length <= integerDigits)
    return sign + digits + '0'.repeat(integerDigits - digits.length);
  return `${sign}${digits.slice(0, integerDigits)}.${digits.slice(integerDigits)}`;
}

function skipDigits(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < DIGIT_ZERO || unit > DIGIT_NINE) break;
  }
  return at;
}
