import { ByteReader, ByteWriter, type Hash64 } from '../bytes/index.ts';
import type { Range, Reader, Write } from '../engine/index.ts';
import { compareHash, hashBound, hashFromHex, type StoragePlace, tableEnd } from '../item/index.ts';
import type { InstallShardCommand, ReceiveShardCommand } from './command.ts';
import { CONFIG_KEY, itemKey, SHARD_RANGE, shardKey } from './keys.ts';
import type { SetDigest } from './set-digest.ts';
import { type MoveCursor, readMoveCursor, START, writeMoveCursor } from './shard-part.ts';

/** A shard that a group holds. The digest is of its items, while it is served. */
export interface Shard extends SetDigest {
  readonly id: number;
  readonly table: number;
  readonly epoch: number;
  /** 16 hex digits; `hashEnd` is exclusive and empty for the last shard. */
  readonly hashStart: string;
  readonly hashEnd: string;
  state: ShardState;
  items: number;
  /** Sum of the item sizes by DynamoDB's rules. */
  bytes: number;
  /** Counts the effects on the shard (S5); part of its state, since log indexes repeat after a move. */
  sequence: number;
  /** Which effects are listed for the group that fetches the shard: those after this sequence. Undefined: it does not move. */
  listedFrom: number | undefined;
  /** While `receiving`: number of parts that were taken in, and where the next one begins (shard-part.ts). */
  parts: number;
  cursor: MoveCursor;
}

/**
 * - `serving`
 * - `fenced`: not served any more, and complete: another group fetches the rest of it (C3).
 * - `receiving`: on its way here.
 * - `purging`: its items are being deleted.
 */
export type ShardState = (typeof STATES)[number];

const STATES = ['serving', 'fenced', 'receiving', 'purging'] as const;

interface Bounds {
  readonly start: Hash64;
  readonly end: Hash64 | undefined;
}

/** The shards of one group, with their counters. In memory; written to the state when it is kept. */
export class Shards {
  readonly #shards = new Map<number, Shard>();
  readonly #bounds = new Map<number, Bounds>();
  #config = 0;

  /** The number of the newest map by which shards came or went: plans of older ones are refused (C4). */
  get config(): number {
    return this.#config;
  }

  follow(config: number): void {
    this.#config = config;
  }

  restore(state: Reader): void {
    this.#shards.clear();
    this.#bounds.clear();
    const config = state.get(CONFIG_KEY);
    this.#config = config ? new ByteReader(config).u64() : 0;
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

  /** An empty one. */
  add(command: InstallShardCommand | ReceiveShardCommand, state: ShardState): void {
    const { shard: id, table, epoch, hashStart, hashEnd } = command;
    this.#add({
      id,
      table,
      epoch,
      hashStart,
      hashEnd,
      state,
      items: 0,
      bytes: 0,
      sequence: 0,
      digestHigh: 0,
      digestLow: 0,
      listedFrom: undefined,
      parts: 0,
      cursor: START,
    });
  }

  remove(id: number): void {
    this.#shards.delete(id);
    this.#bounds.delete(id);
  }

  /** The shard, if the group serves it under this epoch (S2) and it covers the hash. */
  serving(id: number, epoch: number, place: StoragePlace): Shard | undefined {
    const shard = this.#shards.get(id);
    if (!shard || shard.epoch !== epoch || shard.state !== 'serving') return undefined;
    return this.covers(shard, place) ? shard : undefined;
  }

  covers({ id, table }: Shard, place: StoragePlace): boolean {
    if (table !== place.table) return false;
    const { start, end } = this.#bounds.get(id) as Bounds;
    if (compareHash(place.hash, start) < 0) return false;
    return !end || compareHash(place.hash, end) < 0;
  }

  /** The engine's keys of its items. */
  range({ id, table }: Shard): Range {
    const { start, end } = this.#bounds.get(id) as Bounds;
    return {
      from: itemKey(hashBound(table, start)),
      to: itemKey(end ? hashBound(table, end) : tableEnd(table)),
    };
  }

  cacheWrites(): Write[] {
    const writes: Write[] = Array.from(this.#shards.values(), (shard) => ({
      key: shardKey(shard.id),
      value: encodeShard(shard),
    }));
    writes.push({ key: CONFIG_KEY, value: new ByteWriter(8).u64(this.#config).take() });
    return writes;
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
  const writer = new ByteWriter(64)
    .varint(shard.id)
    .varint(shard.table)
    .varint(shard.epoch)
    .text(shard.hashStart)
    .text(shard.hashEnd)
    .u8(STATES.indexOf(shard.state))
    .varint(shard.items)
    .varint(shard.bytes)
    .varint(shard.sequence)
    .u32(shard.digestHigh)
    .u32(shard.digestLow)
    .varint(shard.listedFrom === undefined ? 0 : shard.listedFrom + 1)
    .varint(shard.parts);
  writeMoveCursor(writer, shard.cursor);
  return writer.take();
}

function decodeShard(bytes: Uint8Array): Shard {
  const reader = new ByteReader(bytes);
  const shard: Shard = {
    id: reader.varint(),
    table: reader.varint(),
    epoch: reader.varint(),
    hashStart: reader.text(),
    hashEnd: reader.text(),
    state: STATES[reader.u8()] as ShardState,
    items: reader.varint(),
    bytes: reader.varint(),
    sequence: reader.varint(),
    digestHigh: reader.u32(),
    digestLow: reader.u32(),
    listedFrom: listedFromOf(reader.varint()),
    parts: reader.varint(),
    cursor: readMoveCursor(reader),
  };
  reader.end();
  return shard;
}

function listedFromOf(stored: number): number | undefined {
  return stored === 0 ? undefined : stored - 1;
}
