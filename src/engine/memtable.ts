import { hash32 } from '../bytes/index.ts';
import { Arena, doubled } from './arena.ts';
import type { Write } from './engine.ts';

// An entry, one per key: its hash, where its key is, its newest version, its predecessor in key order and where its links
// to successors start. Entry 0 is the head of the list.
const ENTRY_WORDS = 6;
const HASH = 0;
const KEY = 1;
const KEY_LENGTH = 2;
const NEWEST = 3;
const PREVIOUS = 4;
const LINKS = 5;

// A version: where its value is, the value's length and the room it has, the epoch in which it was written, the version
// before it. Version 0 means none.
const VERSION_WORDS = 5;
const VALUE = 0;
const VALUE_LENGTH = 1;
const CAPACITY = 2;
const EPOCH = 3;
const OLDER = 4;

const DELETED = 0xffff_ffff;
/** Twelve levels of a quarter each are enough for 16 M entries. */
const HEIGHT_MAX = 12;
/** What an entry costs besides its key and value: its words, its links (1.33 on average) and its slots at half load. */
const ENTRY_OVERHEAD_BYTES = 4 * (ENTRY_WORDS + VERSION_WORDS + 1.33 + 2);

/** Sees every version: the reader of the present. */
export const NOW = 0xffff_ffff;

/**
 * The newest writes of one replica: a hash table for points and a skip list (Pugh, 1990) for ranges over the same entries,
 * both in typed arrays, so that the collector sees a handful of objects.
 *
 * A pinned epoch goes on seeing what the table held when it was pinned: a write makes a new version when a pin may still
 * need the old one, and otherwise replaces it in place.
 */
export class Memtable {
  readonly #seed: number;
  readonly #keys = new Arena();
  readonly #values = new Arena();
  #entries = new Uint32Array(64 * ENTRY_WORDS);
  #entryCount = 1;
  #versions = new Uint32Array(64 * VERSION_WORDS);
  #versionCount = 1;
  #links = new Uint32Array(256);
  #linkCount = HEIGHT_MAX;
  #slots = new Uint32Array(128);
  /** The entry before the place of a key, by level. */
  readonly #path = new Uint32Array(HEIGHT_MAX);
  #height = 1;
  #last = 0;
  #epoch = 1;
  #pins: number[] = [];
  #newestPin = 0;
  #usedBytes = 0;

  /** `seed`: of the hash, so that clients cannot choose keys that collide. */
  constructor(seed = 0) {
    this.#seed = seed;
  }

  /** Number of keys, deleted ones included. */
  get size(): number {
    return this.#entryCount - 1;
  }

  /** What the content takes in memory. Values that were replaced by longer ones count until the table goes. */
  get bytes(): number {
    return this.#usedBytes;
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
    const entry = this.#slots[slot] as number;
    if (entry === 0) {
      this.#insert(key, hash, slot, this.#addVersion(value, 0));
      return;
    }
    const at = entry * ENTRY_WORDS + NEWEST;
    const version = this.#entries[at] as number;
    if ((this.#versions[version * VERSION_WORDS + EPOCH] as number) > this.#newestPin) {
      this.#replace(version, value);
    } else {
      this.#entries[at] = this.#addVersion(value, version);
    }
  }

  /** The caller's copy of the value; null when the key is deleted; undefined when the table does not know it. */
  get(key: Uint8Array, epoch = NOW): Uint8Array | null | undefined {
    const entry = this.#slots[this.#slot(key, hash32(key, this.#seed))] as number;
    return entry === 0 ? undefined : this.#valueOf(entry, epoch);
  }

  /** Walks keys in [from, to), no bound when undefined, in either direction. Writes meanwhile do no harm. */
  cursor(
    from: Uint8Array | undefined,
    to: Uint8Array | undefined,
    reverse: boolean,
    epoch = NOW,
  ): MemtableCursor {
    const seek = (bound: Uint8Array) => this.#seek(bound);
    const start = reverse ? (to ? seek(to) : this.#last) : this.#next(from ? seek(from) : 0, 0);
    return new MemtableCursor(this, start, reverse ? from : to, reverse, epoch);
  }

  /** Everything in key order, each key behind `prefix`. The values are views; the table must not change meanwhile. */
  *writes(prefix: Uint8Array): Generator<Write> {
    for (let entry = this.#next(0, 0); entry !== 0; entry = this.#next(entry, 0)) {
      const at = entry * ENTRY_WORDS;
      const length = this.#entries[at + KEY_LENGTH] as number;
      const key = new Uint8Array(prefix.length + length);
      key.set(prefix);
      key.set(this.#keys.view(this.#entries[at + KEY] as number, length), prefix.length);
      const version = (this.#entries[at + NEWEST] as number) * VERSION_WORDS;
      const valueLength = this.#versions[version + VALUE_LENGTH] as number;
      const value =
        valueLength === DELETED
          ? undefined
          : this.#values.view(this.#versions[version + VALUE] as number, valueLength);
      yield { key, value };
    }
  }

  /** For the cursor: the entry after or before, 0 at the end. */
  step(entry: number, reverse: boolean): number {
    return reverse
      ? (this.#entries[entry * ENTRY_WORDS + PREVIOUS] as number)
      : this.#next(entry, 0);
  }

  /** For the cursor: a copy. */
  keyOf(entry: number): Uint8Array {
    const at = entry * ENTRY_WORDS;
    return this.#keys.copy(
      this.#entries[at + KEY] as number,
      this.#entries[at + KEY_LENGTH] as number,
    );
  }

  /** For the cursor: as `get`. */
  valueOf(entry: number, epoch: number): Uint8Array | null | undefined {
    return this.#valueOf(entry, epoch);
  }

  /** For the cursor: order of the entry's key and `key`. */
  compare(entry: number, key: Uint8Array): number {
    const at = entry * ENTRY_WORDS;
    return this.#keys.compare(
      this.#entries[at + KEY] as number,
      this.#entries[at + KEY_LENGTH] as number,
      key,
    );
  }

  #valueOf(entry: number, epoch: number): Uint8Array | null | undefined {
    let version = (this.#entries[entry * ENTRY_WORDS + NEWEST] as number) * VERSION_WORDS;
    while ((this.#versions[version + EPOCH] as number) > epoch) {
      version = (this.#versions[version + OLDER] as number) * VERSION_WORDS;
    }
    if (version === 0) return undefined;
    const length = this.#versions[version + VALUE_LENGTH] as number;
    if (length === DELETED) return null;
    return this.#values.copy(this.#versions[version + VALUE] as number, length);
  }

  /** Where the key is, or the empty slot where it belongs. Linear probing. */
  #slot(key: Uint8Array, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.#slots[slot] as number; entry !== 0; ) {
      const sameHash = this.#entries[entry * ENTRY_WORDS + HASH] === hash;
      if (sameHash && this.compare(entry, key) === 0) return slot;
      slot = (slot + 1) & mask;
      entry = this.#slots[slot] as number;
    }
    return slot;
  }

  #insert(key: Uint8Array, hash: number, slot: number, version: number): void {
    this.#seek(key);
    const entry = this.#entryCount++;
    const at = entry * ENTRY_WORDS;
    if (at + ENTRY_WORDS > this.#entries.length) this.#entries = doubled(this.#entries);
    const address = this.#keys.allocate(key.length);
    if (key.length > 0) this.#keys.set(address, key);
    const entries = this.#entries;
    entries[at + HASH] = hash;
    entries[at + KEY] = address;
    entries[at + KEY_LENGTH] = key.length;
    entries[at + NEWEST] = version;
    this.#slots[slot] = entry;
    this.#link(entry, heightFor(hash));
    this.#usedBytes += key.length + ENTRY_OVERHEAD_BYTES;
    if (2 * this.#entryCount > this.#slots.length) this.#rehash();
  }

  /** Puts the entry behind `#path`, which leads to its place. */
  #link(entry: number, height: number): void {
    const links = this.#linkCount;
    this.#linkCount += height;
    if (this.#linkCount > this.#links.length) this.#links = doubled(this.#links);
    this.#entries[entry * ENTRY_WORDS + LINKS] = links;
    if (height > this.#height) {
      this.#path.fill(0, this.#height, height);
      this.#height = height;
    }
    const before = this.#path[0] as number;
    const after = this.#next(before, 0);
    this.#entries[entry * ENTRY_WORDS + PREVIOUS] = before;
    if (after === 0) this.#last = entry;
    else this.#entries[after * ENTRY_WORDS + PREVIOUS] = entry;
    for (let level = 0; level < height; level++) {
      const link =
        (this.#entries[(this.#path[level] as number) * ENTRY_WORDS + LINKS] as number) + level;
      this.#links[links + level] = this.#links[link] as number;
      this.#links[link] = entry;
    }
  }

  /** The last entry below `key`, 0 when there is none; leaves the way in `#path`. */
  #seek(key: Uint8Array): number {
    let entry = 0;
    let compared = 0;
    for (let level = this.#height - 1; level >= 0; level--) {
      for (let next = this.#next(entry, level); next !== 0; next = this.#next(entry, level)) {
        // The next one is often the one that a higher level stopped at.
        if (next === compared || this.compare(next, key) >= 0) {
          compared = next;
          break;
        }
        entry = next;
      }
      this.#path[level] = entry;
    }
    return entry;
  }

  #next(entry: number, level: number): number {
    return this.#links[(this.#entries[entry * ENTRY_WORDS + LINKS] as number) + level] as number;
  }

  #addVersion(value: Uint8Array | undefined, older: number): number {
    const version = this.#versionCount++;
    const at = version * VERSION_WORDS;
    if (at + VERSION_WORDS > this.#versions.length) this.#versions = doubled(this.#versions);
    this.#versions[at + EPOCH] = this.#epoch;
    this.#versions[at + OLDER] = older;
    this.#replace(version, value);
    if (older !== 0) this.#usedBytes += 4 * VERSION_WORDS;
    return version;
  }

  #replace(version: number, value: Uint8Array | undefined): void {
    const at = version * VERSION_WORDS;
    if (value === undefined) {
      this.#versions[at + VALUE_LENGTH] = DELETED;
      return;
    }
    if (value.length > (this.#versions[at + CAPACITY] as number)) {
      this.#versions[at + VALUE] = this.#values.allocate(value.length);
      this.#versions[at + CAPACITY] = value.length;
      this.#usedBytes += value.length;
    }
    this.#versions[at + VALUE_LENGTH] = value.length;
    if (value.length > 0) this.#values.set(this.#versions[at + VALUE] as number, value);
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let entry = 1; entry < this.#entryCount; entry++) {
      let slot = (this.#entries[entry * ENTRY_WORDS + HASH] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry;
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
  #entry: number;
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
    this.#entry = start;
    this.#load();
  }

  advance(): void {
    this.#entry = this.#table.step(this.#entry, this.#reverse);
    this.#load();
  }

  close(): void {
    this.#entry = 0;
    this.key = undefined;
  }

  /** Skips what was written after the epoch. */
  #load(): void {
    for (; this.#entry !== 0; this.#entry = this.#table.step(this.#entry, this.#reverse)) {
      if (this.#bound) {
        const order = this.#table.compare(this.#entry, this.#bound);
        if (this.#reverse ? order < 0 : order >= 0) break;
      }
      const value = this.#table.valueOf(this.#entry, this.#epoch);
      if (value === undefined) continue;
      this.key = this.#table.keyOf(this.#entry);
      this.value = value;
      return;
    }
    this.close();
  }
}

/** One level with probability 3/4, two with 3/16, ...: from bits of the hash that the slots use last. */
function heightFor(hash: number): number {
  let height = 1;
  for (let bits = hash >>> 8; height < HEIGHT_MAX && (bits & 3) === 0; bits >>>= 2) height++;
  return height;
}
