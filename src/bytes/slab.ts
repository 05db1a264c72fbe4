/** Arrays up to this length are cut from slabs. */
export const SMALL_BYTES_MAX = 2048;
const SLAB_BYTES = 64 * 1024;
/** Up to here a loop costs less than a view and a call. */
const LOOP_BYTES_MAX = 64;

let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

/**
 * A new array of zeros. Small ones share the buffer of a slab with others: memory of their own would cost a trip to the
 * allocator and work for the collector, about a microsecond each. A slab lives as long as the last array cut from it, so
 * this is for what is made in large numbers and goes together: entries, messages, answers.
 */
export function allocateBytes(length: number): Uint8Array {
  if (length > SMALL_BYTES_MAX) return new Uint8Array(length);
  const bytes = room(length);
  used += length;
  return bytes;
}

/** An array of the length that `write` returns, at most `lengthMax` (which is a small one), filled by it. */
export function writeBytes(lengthMax: number, write: (target: Uint8Array) => number): Uint8Array {
  const target = room(lengthMax);
  const length = write(target);
  used += length;
  return target.subarray(0, length);
}

function room(length: number): Uint8Array {
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  return slab.subarray(used, used + length);
}

/** A copy of `bytes[start, end)` in memory as of {@link allocateBytes}. */
export function copyBytes(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  const length = end - start;
  const copy = allocateBytes(length);
  if (length > LOOP_BYTES_MAX) {
    copy.set(length === bytes.length ? bytes : bytes.subarray(start, end));
  } else for (let i = 0; i < length; i++) copy[i] = bytes[start + i] as number;
  return copy;
}
