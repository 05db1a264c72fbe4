import { type Hash64, hash64 } from '../bytes/index.ts';
import { checksumIn } from './stored-value.ts';

/**
 * A hash over a set of items that is kept while they come and go: in each of two lanes the sum, modulo 2^32, of a hash of
 * every item (AdHash; Bellare and Micciancio, 1997). Not for adversaries: it finds replicas that went apart (S3).
 */
export interface SetDigest {
  digestHigh: number;
  digestLow: number;
}

/** Names an item within its table: the hash of the partition key is in its storage key already. */
export function itemHash(hash: Hash64, sort: Uint8Array): Hash64 {
  if (sort.length === 0) return hash;
  const { high, low } = hash64(sort);
  return {
    high: hash.high ^ Math.imul(high, 0x9e3779b1),
    low: hash.low ^ Math.imul(low, 0x9e3779b1),
  };
}

/** `key`: see {@link itemHash}. `value`: a stored value (stored-value.ts), whose checksum stands for its content. */
export function addItem(digest: SetDigest, key: Hash64, value: Uint8Array): void {
  const checksum = checksumIn(value);
  digest.digestHigh = (digest.digestHigh + laneOf(key.high, checksum, 0x85ebca6b)) >>> 0;
  digest.digestLow = (digest.digestLow + laneOf(key.low, checksum, 0xc2b2ae35)) >>> 0;
}

/** The inverse of {@link addItem}. */
export function removeItem(digest: SetDigest, key: Hash64, value: Uint8Array): void {
  const checksum = checksumIn(value);
  digest.digestHigh = (digest.digestHigh - laneOf(key.high, checksum, 0x85ebca6b)) >>> 0;
  digest.digestLow = (digest.digestLow - laneOf(key.low, checksum, 0xc2b2ae35)) >>> 0;
}

/** MurmurHash3's finalizer over both, so that no lane of one item can be had from another's. */
function laneOf(key: number, checksum: number, factor: number): number {
  let h = key ^ Math.imul(checksum, factor);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
