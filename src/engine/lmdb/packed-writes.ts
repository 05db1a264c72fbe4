import type { Write } from '../engine.ts';
import { MAX_KEY_BYTES } from '../limits.ts';

/** Length of the value of a delete. */
export const DELETED = 0xffff_ffff;
/** Before each write: length of the key, u16 · length of the value, u32; little-endian, as they never leave the process. */
export const HEADER_BYTES = 6;

const CHUNK_BYTES = 1024 * 1024;
/** Looked at the clock after so many writes. */
const WRITES_BETWEEN_LOOKS = 64;
const SLICE_MS = 2;

/**
 * Copies writes one behind the other into buffers that can be handed to another thread, in slices of about two
 * milliseconds. Throws RangeError for a key of a length that no engine takes, Error when keys do not ascend.
 */
export async function packWrites(writes: Iterable<Write>): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let chunk = new Uint8Array(0);
  let view = new DataView(chunk.buffer);
  let at = 0;
  let previous: Uint8Array | undefined;
  let count = 0;
  let began = performance.now();
  for (const { key, value } of writes) {
    assertKey(key, previous);
    previous = key;
    const length = HEADER_BYTES + key.length + (value?.length ?? 0);
    if (at + length > chunk.length) {
      if (at > 0) chunks.push(chunk.subarray(0, at));
      chunk = new Uint8Array(Math.max(length, count === 0 ? 4096 : CHUNK_BYTES));
      view = new DataView(chunk.buffer);
      at = 0;
    }
    view.setUint16(at, key.length, true);
    view.setUint32(at + 2, value?.length ?? DELETED, true);
    chunk.set(key, at + HEADER_BYTES);
    if (value) chunk.set(value, at + HEADER_BYTES + key.length);
    at += length;
    if (++count % WRITES_BETWEEN_LOOKS === 0 && performance.now() - began > SLICE_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      began = performance.now();
    }
  }
  if (at > 0) chunks.push(chunk.subarray(0, at));
  return chunks;
}

function assertKey(key: Uint8Array, previous: Uint8Array | undefined): void {
  if (key.length === 0 || key.length > MAX_KEY_BYTES) {
    throw new RangeError(`a key has ${key.length} bytes; 1 to ${MAX_KEY_BYTES} are allowed`);
  }
  if (previous && Buffer.compare(previous, key) >= 0) {
    throw new Error('writes of a commit must ascend by their keys');
  }
}
