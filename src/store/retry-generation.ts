import { ByteReader, MalformedError } from '../bytes/index.ts';
import { RETRY_TOKEN_BYTES, type RetryToken } from './command.ts';
import type { AnswerPlace } from './sessions.ts';

/** A block takes entries up to this size; an entry that is larger has a block of its own. At most the 2^16 of a position. */
const BLOCK_BYTES = 64 * 1024;
const BLOCK_BYTES_MIN = 4 * 1024;
const BLOCKS_MAX = 0x1_0000;

const SLOTS_MIN = 64;
/** Token and hash. */
const ENTRY_BYTES_MIN = RETRY_TOKEN_BYTES + 8;

/** What an entry costs besides its bytes: its two words in the index, which is up to two thirds full. */
const ENTRY_OVERHEAD_BYTES = 12;

export interface RetryEntry extends AnswerPlace {
  readonly token: RetryToken;
  readonly outcome: Uint8Array;
}

/** Outcomes up to this size are copied by a loop, which beats making a view for `set`. */
const SHORT = 32;

/**
 * The answers of some seconds by retry token: bytes in blocks, and a hash table of positions in them, so that a million is a
 * few hundred objects for the collector.
 *
 *     an entry:  token, 16 bytes · hash of the partition key, u64 · table id, varint · length, varint · outcome
 *
 * Entries are only added, and the bounds of the blocks follow from the entries alone: every replica has the same blocks.
 */
export class RetryGeneration {
  readonly number: number;
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** Of the last block; those before it are as long as their content. */
  #lastLength = 0;
  #bytes = 0;
  #count = 0;
  /** Pairs: the token's first four bytes, and where the entry is plus one, 0 when the slot is empty. Linear probing. */
  #slots: Uint32Array<ArrayBuffer>;

  /** `expected`: number of entries for which the table has room from the start. */
  constructor(number: number, expected = 0) {
    this.number = number;
    let slots = SLOTS_MIN;
    while (2 * slots < 3 * expected) slots *= 2;
    this.#slots = new Uint32Array(2 * slots);
  }

  get count(): number {
    return this.#count;
  }

  /** What is counted for it in memory: follows from the entries alone. */
  get bytes(): number {
    return this.#bytes;
  }

  get blockCount(): number {
    return this.#blocks.length;
  }

  /** A view. */
  block(i: number): Uint8Array {
    const block = this.#blocks[i];
    if (!block) throw new Error(`block ${i} of ${this.#blocks.length}`);
    return i === this.#blocks.length - 1 ? block.subarray(0, this.#lastLength) : block;
  }

  /** A copy of the outcome. `tag` and `hash`: the first two words of the token, so that they are read once for all. */
  find(token: RetryToken, tag: number, hash: number): Uint8Array | undefined {
    const position = this.#slots[this.#slot(token, 0, tag, hash) + 1] as number;
    return position === 0 ? undefined : this.#entryAt(position - 1).outcome.slice();
  }

  /** The token must be new. */
  add({ token, table, hash, outcome }: RetryEntry): void {
    const length =
      ENTRY_BYTES_MIN + varintBytes(table) + varintBytes(outcome.length) + outcome.length;
    if (this.#blocks.length === 0 || this.#lastLength + length > BLOCK_BYTES) {
      this.#closeLast();
      if (this.#blocks.length === BLOCKS_MAX) throw new Error('a generation of retries is full');
      this.#blocks.push(new Uint8Array(Math.max(BLOCK_BYTES_MIN, length)));
      this.#lastLength = 0;
    }
    const block = this.#roomInLast(length);
    const start = this.#lastLength;
    let at = start;
    for (let i = 0; i < RETRY_TOKEN_BYTES; i++) block[at++] = token[i] as number;
    at = putU32(block, at, hash.high);
    at = putU32(block, at, hash.low);
    at = putVarint(block, at, table);
    at = putVarint(block, at, outcome.length);
    if (outcome.length > SHORT) block.set(outcome, at);
    else for (let i = 0; i < outcome.length; i++) block[at + i] = outcome[i] as number;
    this.#index(this.#blocks.length - 1, start);
    this.#lastLength += length;
    this.#bytes += length + ENTRY_OVERHEAD_BYTES;
  }

  /** The next block, as another generation's `block` gave it. Throws MalformedError. */
  load(bytes: Uint8Array): void {
    this.#closeLast();
    const block = bytes.slice();
    this.#blocks.push(block);
    this.#lastLength = block.length;
    for (let start = 0; start < block.length; ) {
      // Table and length are varints: of each the last byte has no high bit.
      let at = start + ENTRY_BYTES_MIN;
      while ((block[at] as number) >= 0x80) at++;
      at++;
      let length = 0;
      let scale = 1;
      for (; (block[at] as number) >= 0x80; scale *= 0x80)
        length += ((block[at++] as number) & 0x7f) * scale;
      length += (block[at++] as number) * scale;
      const end = at + length;
      if (!(end <= block.length))
        throw new MalformedError(`an entry at ${start} of ${block.length}`);
      this.#index(this.#blocks.length - 1, start);
      this.#bytes += end - start + ENTRY_OVERHEAD_BYTES;
      start = end;
    }
  }

  /** In the order in which they were added; the bytes are views. */
  *entries(): Generator<RetryEntry> {
    for (let i = 0; i < this.#blocks.length; i++) {
      const reader = new ByteReader(this.block(i));
      while (reader.remaining > 0) yield readEntry(reader);
    }
  }

  /** A block takes only what it holds, once nothing more comes to it. */
  #closeLast(): void {
    const last = this.#blocks.at(-1);
    if (!last || last.length === this.#lastLength) return;
    // A block that is nearly full is not copied for its rest, which would cost more than it gives.
    this.#blocks[this.#blocks.length - 1] =
      last.length - this.#lastLength < BLOCK_BYTES_MIN
        ? last.subarray(0, this.#lastLength)
        : last.slice(0, this.#lastLength);
  }

  #roomInLast(length: number): Uint8Array {
    const at = this.#blocks.length - 1;
    const block = this.#blocks[at] as Uint8Array<ArrayBuffer>;
    const needed = this.#lastLength + length;
    if (needed <= block.length) return block;
    let room = Math.max(BLOCK_BYTES_MIN, block.length);
    while (room < needed) room *= 2;
    const grown = new Uint8Array(Math.min(room, BLOCK_BYTES));
    grown.set(block.subarray(0, this.#lastLength));
    this.#blocks[at] = grown;
    return grown;
  }

  #entryAt(position: number): RetryEntry {
    const block = this.block(position >>> 16);
    return readEntry(new ByteReader(block, position & 0xffff));
  }

  /** Of the entry that is there. */
  #index(block: number, offset: number): void {
    const bytes = this.#blocks[block] as Uint8Array;
    const tag = wordOf(bytes, offset);
    const slot = this.#slot(bytes, offset, tag, wordOf(bytes, offset + 4));
    if (this.#slots[slot + 1] !== 0) throw new Error('a retry token is remembered twice');
    this.#slots[slot] = tag;
    this.#slots[slot + 1] = block * 0x1_0000 + offset + 1;
    this.#count++;
    if (3 * this.#count > this.#slots.length) this.#rehash();
  }

  /** The slot of the token that is in `bytes` at `at`, or the empty one where it belongs. */
  #slot(bytes: Uint8Array, at: number, tag: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 2;
    let slot = (2 * hash) & mask;
    for (let position = slots[slot + 1] as number; position !== 0; ) {
      if (slots[slot] === tag && this.#isAt(position - 1, bytes, at)) return slot;
      slot = (slot + 2) & mask;
      position = slots[slot + 1] as number;
    }
    return slot;
  }

  #isAt(position: number, bytes: Uint8Array, at: number): boolean {
    const block = this.#blocks[position >>> 16] as Uint8Array;
    const offset = position & 0xffff;
    for (let i = 4; i < RETRY_TOKEN_BYTES; i++) {
      if (block[offset + i] !== bytes[at + i]) return false;
    }
    return true;
  }

  #rehash(): void {
    const old = this.#slots;
    const slots = new Uint32Array(2 * old.length);
    const mask = slots.length - 2;
    for (let i = 0; i < old.length; i += 2) {
      const position = old[i + 1] as number;
      if (position === 0) continue;
      const block = this.#blocks[(position - 1) >>> 16] as Uint8Array;
      let slot = (2 * wordOf(block, ((position - 1) & 0xffff) + 4)) & mask;
      while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
      slots[slot] = old[i] as number;
      slots[slot + 1] = position;
    }
    this.#slots = slots;
  }
}

function readEntry(reader: ByteReader): RetryEntry {
  const token = reader.raw(RETRY_TOKEN_BYTES);
  const hash = { high: reader.u32(), low: reader.u32() };
  return { token, hash, table: reader.varint(), outcome: reader.bytes() };
}

// By hand: making a DataView costs more than the rest of an entry.

function putU32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}

/** As ByteWriter's. */
function putVarint(target: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[at++] = (rest % 0x80) | 0x80;
  target[at++] = rest;
  return at;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Unsigned. */
export function wordOf(bytes: Uint8Array, at: number): number {
  const value =
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number);
  return value >>> 0;
}
