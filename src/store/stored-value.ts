import { allocateBytes, crc32c, readU32, writeU32, writeU64 } from '../bytes/index.ts';
import type { StoredItem } from '../item/index.ts';

/**
 * An item as a value of the engine (E4): the JSON that a plain GetItem answers with, behind 16 bytes.
 *
 *     crc32c of everything after it, u32 · size by DynamoDB's rules, u32 · version, u64 · JSON
 *
 * The version is the shard's sequence number of the write (S5).
 */
const HEADER_BYTES = 16;

export function encodeStoredValue(item: StoredItem, version: number): Uint8Array {
  const value = allocateBytes(HEADER_BYTES + item.json.length);
  writeU32(value, 4, item.size);
  writeU64(value, 8, version);
  value.set(item.json, HEADER_BYTES);
  writeU32(value, 0, crc32c(value, 0, 4));
  return value;
}

/** Throws when the checksum does not match: damaged data is never served. The JSON is a view of `value`. */
export function decodeStoredValue(value: Uint8Array): StoredItem {
  if (value.length < HEADER_BYTES || checksumIn(value) !== crc32c(value, 0, 4)) {
    throw new Error(`a stored item of ${value.length} bytes fails its checksum`);
  }
  return { json: value.subarray(HEADER_BYTES), size: readU32(value, 4) };
}

/** Stands for the whole content where contents are compared. */
export function checksumIn(value: Uint8Array): number {
  return readU32(value, 0);
}

/** By DynamoDB's rules. */
export function sizeIn(value: Uint8Array): number {
  return readU32(value, 4);
}
