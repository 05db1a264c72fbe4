import { crc32c } from '../bytes/index.ts';
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
  const value = new Uint8Array(HEADER_BYTES + item.json.length);
  const view = new DataView(value.buffer);
  view.setUint32(4, item.size);
  view.setUint32(8, Math.floor(version / 0x1_0000_0000));
  view.setUint32(12, version >>> 0);
  value.set(item.json, HEADER_BYTES);
  view.setUint32(0, crc32c(value, 0, 4));
  return value;
}

/** Throws when the checksum does not match: damaged data is never served. The JSON is a view of `value`. */
export function decodeStoredValue(value: Uint8Array): StoredItem {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < HEADER_BYTES || view.getUint32(0) !== crc32c(value, 0, 4)) {
    throw new Error(`a stored item of ${value.length} bytes fails its checksum`);
  }
  return { json: value.subarray(HEADER_BYTES), size: view.getUint32(4) };
}
