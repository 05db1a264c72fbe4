import type { Write } from './engine.ts';

/**
 * Writes one behind the other, as they travel to LMDB's thread, and as a large flush keeps them for a while:
 *
 *     length of the key, u16 · length of the value or 0xffffffff for a delete, u32 · key · value · room for a checksum, 4 bytes
 *
 * Little-endian. A delete has no value and no room behind it.
 */
export const PACKED_HEADER_BYTES = 6;
export const PACKED_DELETE = 0xffff_ffff;
export const PACKED_ROOM_BYTES = 4;

export function packedBytes({ key, value }: Write): number {
  return PACKED_HEADER_BYTES + key.length + (value ? value.length + PACKED_ROOM_BYTES : 0);
}

/** Puts one write at a place where there is room for it. `view` is of the same bytes as `target`. */
export function pack(target: Uint8Array, view: DataView, at: number, { key, value }: Write): void {
  view.setUint16(at, key.length, true);
  view.setUint32(at + 2, value?.length ?? PACKED_DELETE, true);
  target.set(key, at + PACKED_HEADER_BYTES);
  if (value) target.set(value, at + PACKED_HEADER_BYTES + key.length);
}

/** Keys and values are views. */
export function* unpacked(bytes: Uint8Array): Generator<Write> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const keyAt = at + PACKED_HEADER_BYTES;
    const valueAt = keyAt + view.getUint16(at, true);
    const length = view.getUint32(at + 2, true);
    const key = bytes.subarray(keyAt, valueAt);
    if (length === PACKED_DELETE) {
      yield { key, value: undefined };
      at = valueAt;
    } else {
      yield { key, value: bytes.subarray(valueAt, valueAt + length) };
      at = valueAt + length + PACKED_ROOM_BYTES;
    }
  }
}
