import { type ByteReader, type ByteWriter, type Hash64, hash64 } from '../bytes/index.ts';
import { sortKeyIn, storagePlace } from '../item/index.ts';
import { checksumIn, sizeIn } from './stored-value.ts';

/**
 * How much is in a set of items, and a hash of it that is kept while they come and go: in each of two lanes the sum, modulo 2^32, of a
 * hash of every item (AdHash; Bellare and Micciancio, 1997). Not for adversaries: it finds replicas that went apart (S3).
 */
export interface Contents {
  items: number;
  /** Sum of the item sizes by DynamoDB's rules. */
  bytes: number;
  digestHigh: number;
  digestLow: number;
}

export function noContents(): Contents {
  return { items: 0, bytes: 0, digestHigh: 0, digestLow: 0 };
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

/** The same, of an item with this storage key. */
export function itemHashIn(key: Uint8Array): Hash64 {
  return itemHash(storagePlace(key).hash, sortKeyIn(key));
}

/** An item is one of the set from now on. `key`: see {@link itemHash}. `value`: a stored value (stored-value.ts). */
export function countIn(contents: Contents, key: Hash64, value: Uint8Array): void {
  const [high, low] = lanesOf(key, value);
  contents.items += 1;
  contents.bytes += sizeIn(value);
  contents.digestHigh = (contents.digestHigh + high) >>> 0;
  contents.digestLow = (contents.digestLow + low) >>> 0;
}

/** The inverse of {@link countIn}. */
export function countOut(contents: Contents, key: Hash64, value: Uint8Array): void {
  const [high, low] = lanesOf(key, value);
  contents.items -= 1;
  contents.bytes -= sizeIn(value);
  contents.digestHigh = (contents.digestHigh - high) >>> 0;
  contents.digestLow = (contents.digestLow - low) >>> 0;
}

/** Of two sets without a common item. */
export function sumOf(a: Contents, b: Contents): Contents {
  return {
    items: a.items + b.items,
    bytes: a.bytes + b.bytes,
    digestHigh: (a.digestHigh + b.digestHigh) >>> 0,
    digestLow: (a.digestLow + b.digestLow) >>> 0,
  };
}

/** Of the set without a part of it. */
export function differenceOf(all: Contents, part: Contents): Contents {
  return {
    items: all.items - part.items,
    bytes: all.bytes - part.bytes,
    digestHigh: (all.digestHigh - part.digestHigh) >>> 0,
    digestLow: (all.digestLow - part.digestLow) >>> 0,
  };
}

export function isSameContents(a: Contents, b: Contents): boolean {
  const isSameSize = a.items === b.items && a.bytes === b.bytes;
  return isSameSize && a.digestHigh === b.digestHigh && a.digestLow === b.digestLow;
}

export function writeContents(writer: ByteWriter, contents: Contents): void {
  writer.varint(contents.items).varint(contents.bytes);
  writer.u32(contents.digestHigh).u32(contents.digestLow);
}

export function readContents(reader: ByteReader): Contents {
  return {
    items: reader.varint(),
    bytes: reader.varint(),
    digestHigh: reader.u32(),
    digestLow: reader.u32(),
  };
}

export function contentsText({ items, bytes, digestHigh, digestLow }: Contents): string {
  return `${items} items, ${bytes} bytes, digest ${digestHigh} ${digestLow}`;
}

/** The value's checksum stands for its content. */
function lanesOf({ high, low }: Hash64, value: Uint8Array): readonly [number, number] {
  const checksum = checksumIn(value);
  return [laneOf(high, checksum, 0x85ebca6b), laneOf(low, checksum, 0xc2b2ae35)];
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
