import { compareBytes, equalBytes } from '../../bytes/index.ts';
import type { Table } from '../../controller/index.ts';
import {
  decodeKeyValue,
  type Item,
  type ItemKey,
  splitStorageKey,
  storageKey,
} from '../../item/index.ts';
import { ApiError, validationError } from '../errors.ts';
import { keyOfKey } from './key.ts';
import { justAfter, type KeyRange, type QueryRange } from './key-conditions.ts';

const INVALID = 'The provided starting key is invalid';

/** The rest of a Query's range after its ExclusiveStartKey. Throws ValidationException. */
export function restOfQuery(
  table: Table,
  range: QueryRange,
  hasSortCondition: boolean,
  startKey: Item,
  reverse: boolean,
): KeyRange {
  if (table.spec.sortKey === undefined) {
    throw validationError('The query can return at most one row and cannot be restarted');
  }
  const key = keyOfStartKey(table, startKey);
  const start = storageKey(table.id, key);
  if (!equalBytes(key.partition, range.partition.partition)) {
    throw validationError(
      'The provided starting key is outside query boundaries based on provided conditions',
    );
  }
  if (hasSortCondition && !contains(range, start)) {
    throw validationError('The provided starting key does not match the range key predicate');
  }
  return after(range, start, reverse);
}

/** The rest of a Scan's segment. Throws ValidationException. */
export function restOfScan(
  table: Table,
  range: KeyRange,
  startKey: Item,
  segment: { readonly segment: number; readonly totalSegments: number },
): KeyRange {
  const start = storageKey(table.id, keyOfStartKey(table, startKey));
  if (!contains(range, start)) {
    throw validationError(
      `${INVALID}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. ` +
        `TotalSegments: ${segment.totalSegments} Segment: ${segment.segment}`,
    );
  }
  return after(range, start, false);
}

function keyOfStartKey(table: Table, startKey: Item): ItemKey {
  try {
    return keyOfKey(table, startKey);
  } catch (error) {
    if (error instanceof ApiError) throw validationError(`${INVALID}: ${error.message}`);
    throw error;
  }
}

function contains(range: KeyRange, key: Uint8Array): boolean {
  return compareBytes(range.from, key) <= 0 && compareBytes(key, range.to) < 0;
}

function after(range: KeyRange, start: Uint8Array, reverse: boolean): KeyRange {
  return reverse ? { from: range.from, to: start } : { from: justAfter(start), to: range.to };
}

/** LastEvaluatedKey: the key attributes that a storage key was made of. */
export function keyOfStorageKey(table: Table, key: Uint8Array): Item {
  const { partitionKey, sortKey } = table.spec;
  const { partition, sort } = splitStorageKey(key);
  const attributes = new Map([[partitionKey.name, decodeKeyValue(partition, partitionKey.type)]]);
  if (sortKey) attributes.set(sortKey.name, decodeKeyValue(sort, sortKey.type));
  return attributes;
}
