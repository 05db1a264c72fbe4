import { byteLengthUtf8 } from '../bytes/index.ts';
import { lastExponent } from './decimal.ts';
import { decimalOf } from './number.ts';
import type { AttributeValue, Item } from './value.ts';

/** Largest item, by the rules of {@link sizeOfItem}. */
export const MAX_ITEM_BYTES = 409_600;
/** Largest partition and sort key value: a string's UTF-8, a number's {@link sizeOfValue}, a binary as it is. */
export const MAX_PARTITION_KEY_BYTES = 2048;
export const MAX_SORT_KEY_BYTES = 1024;
/** Longest attribute name in UTF-8, and longest name of a key attribute. */
export const MAX_ATTRIBUTE_NAME_BYTES = 65_535;
export const MAX_KEY_NAME_BYTES = 255;

// What a list or a map costs by itself, and for each of its elements.
const CONTAINER_BYTES = 3;
const ELEMENT_BYTES = 1;

type Measure = (text: string) => number;

/**
 * The size of an item in bytes as DynamoDB counts it, for the limit and the consumed capacity: names and values
 * ("Item sizes and formats", Amazon DynamoDB Developer Guide).
 */
export function sizeOfItem(item: Item): number {
  return measureItem(item, byteLengthUtf8);
}

/** The same for an item whose strings are known to be ASCII, where length is size. */
export function sizeOfAsciiItem(item: Item): number {
  return measureItem(item, unitLength);
}

/** Whether the item is within {@link MAX_ITEM_BYTES}; stops at the attribute that is too much. */
export function fitsItemLimit(item: Item): boolean {
  // Nearly every item is far within the limit, and then counting characters shows it.
  if (measureItem(item, mostBytes) <= MAX_ITEM_BYTES) return true;
  let size = 0;
  for (const [name, value] of item) {
    size += byteLengthUtf8(name) + sizeOfValue(value);
    if (size > MAX_ITEM_BYTES) return false;
  }
  return true;
}

/** The size of a value without its name. */
export function sizeOfValue(value: AttributeValue): number {
  return measureValue(value, byteLengthUtf8);
}

function unitLength(text: string): number {
  return text.length;
}

/** No UTF-16 unit takes more than three bytes in UTF-8. */
function mostBytes(text: string): number {
  return 3 * text.length;
}

function measureItem(item: Item, measure: Measure): number {
  let size = 0;
  for (const [name, value] of item) size += measure(name) + measureValue(value, measure);
  return size;
}

function measureValue(value: AttributeValue, measure: Measure): number {
  switch (value.type) {
    case 'S':
      return measure(value.value);
    case 'N':
      return sizeOfNumber(value.value);
    case 'B':
      return value.value.length;
    case 'BOOL':
    case 'NULL':
      return 1;
    case 'SS':
      return value.value.reduce((size, member) => size + measure(member), 0);
    case 'NS':
      return value.value.reduce((size, member) => size + sizeOfNumber(member), 0);
    case 'BS':
      return value.value.reduce((size, member) => size + member.length, 0);
    case 'L': {
      let size = CONTAINER_BYTES;
      for (const element of value.value) size += ELEMENT_BYTES + measureValue(element, measure);
      return size;
    }
    case 'M': {
      let size = CONTAINER_BYTES;
      for (const [name, element] of value.value) {
        size += ELEMENT_BYTES + measure(name) + measureValue(element, measure);
      }
      return size;
    }
  }
}

/**
 * One byte for two digits, counted from the decimal point to both sides and without the zeros at either end, one byte for
 * the exponent, one for a minus sign.
 */
function sizeOfNumber(canonical: string): number {
  const decimal = decimalOf(canonical);
  if (decimal.digits === '') return 2;
  const pairs = Math.floor(decimal.exponent / 2) - Math.floor(lastExponent(decimal) / 2) + 1;
  return 1 + pairs + (decimal.negative ? 1 : 0);
}
