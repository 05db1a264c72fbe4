import { compareBytes, equalBytes } from '../bytes/index.ts';
import { compareNumbers } from './number.ts';
import { compareText } from './text.ts';
import type { AttributeMap, AttributeValue } from './value.ts';

/**
 * Equality as DynamoDB has it: values of different types are never equal, sets are equal in any order (they are kept in one
 * order), lists and maps are compared deeply. Values nest at most {@link MAX_VALUE_LEVELS} deep.
 */
export function equalValues(a: AttributeValue, b: AttributeValue): boolean {
  switch (a.type) {
    case 'S':
    case 'N':
    case 'BOOL':
      return b.type === a.type && a.value === b.value;
    case 'NULL':
      return b.type === 'NULL';
    case 'B':
      return b.type === 'B' && equalBytes(a.value, b.value);
    case 'SS':
    case 'NS':
      return b.type === a.type && equalLists(a.value, b.value, Object.is);
    case 'BS':
      return b.type === 'BS' && equalLists(a.value, b.value, equalBytes);
    case 'L':
      return b.type === 'L' && equalLists(a.value, b.value, equalValues);
    case 'M':
      return b.type === 'M' && equalMaps(a.value, b.value);
  }
}

/** Negative, zero or positive; undefined when the values have no order: different types, or others than S, N and B. */
export function compareValues(a: AttributeValue, b: AttributeValue): number | undefined {
  if (a.type === 'S' && b.type === 'S') return compareText(a.value, b.value);
  if (a.type === 'N' && b.type === 'N') return compareNumbers(a.value, b.value);
  if (a.type === 'B' && b.type === 'B') return compareBytes(a.value, b.value);
  return undefined;
}

/** Levels of nesting that a value may have: a scalar has one, an empty list too, a list of scalars two. */
export const MAX_VALUE_LEVELS = 32;

function equalLists<T>(a: readonly T[], b: readonly T[], equal: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((element, i) => equal(element, b[i] as T));
}

function equalMaps(a: AttributeMap, b: AttributeMap): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (!other || !equalValues(value, other)) return false;
  }
  return true;
}
