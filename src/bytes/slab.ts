/** Arrays up to this length are cut from slabs. */
export const SMALL_BYTES_MAX = 2048;
const SLAB_BYTES = 64 * 1024;

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

/** A copy in memory as of {@link allocateBytes}. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  const copy = allocateBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
