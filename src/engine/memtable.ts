import { hash32 } from '../bytes/index.ts';
import { Arena, type ChunkPool, doubled } from './arena.ts';
import type { Write } from './engine.ts';
import { KeyOrder, NOWHERE } from './key-order.ts';

// An entry, one per key: its hash, where its key is, and its newest version. Entry 0 means none.
const ENTRY_WORDS = 8;
const HASH = 0;
const KEY = 1;
const KEY_LENGTH = 2;
const VALUE = 3;
const VALUE_LENGTH = 4;
/** The room at VALUE. */
const CAPACITY = 5;
/** In which the version was written. */
const EPOCH = 6;
/** The version before it, 0 when there is none. */
const OLDER = 7;

// An older version that a pin may see.
const VERSION_WORDS = 4;
const OLD_VALUE = 0;
const OLD_LENGTH = 1;
const OLD_EPOCH = 2;
const OLD_OLDER = 3;

const DELETED = 0xffff_ffff;
/** What an entry costs besides its key and value: its words, its place in the order and its slots, both 2/3 full. */
const ENTRY_OVERHEAD_BYTES = 4 * ENTRY_WORDS + 18 + 12;

/** Sees every version: the reader of the present. */
export const NOW = 0xffff_ffff;

/**
 * The newest writes of one replica: a hash table for points and sorted blocks for ranges over the same entries, all in typed
 * arrays, so that the collector sees few objects.
 *
 * A pinned epoch goes on seeing what the table held when it was pinned: a write keeps the old version when a pin may still
 * need it, and otherwise replaces it in place.
 */
export class Memtable {
  readonly #seed: number;
  readonly #arena: Arena;
  readonly #order = new KeyOrder((entry, key) => this.compare(entry, key));
  // All begin small and double: a node has thousands of tables in which nothing is.
  #entries = new Uint32Array(8 * ENTRY_WORDS);
  #entryCount = 1;
  #versions = new Uint32Array(2 * VERSION_WORDS);
  #versionCount = 1;
  /** Pairs: hash, entry. */
  #slots = new Uint32Array(2 * 16);
  #epoch = 1;
  #pins: number[] = [];
  #newestPin = 0;
  #usedBytes = 0;
  /** Whoever still reads it, its owner included. */
  #users = 1;

  /** `seed`: of the hash, so that clients cannot choose keys that collide. The pool gets the memory back in the end. */
  constructor(seed = 0, pool?: ChunkPool) {
    this.#seed = seed;
    this.#arena = new Arena(pool);
  }

  /** One more reads it, until `release`. */
  retain(): void {
    if (this.#users === 0) throw new Error('the memtable is gone');
    this.#users++;
  }

  /** After the last one nothing may be read any more. */
  release(): void {
    if (this.#users === 0) throw new Error('the memtable is gone');
    if (--this.#users === 0) this.#arena.release();
  }

  /** Number of keys, deleted ones included. */
  get size(): number {
    return this.#entryCount - 1;
  }

  /** What the content takes in memory. Values that were replaced by longer ones count until the table goes. */
  get bytes(): number {
    return this.#usedBytes;
  }

  /** For the cursor. */
  get order(): KeyOrder {
    return this.#order;
  }

  /** Keeps what the table holds now readable as of the returned epoch, until `unpin`. */
  pin(): number {
    const epoch = this.#epoch++;
    this.#pins.push(epoch);
    this.#newestPin = epoch;
    return epoch;
  }

  unpin(epoch: number): void {
    const at = this.#pins.indexOf(epoch);
    if (at < 0) throw new Error(`epoch ${epoch} is not pinned`);
    this.#pins.splice(at, 1);
    this.#newestPin = this.#pins.at(-1) ?? 0;
  }

  /** `undefined` deletes: the key is remembered as deleted. The bytes are copied. */
  put(key: Uint8Array, value: Uint8Array | undefined): void {
    const hash = hash32(key, this.#seed);
    const slot = this.#slot(key, hash);
    const entry = this.#slots[slot + 1] as number;
    if (entry === 0) {
      this.#insert(key, value, hash, slot);
      return;
    }
    const at = entry * ENTRY_WORDS;
    if ((this.#entries[at + EPOCH] as number) <= this.#newestPin) this.#keepVersion(at);
    this.#setValue(at, value);
  }

  /** The caller's copy of the value; null when the key is deleted; undefined when the table does not know it. */
  get(key: Uint8Array, epoch = NOW): Uint8Array | null | undefined {
    const entry = this.#slots[this.#slot(key, hash32(key, this.#seed)) + 1] as number;
    return entry === 0 ? undefined : this.valueOf(entry, epoch);
  }

  /** Walks keys in [from, to), no bound when undefined, in either direction. Writes meanwhile do no harm. */
  cursor(
    from: Uint8Array | undefined,
    to: Uint8Array | undefined,
    reverse: boolean,
    epoch = NOW,
  ): MemtableCursor {
    const order = this.#order;
    const start = reverse
      ? order.previous(to ? order.seek(to) : NOWHERE)
      : from
        ? order.seek(from)
        : order.first();
    return new MemtableCursor(this, start, reverse ? from : to, reverse, epoch);
  }

  /**
   * Everything in key order, each key behind `prefix`. It is one object and one key buffer all the time, and the values are
   * views; the table must not change meanwhile.
   */
  *writes(prefix: Uint8Array): Generator<Write> {
    const order = this.#order;
    const write: { key: Uint8Array; value: Uint8Array | undefined } = {
      key: prefix,
      value: prefix,
    };
    for (let place = order.first(); place !== NOWHERE; place = order.next(place)) {
      const at = order.entryAt(place) * ENTRY_WORDS;
      const length = this.#entries[at + KEY_LENGTH] as number;
      if (write.key.length !== prefix.length + length) {
        write.key = new Uint8Array(prefix.length + length);
        write.key.set(prefix);
      }
      this.#arena.copyTo(this.#entries[at + KEY] as number, length, write.key, prefix.length);
      const valueLength = this.#entries[at + VALUE_LENGTH] as number;
      write.value =
        valueLength === DELETED
          ? undefined
          : this.#arena.view(this.#entries[at + VALUE] as number, valueLength);
      yield write;
    }
  }

  /** For the cursor: a copy. */
  keyOf(entry: number): Uint8Array {
    const at = entry * ENTRY_WORDS;
    const length = this.#entries[at + KEY_LENGTH] as number;
    return this.#arena.copy(this.#entries[at + KEY] as number, length);
  }

  /** For the cursor: as `get`. */
  valueOf(entry: number, epoch: number): Uint8Array | null | undefined {
    const at = entry * ENTRY_WORDS;
    let address = this.#entries[at + VALUE] as number;
    let length = this.#entries[at + VALUE_LENGTH] as number;
    let written = this.#entries[at + EPOCH] as number;
    let older = this.#entries[at + OLDER] as number;
    while (written > epoch) {
      if (older === 0) return undefined;
      const version = older * VERSION_WORDS;
      address = this.#versions[version + OLD_VALUE] as number;
      length = this.#versions[version + OLD_LENGTH] as number;
      written = this.#versions[version + OLD_EPOCH] as number;
      older = this.#versions[version + OLD_OLDER] as number;
    }
    return length === DELETED ? null : this.#arena.copy(address, length);
  }

  /** Order of the entry's key and `key`, as compareBytes. */
  compare(entry: number, key: Uint8Array): number {
    const at = entry * ENTRY_WORDS;
    const length = this.#entries[at + KEY_LENGTH] as number;
    return this.#arena.compare(this.#entries[at + KEY] as number, length, key);
  }

  /** Where the key is in `#slots`, or the empty slot where it belongs. Linear probing. */
  #slot(key: Uint8Array, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 2;
    let slot = (2 * hash) & mask;
    for (let entry = slots[slot + 1] as number; entry !== 0; entry = slots[slot + 1] as number) {
      if (slots[slot] === hash && this.compare(entry, key) === 0) return slot;
      slot = (slot + 2) & mask;
    }
    return slot;
  }

  #insert(key: Uint8Array, value: Uint8Array | undefined, hash: number, slot: number): void {
    const entry = this.#entryCount++;
    const at = entry * ENTRY_WORDS;
    if (at === this.#entries.length) this.#entries = doubled(this.#entries);
    const entries = this.#entries;
    // The value lies behind its key, so that a read that has compared the key finds it near.
    const capacity = value?.length ?? 0;
    const address = this.#arena.allocate(key.length + capacity);
    this.#arena.set(address, key);
    entries[at + HASH] = hash;
    entries[at + KEY] = address;
    entries[at + KEY_LENGTH] = key.length;
    entries[at + VALUE] = address + key.length;
    entries[at + CAPACITY] = capacity;
    this.#setValue(at, value);
    this.#order.insert(key, entry);
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = entry;
    this.#usedBytes += key.length + capacity + ENTRY_OVERHEAD_BYTES;
    // Half of the slots stay empty: a quarter of the words.
    if (4 * this.#entryCount > this.#slots.length) this.#rehash();
  }

  /** Makes the entry's version the older one of the next. */
  #keepVersion(at: number): void {
    const version = this.#versionCount++ * VERSION_WORDS;
    if (version === this.#versions.length) this.#versions = doubled(this.#versions);
    this.#versions[version + OLD_VALUE] = this.#entries[at + VALUE] as number;
    this.#versions[version + OLD_LENGTH] = this.#entries[at + VALUE_LENGTH] as number;
    this.#versions[version + OLD_EPOCH] = this.#entries[at + EPOCH] as number;
    this.#versions[version + OLD_OLDER] = this.#entries[at + OLDER] as number;
    this.#entries[at + OLDER] = version / VERSION_WORDS;
    this.#entries[at + CAPACITY] = 0;
    this.#usedBytes += 4 * VERSION_WORDS;
  }

  #setValue(at: number, value: Uint8Array | undefined): void {
    const entries = this.#entries;
    entries[at + EPOCH] = this.#epoch;
    entries[at + VALUE_LENGTH] = value?.length ?? DELETED;
    if (value === undefined || value.length === 0) return;
    if (value.length > (entries[at + CAPACITY] as number)) {
      entries[at + VALUE] = this.#arena.allocate(value.length);
      entries[at + CAPACITY] = value.length;
      this.#usedBytes += value.length;
    }
    this.#arena.set(entries[at + VALUE] as number, value);
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 2;
    for (let entry = 1; entry < this.#entryCount; entry++) {
      const hash = this.#entries[entry * ENTRY_WORDS + HASH] as number;
      let slot = (2 * hash) & mask;
      while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
      slots[slot] = hash;
      slots[slot + 1] = entry;
    }
    this.#slots = slots;
  }
}

/** One direction, one entry at a time. `key` is undefined at the end. */
export class MemtableCursor {
  readonly #table: Memtable;
  readonly #bound: Uint8Array | undefined;
  readonly #reverse: boolean;
  readonly #epoch: number;
  #place: number;
  /** Of the order that `#place` is of. */
  #version: number;
  key: Uint8Array | undefined;
  /** Null when the key is deleted. */
  value: Uint8Array | null = null;

  constructor(
    table: Memtable,
    start: number,
    bound: Uint8Array | undefined,
    reverse: boolean,
    epoch: number,
  ) {
    this.#table = table;
    this.#bound = bound;
    this.#reverse = reverse;
    this.#epoch = epoch;
    this.#place = start;
    this.#version = table.order.version;
    this.#load();
  }

  advance(): void {
    if (!this.key) return;
    if (this.#version !== this.#table.order.version) {
      this.#place = this.#table.order.seek(this.key);
      this.#version = this.#table.order.version;
    }
    this.#step();
    this.#load();
  }

  close(): void {
    this.#place = NOWHERE;
    this.key = undefined;
  }

  #step(): void {
    const { order } = this.#table;
    this.#place = this.#reverse ? order.previous(this.#place) : order.next(this.#place);
  }

  /** Skips what was written after the epoch. */
  #load(): void {
    for (; this.#place !== NOWHERE; this.#step()) {
      const entry = this.#table.order.entryAt(this.#place);
      if (this.#bound) {
        const order = this.#table.compare(entry, this.#bound);
        if (this.#reverse ? order < 0 : order >= 0) break;
      }
      const value = this.#table.valueOf(entry, this.#epoch);
      if (value === undefined) continue;
      this.key = this.#table.keyOf(entry);
      this.value = value;
      return;
    }
    this.close();
  }
}
