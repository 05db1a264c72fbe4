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

/** A state for {@link mix128}. */
export function state128(): Uint32Array {
  return new Uint32Array(4);
}

/**
 * Mixes `bytes` into 128 bits of state: MurmurHash3 x86_128, begun with the state that is there, its tail padded with zeros to
 * a block (the length is mixed in, so paddings differ). For given bytes it is one to one: states that differ stay different.
 */
export function mix128(state: Uint32Array, bytes: Uint8Array): void {
  let h1 = state[0] as number;
  let h2 = state[1] as number;
  let h3 = state[2] as number;
  let h4 = state[3] as number;
  const { length } = bytes;
  for (let i = 0; i < length; i += 16) {
    h1 ^= Math.imul(rotated(Math.imul(word(bytes, i), 0x239b961b), 15), 0xab0e9789);
    h1 = (Math.imul(rotated(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotated(Math.imul(word(bytes, i + 4), 0xab0e9789), 16), 0x38b34ae5);
    h2 = (Math.imul(rotated(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotated(Math.imul(word(bytes, i + 8), 0x38b34ae5), 17), 0xa1e38b93);
    h3 = (Math.imul(rotated(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotated(Math.imul(word(bytes, i + 12), 0xa1e38b93), 18), 0x239b961b);
    h4 = (Math.imul(rotated(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = finished(h2 + h1);
  h3 = finished(h3 + h1);
  h4 = finished(h4 + h1);
  h1 = finished(h1);
  h1 = (h1 + h2 + h3 + h4) | 0;
  state[0] = h1;
  state[1] = h2 + h1;
  state[2] = h3 + h1;
  state[3] = h4 + h1;
}

/** Four bytes, lowest first; zeros past the end. */
function word(bytes: Uint8Array, at: number): number {
  if (at + 4 <= bytes.length) {
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }
  let value = 0;
  for (let i = bytes.length - 1; i >= at; i--) value = (value << 8) | (bytes[i] as number);
  return value;
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function finished(lane: number): number {
  let h = lane ^ (lane >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
