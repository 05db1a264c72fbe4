import { ByteReader, ByteWriter, type Hash64 } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import { compareHash, hashFromHex, type StoragePlace } from '../item/index.ts';
import type { InstallShardCommand } from './command.ts';
import { SHARD_RANGE, shardKey } from './keys.ts';
import type { SetDigest } from './set-digest.ts';

/** A shard that a group holds. The digest is of its items, while it is served. */
export interface Shard extends SetDigest {
  readonly id: number;
  readonly table: number;
  readonly epoch: number;
  /** 16 hex digits; `hashEnd` is exclusive and empty for the last shard. */
  readonly hashStart: string;
  readonly hashEnd: string;
  /** `purging`: not served any more, its items are being deleted. */
  state: 'serving' | 'purging';
  items: number;
  /** Sum of the item sizes by DynamoDB's rules. */
  bytes: number;
  /** Counts the effects on the shard (S5); part of its state, since log indexes repeat after a move. */
  sequence: number;
}

interface Bounds {
  readonly start: Hash64;
  readonly end: Hash64 | undefined;
}

/** The shards of one group, with their counters. In memory; written to the state when it is kept. */
export class Shards {
  readonly #shards = new Map<number, Shard>();
  readonly #bounds = new Map<number, Bounds>();

  restore(state: Reader): void {
    this.#shards.clear();
    this.#bounds.clear();
    const cursor = state.range(SHARD_RANGE);
    for (let pair = cursor.next(); pair; pair = cursor.next()) this.#add(decodeShard(pair.value));
    cursor.close();
  }

  get(id: number): Shard | undefined {
    return this.#shards.get(id);
  }

  all(): IterableIterator<Shard> {
    return this.#shards.values();
  }

  install(command: InstallShardCommand): Shard {
    const { shard: id, table, epoch, hashStart, hashEnd } = command;
    const shard: Shard = {
      id,
      table,
      epoch,
      hashStart,
      hashEnd,
      state: 'serving',
      items: 0,
      bytes: 0,
      sequence: 0,
      digestHigh: 0,
      digestLow: 0,
    };
    this.#add(shard);
    return shard;
  }

  remove(id: number): void {
    this.#shards.delete(id);
    this.#bounds.delete(id);
  }

  /** The shard, if the group serves it under this epoch (S2) and it covers the hash. */
  serving(id: number, epoch: number, { table, hash }: StoragePlace): Shard | undefined {
    const shard = this.#shards.get(id);
    if (!shard || shard.epoch !== epoch || shard.state !== 'serving' || shard.table !== table) {
      return undefined;
    }
    const { start, end } = this.#bounds.get(id) as Bounds;
    if (compareHash(hash, start) < 0) return undefined;
    if (end && compareHash(hash, end) >= 0) return undefined;
    return shard;
  }

  bounds(id: number): Bounds {
    const bounds = this.#bounds.get(id);
    if (!bounds) throw new Error(`shard ${id} is not held`);
    return bounds;
  }

  cacheWrites(): Write[] {
    return Array.from(this.#shards.values(), (shard) => ({
      key: shardKey(shard.id),
      value: encodeShard(shard),
    }));
  }

  #add(shard: Shard): void {
    this.#shards.set(shard.id, shard);
    this.#bounds.set(shard.id, {
      start: hashFromHex(shard.hashStart),
      end: shard.hashEnd === '' ? undefined : hashFromHex(shard.hashEnd),
    });
  }
}

/** What a shard's record is: everything that replicas must agree on. */
export function encodeShard(shard: Shard): Uint8Array {
  return new ByteWriter(64)
    .varint(shard.id)
    .varint(shard.table)
    .varint(shard.epoch)
    .text(shard.hashStart)
    .text(shard.hashEnd)
    .boolean(shard.state === 'serving')
    .varint(shard.items)
    .varint(shard.bytes)
    .varint(shard.sequence)
    .u32(shard.digestHigh)
    .u32(shard.digestLow)
    .take();
}

function decodeShard(bytes: Uint8Array): Shard {
  const reader = new ByteReader(bytes);
  const shard: Shard = {
    id: reader.varint(),
    table: reader.varint(),
    epoch: reader.varint(),
    hashStart: reader.text(),
    hashEnd: reader.text(),
    state: reader.boolean() ? 'serving' : 'purging',
    items: reader.varint(),
    bytes: reader.varint(),
    sequence: reader.varint(),
    digestHigh: reader.u32(),
    digestLow: reader.u32(),
  };
  reader.end();
  return shard;
}
