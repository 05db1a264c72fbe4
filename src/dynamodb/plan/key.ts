import type { KeyAttribute, Table } from '../../controller/index.ts';
import {
  type AttributeValue,
  encodeKeyValue,
  type Item,
  type ItemKey,
  MAX_PARTITION_KEY_BYTES,
  MAX_SORT_KEY_BYTES,
  makeItemKey,
} from '../../item/index.ts';
import { validationError } from '../errors.ts';

const MISMATCH = 'The provided key element does not match the schema';

/** The key out of a whole item, for PutItem. Throws ValidationException. */
export function keyOfItem(table: Table, item: Item): ItemKey {
  const { partitionKey, sortKey } = table.spec;
  return makeItemKey(
    encodePartition(partitionKey, attributeOfItem(partitionKey, item)),
    sortKey && encodeSort(sortKey, attributeOfItem(sortKey, item)),
  );
}

function attributeOfItem({ name, type }: KeyAttribute, item: Item): AttributeValue {
  const value = item.get(name);
  const problem =
    value === undefined
      ? `Missing the key ${name} in the item`
      : value.type !== type
        ? `Type mismatch for key ${name} expected: ${type} actual: ${value.type}`
        : undefined;
  if (value !== undefined && problem === undefined) return value;
  throw validationError(`One or more parameter values were invalid: ${problem}`);
}

/** The key out of a Key parameter, which has the key attributes and nothing else. Throws ValidationException. */
export function keyOfKey(table: Table, key: Item): ItemKey {
  if (key.size !== (table.spec.sortKey ? 2 : 1)) throw validationError(MISMATCH);
  return keyOfBatchItem(table, key);
}

/** The key out of an item in BatchWriteItem, which is refused with less words than in PutItem. Throws ValidationException. */
export function keyOfBatchItem(table: Table, item: Item): ItemKey {
  const { partitionKey, sortKey } = table.spec;
  return makeItemKey(
    encodePartition(partitionKey, matching(partitionKey, item)),
    sortKey && encodeSort(sortKey, matching(sortKey, item)),
  );
}

function matching({ name, type }: KeyAttribute, item: Item): AttributeValue {
  const value = item.get(name);
  if (value?.type !== type) throw validationError(MISMATCH);
  return value;
}

/** Throws ValidationException when the value is empty or too long; its type has been checked. */
export function encodePartition(attribute: KeyAttribute, value: AttributeValue): Uint8Array {
  const bytes = encodeFilled(attribute, value);
  if (bytes.length <= MAX_PARTITION_KEY_BYTES) return bytes;
  throw validationError(
    'One or more parameter values were invalid: ' +
      `Size of hashkey has exceeded the maximum size limit of${MAX_PARTITION_KEY_BYTES} bytes`,
  );
}

/** Likewise for the sort key. */
export function encodeSort(attribute: KeyAttribute, value: AttributeValue): Uint8Array {
  const bytes = encodeFilled(attribute, value);
  if (bytes.length <= MAX_SORT_KEY_BYTES) return bytes;
  throw validationError(
    'One or more parameter values were invalid: ' +
      `Aggregated size of all range keys has exceeded the size limit of ${MAX_SORT_KEY_BYTES} bytes`,
  );
}

function encodeFilled({ name, type }: KeyAttribute, value: AttributeValue): Uint8Array {
  const bytes = encodeKeyValue(value);
  if (bytes.length > 0) return bytes;
  throw validationError(
    'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain ' +
      `an empty ${type === 'B' ? 'binary' : 'string'} value. Key: ${name}`,
  );
}

/** A path may not reach into a key attribute, which is a scalar. Throws ValidationException. */
export function refuseNestedKeys(table: Table, nestedHeads: ReadonlySet<string>): void {
  for (const { name } of keyAttributes(table)) {
    if (!nestedHeads.has(name)) continue;
    throw validationError(
      "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: " +
        `Key: ${name}`,
    );
  }
}

export function keyAttributes(table: Table): readonly KeyAttribute[] {
  const { partitionKey, sortKey } = table.spec;
  return sortKey ? [partitionKey, sortKey] : [partitionKey];
}
