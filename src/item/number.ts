import { type Decimal, formatDecimal, lastExponent, scanDecimal, trimmed } from './decimal.ts';

/**
 * DynamoDB's numbers, exact: up to 38 significant digits, magnitudes from 1E-130 to 9.99…E+125, and zero ("Supported data
 * types", Amazon DynamoDB Developer Guide). Everywhere inside, a number is its canonical text: plain notation, no
 * superfluous zero, no `+`, no `-0`, so that equal numbers are equal strings.
 */
export type NumberResult =
  | { readonly ok: true; readonly canonical: string }
  | { readonly ok: false; readonly message: string };

const MAX_DIGITS = 38;
const MIN_EXPONENT = -130;
const MAX_EXPONENT = 125;

// A canonical text this short has at most 15 digits: a double holds it, or is the nearest to it and to no other such text.
const SHORT = 15;

const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;
const MINUS = 0x2d;

/** Reads a number as clients write it. Linear in the length of the text. */
export function parseNumber(text: string): NumberResult {
  if (isSmallInteger(text)) return { ok: true, canonical: text };
  const decimal = scanDecimal(text);
  if (!decimal) {
    const subject = text === '' ? '' : `: ${text}`;
    return refuse(`The parameter cannot be converted to a numeric value${subject}`);
  }
  return checked(decimal);
}

/** Exact, or refused; both arguments are canonical. */
export function addNumbers(a: string, b: string): NumberResult {
  if (isSmallInteger(a) && isSmallInteger(b)) {
    return { ok: true, canonical: String(Number(a) + Number(b)) };
  }
  return sum(decimalOf(a), decimalOf(b));
}

/** Exact, or refused; both arguments are canonical. */
export function subtractNumbers(a: string, b: string): NumberResult {
  if (isSmallInteger(a) && isSmallInteger(b)) {
    return { ok: true, canonical: String(Number(a) - Number(b)) };
  }
  const subtrahend = decimalOf(b);
  return sum(decimalOf(a), { ...subtrahend, negative: !subtrahend.negative });
}

/** Order by value of two canonical numbers: negative, zero or positive. */
export function compareNumbers(a: string, b: string): number {
  if (a.length <= SHORT && b.length <= SHORT) return Number(a) - Number(b);
  if (a === b) return 0;
  const negative = a.charCodeAt(0) === MINUS;
  if (negative !== (b.charCodeAt(0) === MINUS)) return negative ? -1 : 1;
  const larger = compareMagnitudes(a, b);
  return negative ? -larger : larger;
}

/** The decimal of a canonical text; throws on any other. */
export function decimalOf(canonical: string): Decimal {
  const decimal = scanDecimal(canonical);
  if (!decimal) throw new Error(`not a canonical number: ${canonical}`);
  return decimal;
}

// With the same sign and as many integer digits, canonical texts are ordered as texts.
function compareMagnitudes(a: string, b: string): number {
  const longer = integerLength(a) - integerLength(b);
  if (longer !== 0) return longer;
  return a < b ? -1 : 1;
}

function integerLength(canonical: string): number {
  const dot = canonical.indexOf('.');
  return dot < 0 ? canonical.length : dot;
}

function sum(a: Decimal, b: Decimal): NumberResult {
  if (a.digits === '') return checked(b);
  if (b.digits === '') return checked(a);
  const high = Math.max(a.exponent, b.exponent);
  const low = Math.min(lastExponent(a), lastExponent(b));
  // Past this span neither end can cancel: digits only cancel from the front between numbers of the same length, and then
  // both have at most 38 digits. So the result has too many digits, and 1E125 + 1E-130 is never written out.
  if (high - low > MAX_DIGITS) return refuse(TOO_PRECISE);
  const total = scaled(a, low) + scaled(b, low);
  const negative = total < 0n;
  const digits = String(negative ? -total : total);
  return checked(trimmed(negative, digits, low + digits.length - 1));
}

function scaled(decimal: Decimal, low: number): bigint {
  const magnitude = BigInt(decimal.digits + '0'.repeat(lastExponent(decimal) - low));
  return decimal.negative ? -magnitude : magnitude;
}

const TOO_PRECISE = 'Attempting to store more than 38 significant digits in a Number';

function checked(decimal: Decimal): NumberResult {
  if (decimal.exponent > MAX_EXPONENT) {
    return refuse(
      'Number overflow. Attempting to store a number with magnitude larger than supported range',
    );
  }
  if (decimal.exponent < MIN_EXPONENT) {
    return refuse(
      'Number underflow. Attempting to store a number with magnitude smaller than supported range',
    );
  }
  if (decimal.digits.length > MAX_DIGITS) return refuse(TOO_PRECISE);
  return { ok: true, canonical: formatDecimal(decimal) };
}

function refuse(message: string): NumberResult {
  return { ok: false, message };
}

/** Whether the text is a canonical integer of at most 15 digits, nearly every number there is. */
function isSmallInteger(text: string): boolean {
  const negative = text.charCodeAt(0) === MINUS;
  const start = negative ? 1 : 0;
  const digits = text.length - start;
  if (digits === 0 || digits > SHORT) return false;
  if (text.charCodeAt(start) === DIGIT_ZERO) return text.length === 1;
  for (let i = start; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < DIGIT_ZERO || unit > DIGIT_NINE) return false;
  }
  return true;
}
