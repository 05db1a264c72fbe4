import { ByteReader, ByteWriter, compareBytes, type Hash64 } from '../bytes/index.ts';
import type { Range, Reader, Write } from '../engine/index.ts';
import { compareHash, hashBound, hashFromHex, type StoragePlace, tableEnd } from '../item/index.ts';
import type { InstallShardCommand, ReceiveShardCommand } from './command.ts';
import { type Contents, noContents, readContents, writeContents } from './contents.ts';
import { CONFIG_KEY, itemKey, SHARD_RANGE, shardKey } from './keys.ts';
import { type MoveCursor, readMoveCursor, START, writeMoveCursor } from './shard-part.ts';

/** A shard that a group holds, with its contents while it is served. */
export interface Shard extends Contents {
  readonly id: number;
  readonly table: number;
  readonly epoch: number;
  /** 16 hex digits; `hashEnd` is exclusive and empty for the last shard. */
  readonly hashStart: string;
  readonly hashEnd: string;
  state: ShardState;
  /** Counts the effects on the shard (S5); part of its state, since log indexes repeat after a move. */
  sequence: number;
  /** Which effects are listed for the group that fetches the shard (listed-changes.ts): those after this sequence. Undefined: it does not move. */
  listedFrom: number | undefined;
  /** While `receiving`: number of parts that were taken in. */
  parts: number;
  /** While `receiving`: where the next part begins (shard-part.ts). While `purging`: how far it is empty. */
  cursor: MoveCursor;
  /** While it is to be split. */
  lower: LowerPart | undefined;
}

/** What of a shard is below a hash: counted by and by while the shard is served, so that it can be split there at once. */
export interface LowerPart extends Contents {
  /** 16 hex digits. */
  readonly at: string;
  /** A storage key: the items below it are counted, and so is every change to them from then on. */
  next: Uint8Array;
}

/**
 * - `serving`
 * - `fenced`: not served any more, and complete: another group fetches the rest of it (C3).
 * - `receiving`: on its way here.
 * - `purging`: its items are being deleted.
 */
export type ShardState = (typeof STATES)[number];

const STATES = ['serving', 'fenced', 'receiving', 'purging'] as const;

/** What a shard is, apart from what is in it. */
export type ShardRange = Pick<Shard, 'id' | 'table' | 'epoch' | 'hashStart' | 'hashEnd'>;

/** Before every storage key. */
const FIRST = new Uint8Array(0);

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
  install(command: InstallShardCommand | ReceiveShardCommand, state: ShardState): void {
    const { shard: id, table, epoch, hashStart, hashEnd } = command;
    const range = { id, table, epoch, hashStart, hashEnd };
    this.#add(newShard(range, state, noContents(), 0));
  }

  /** One that is served from now on, made of others that the group served. */
  serve(range: ShardRange, contents: Contents, sequence: number): void {
    this.#add(newShard(range, 'serving', contents, sequence));
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

  /** The engine's keys of its items, or of those from this storage key on. */
  range({ id, table }: Shard, first: Uint8Array = FIRST): Range {
    const { start, end } = this.#bounds.get(id) as Bounds;
    const bound = hashBound(table, start);
    return {
      from: itemKey(compareBytes(first, bound) < 0 ? bound : first),
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

function newShard(
  range: ShardRange,
  state: ShardState,
  { items, bytes, digestHigh, digestLow }: Contents,
  sequence: number,
): Shard {
  return {
    ...range,
    state,
    items,
    bytes,
    digestHigh,
    digestLow,
    sequence,
    listedFrom: undefined,
    parts: 0,
    cursor: START,
    lower: undefined,
  };
}

/** What a shard's record is: everything that replicas must agree on. */
export function encodeShard(shard: Shard): Uint8Array {
  const writer = new ByteWriter(64)
    .varint(shard.id)
    .varint(shard.table)
    .varint(shard.epoch)
    .text(shard.hashStart)
    .text(shard.hashEnd)
    .u8(STATES.indexOf(shard.state));
  writeContents(writer, shard);
  writer
    .varint(shard.sequence)
    .varint(shard.listedFrom === undefined ? 0 : shard.listedFrom + 1)
    .varint(shard.parts);
  writeMoveCursor(writer, shard.cursor);
  writer.boolean(shard.lower !== undefined);
  if (shard.lower) {
    writer.text(shard.lower.at).bytes(shard.lower.next);
    writeContents(writer, shard.lower);
  }
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
    ...readContents(reader),
    sequence: reader.varint(),
    listedFrom: listedFromOf(reader.varint()),
    parts: reader.varint(),
    cursor: readMoveCursor(reader),
    lower: reader.boolean() ? readLowerPart(reader) : undefined,
  };
  reader.end();
  return shard;
}

function readLowerPart(reader: ByteReader): LowerPart {
  return { at: reader.text(), next: reader.bytes().slice(), ...readContents(reader) };
}

function listedFromOf(stored: number): number | undefined {
  return stored === 0 ? undefined : stored - 1;
}
