import {
  type Hash64,
  hash64,
  MalformedError,
  readU32,
  utf8,
  utf8Text,
  writeU32,
} from '../bytes/index.ts';
import { decodeOrderedNumber, encodeOrderedNumber } from './ordered-number.ts';
import type { AttributeValue, KeyType } from './value.ts';

/**
 * Storage keys: where an item stands in the ordered key space of the cluster.
 *
 *     table id, u32 · hash of the partition key, u64 · length of the partition key, u16 · partition key · sort key
 *
 * So a hash range of a table is one contiguous range, the items of one partition key stand together in the order of their
 * sort keys, and a key can be taken apart without the table's schema. At most 14 + 2,048 + 1,024 bytes.
 */
const HASH_OFFSET = 4;
const LENGTH_OFFSET = 12;
const PARTITION_OFFSET = 14;

const U32 = 0x1_0000_0000;
const NOTHING = new Uint8Array(0);

export interface ItemKey {
  /** The key values as {@link encodeKeyValue} gives them; `sort` only in tables that have a sort key. */
  readonly partition: Uint8Array;
  readonly sort: Uint8Array | undefined;
  /** Of `partition`. */
  readonly hash: Hash64;
}

/** Where the item collection of a partition key stands: of the shard that has it, too. */
export interface StoragePlace {
  readonly table: number;
  /** Of the partition key. */
  readonly hash: Hash64;
}

export interface StorageKeyParts extends StoragePlace {
  /** Views into the key. `sort` is empty in a table without a sort key, and nowhere else. */
  readonly partition: Uint8Array;
  readonly sort: Uint8Array;
}

/** Bytes in DynamoDB's order within a type: strings as UTF-8, numbers by value, binaries as they are. */
export function encodeKeyValue(value: AttributeValue): Uint8Array {
  switch (value.type) {
    case 'S':
      return utf8(value.value);
    case 'N':
      return encodeOrderedNumber(value.value);
    case 'B':
      return value.value;
    default:
      throw new Error(`a key value cannot be of type ${value.type}`);
  }
}

/** The inverse of {@link encodeKeyValue}; a binary is a view of `bytes`. */
export function decodeKeyValue(bytes: Uint8Array, type: KeyType): AttributeValue {
  switch (type) {
    case 'S':
      return { type, value: utf8Text(bytes) };
    case 'N':
      return { type, value: decodeOrderedNumber(bytes) };
    case 'B':
      return { type, value: bytes };
  }
}

export function makeItemKey(partition: Uint8Array, sort?: Uint8Array): ItemKey {
  return { partition, sort, hash: hash64(partition) };
}

export function storageKey(tableId: number, key: ItemKey): Uint8Array {
  return build(tableId, key, key.sort);
}

/** What the storage keys of every item with this partition key begin with. */
export function partitionPrefix(tableId: number, key: ItemKey): Uint8Array {
  return build(tableId, key, undefined);
}

/** Throws on bytes that {@link storageKey} did not make. */
export function splitStorageKey(key: Uint8Array): StorageKeyParts {
  const end = partitionEnd(key);
  return {
    ...storagePlace(key),
    partition: key.subarray(PARTITION_OFFSET, end),
    sort: key.subarray(end),
  };
}

/** What decides the shard that a storage key belongs to. Throws as {@link splitStorageKey}. */
export function storagePlace(key: Uint8Array): StoragePlace {
  partitionEnd(key);
  const hash = { high: readU32(key, HASH_OFFSET), low: readU32(key, HASH_OFFSET + 4) };
  return { table: readU32(key, 0), hash };
}

/** The sort key in a storage key: a view, empty in a table without one. */
export function sortKeyIn(key: Uint8Array): Uint8Array {
  const end = partitionEnd(key);
  return end === key.length ? NOTHING : key.subarray(end);
}

function partitionEnd(key: Uint8Array): number {
  const length = ((key[LENGTH_OFFSET] as number) << 8) | (key[LENGTH_OFFSET + 1] as number);
  const end = PARTITION_OFFSET + length;
  if (key.length < PARTITION_OFFSET || key.length < end) {
    throw new MalformedError(`not a storage key: ${key.length} bytes`);
  }
  return end;
}

/** At or before every storage key of the table with this hash or a larger one, after every one with a smaller hash. */
export function hashBound(tableId: number, hash: Hash64): Uint8Array {
  const bound = new Uint8Array(LENGTH_OFFSET);
  writeTableAndHash(bound, tableId, hash);
  return bound;
}

/** After every storage key of the table, before those of the next one. */
export function tableEnd(tableId: number): Uint8Array {
  const end = new Uint8Array(HASH_OFFSET);
  writeU32(end, 0, tableId);
  return successor(end);
}

/** The smallest key after all that begin with `prefix`, which must not consist of ff alone. */
export function successor(prefix: Uint8Array): Uint8Array {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) throw new RangeError('nothing comes after a prefix of ff bytes');
  const next = prefix.slice(0, end);
  next[end - 1] = (next[end - 1] as number) + 1;
  return next;
}

export function compareHash(a: Hash64, b: Hash64): number {
  return a.high === b.high ? a.low - b.low : a.high - b.high;
}

/** 16 lower-case hex digits, whose order as text is the order of the hashes. */
export function hashToHex(hash: Hash64): string {
  return hexHalf(hash.high) + hexHalf(hash.low);
}

/** The inverse of {@link hashToHex}; throws RangeError on anything else. */
export function hashFromHex(text: string): Hash64 {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new RangeError(`not a hash: ${text}`);
  return {
    high: Number.parseInt(text.slice(0, 8), 16),
    low: Number.parseInt(text.slice(8), 16),
  };
}

function hexHalf(half: number): string {
  return half.toString(16).padStart(8, '0');
}

function build(tableId: number, key: ItemKey, sort: Uint8Array | undefined): Uint8Array {
  const { partition, hash } = key;
  if (partition.length > 0xffff)
    throw new RangeError(`a partition key of ${partition.length} bytes`);
  const bytes = new Uint8Array(PARTITION_OFFSET + partition.length + (sort?.length ?? 0));
  writeTableAndHash(bytes, tableId, hash);
  bytes[LENGTH_OFFSET] = partition.length >> 8;
  bytes[LENGTH_OFFSET + 1] = partition.length;
  bytes.set(partition, PARTITION_OFFSET);
  if (sort) bytes.set(sort, PARTITION_OFFSET + partition.length);
  return bytes;
}

function writeTableAndHash(target: Uint8Array, tableId: number, hash: Hash64): void {
  if (!Number.isInteger(tableId) || tableId < 0 || tableId >= U32) {
    throw new RangeError(`table id ${tableId}`);
  }
  writeU32(target, 0, tableId);
  writeU32(target, HASH_OFFSET, hash.high);
  writeU32(target, HASH_OFFSET + 4, hash.low);
}
