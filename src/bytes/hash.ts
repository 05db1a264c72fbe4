/** A 64-bit hash as two unsigned 32-bit halves; BigInt arithmetic costs tens of times more in V8. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

// MurmurHash3 x86_32 (Austin Appleby, public domain algorithm) with two seeds. Not for adversaries: it spreads keys over
// shards, and a shard that a client makes hot on purpose is split by load like any other.
const SEED_HIGH = 0x9747b28c;
const SEED_LOW = 0x5bd1e995;

export function hash64(bytes: Uint8Array): Hash64 {
  return { high: murmur3(bytes, SEED_HIGH), low: murmur3(bytes, SEED_LOW) };
}

/** 32 bits, for tables in memory; the seed keeps clients from choosing keys that collide. */
export function hash32(bytes: Uint8Array, seed: number): number {
  return murmur3(bytes, seed);
}

function murmur3(bytes: Uint8Array, seed: number): number {
  const length = bytes.length;
  const blocks = length & ~3;
  let h = seed;
  for (let i = 0; i < blocks; i += 4) {
    const k =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    h ^= scramble(k);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = length - 1; i >= blocks; i--) tail = (tail << 8) | (bytes[i] as number);
  if (blocks !== length) h ^= scramble(tail);
  h ^= length;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

function scramble(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}
