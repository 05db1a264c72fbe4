import { ByteReader, writeU32, writeU64 } from '../bytes/index.ts';
import type { Range } from '../engine/index.ts';

/**
 * The first byte of each key in a data group's state. docs/on-disk.md has the whole table.
 *
 *     01 · storage key (item/key.ts)   an item: stored-value.ts
 *     02 · shard id, u32               a shard that the group holds: shards.ts
 *     03 · router id, u64              a router's session: sessions.ts
 *     04                               session time, u64
 *     05                               which of the following are there: retries.ts
 *     05 · generation, u32 · block, u32  retry tokens with short answers: retry-generation.ts
 *     06 · generation, u32 · block, u32  longer answers: likewise
 *     07 · shard id, u32 · sequence, u64  a change to a shard that moves: the storage key of the item
 *     08                               the number of the newest map that was followed, u64
 *     0f                               the group's own records (group/): never touched here
 */
const ITEM = 0x01;
const SHARD = 0x02;
const SESSION = 0x03;
const SESSION_TIME = 0x04;
const RETRIES = 0x05;
const RETRY_OUTCOMES = 0x06;
const CHANGE = 0x07;
const CONFIG = 0x08;

export const SESSION_TIME_KEY = Uint8Array.of(SESSION_TIME);

export const CONFIG_KEY = Uint8Array.of(CONFIG);

export const RETRIES_KEY = Uint8Array.of(RETRIES);

export function retryBlockKey(generation: number, block: number): Uint8Array {
  return blockKey(RETRIES, generation, block);
}

export function retryOutcomeKey(generation: number, block: number): Uint8Array {
  return blockKey(RETRY_OUTCOMES, generation, block);
}

function blockKey(kind: number, generation: number, block: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = kind;
  writeU32(key, 1, generation);
  writeU32(key, 5, block);
  return key;
}

export function itemKey(storageKey: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + storageKey.length);
  key[0] = ITEM;
  key.set(storageKey, 1);
  return key;
}

/** The inverse of {@link itemKey}: a view. */
export function storageKeyOf(key: Uint8Array): Uint8Array {
  return key.subarray(1);
}

/** The smallest key after this one. */
export function afterKey(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

export function shardKey(shard: number): Uint8Array {
  const key = new Uint8Array(5);
  key[0] = SHARD;
  writeU32(key, 1, shard);
  return key;
}

export function sessionKey(router: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = SESSION;
  writeU64(key, 1, router);
  return key;
}

export const SHARD_RANGE = { from: Uint8Array.of(SHARD), to: Uint8Array.of(SHARD + 1) };
export const SESSION_RANGE = { from: Uint8Array.of(SESSION), to: Uint8Array.of(SESSION + 1) };

export function changeKey(shard: number, sequence: number): Uint8Array {
  const key = new Uint8Array(13);
  key[0] = CHANGE;
  writeU32(key, 1, shard);
  writeU64(key, 5, sequence);
  return key;
}

/** The sequence in a {@link changeKey}. */
export function sequenceIn(key: Uint8Array): number {
  return new ByteReader(key, 5).u64();
}

/** The listed changes of a shard after this sequence. */
export function changesAfter(shard: number, sequence: number): Range {
  return { from: changeKey(shard, sequence + 1), to: changeKey(shard, Number.MAX_SAFE_INTEGER) };
}
