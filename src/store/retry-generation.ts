import { ByteReader, MalformedError, readU32 } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import type { StoragePlace } from '../item/index.ts';
import { BlockStream } from './block-stream.ts';
import { retryBlockKey, retryOutcomeKey } from './keys.ts';
import { RETRY_TOKEN_BYTES, type RetryToken } from './retry-token.ts';

const SLOTS_MIN = 64;
/** What an entry costs in memory: two words of an index which is a third to two thirds full. */
const ENTRY_MEMORY_BYTES = 16;

/** Token and hash. */
const ENTRY_BYTES_MIN = RETRY_TOKEN_BYTES + 8;
/** Longer outcomes are not among the tokens, all of which a restart reads. */
const INLINE_MAX = 32;

/** The place is that of the item: see sessions.ts. */
export interface RetryEntry extends StoragePlace {
  readonly token: RetryToken;
  readonly outcome: Uint8Array;
}

/** Where the two rows of blocks end: in the state's record of a generation. */
export interface GenerationEnds {
  readonly number: number;
  /** Of entries. */
  readonly count: number;
  readonly tokensClosed: number;
  readonly tokensOpen: number;
  readonly outcomesClosed: number;
  readonly outcomesOpen: number;
}

/**
 * The answers of some seconds by retry token. Memory has a hash table of their places, and the state has them:
 *
 *     an entry:  token, 16 bytes · hash of the partition key, u64 · table id, varint · length of the outcome, varint
 *                · the outcome up to 32 bytes, or its place among the outcomes, u32
 *
 * Entries are only added, so that every replica has the same blocks.
 */
export class RetryGeneration {
  readonly number: number;
  readonly #tokens: BlockStream;
  readonly #outcomes: BlockStream;
  #count = 0;
  /** Pairs: the token's first four bytes, and the entry's place plus one, 0 when the slot is empty. Linear probing. */
  #slots: Uint32Array<ArrayBuffer>;

  /** `blockBytes`: see block-stream.ts. `expected`: number of entries for which the table has room from the start. */
  constructor(number: number, blockBytes: number, expected = 0) {
    this.number = number;
    this.#tokens = new BlockStream((block) => retryBlockKey(number, block), blockBytes);
    this.#outcomes = new BlockStream((block) => retryOutcomeKey(number, block), blockBytes);
    let slots = SLOTS_MIN;
    while (2 * slots < 3 * expected) slots *= 2;
    this.#slots = new Uint32Array(2 * slots);
  }

  /** Throws MalformedError when the state does not have what it should. */
  static restore(ends: GenerationEnds, blockBytes: number, state: Reader): RetryGeneration {
    const generation = new RetryGeneration(ends.number, blockBytes, ends.count);
    const tokens = generation.#tokens;
    const outcomes = generation.#outcomes;
    for (let i = 0; i <= ends.tokensClosed; i++) {
      const block = read(state, tokens.keyOf(i));
      generation.#indexBlock(i, block);
      if (i < ends.tokensClosed) continue;
      if (block.length !== ends.tokensOpen) throw notWhole(tokens.keyOf(i), block.length);
      tokens.restore(i, block);
    }
    if (ends.outcomesOpen > 0) {
      const block = read(state, outcomes.keyOf(ends.outcomesClosed));
      if (block.length !== ends.outcomesOpen) {
        throw notWhole(outcomes.keyOf(ends.outcomesClosed), block.length);
      }
      outcomes.restore(ends.outcomesClosed, block);
    }
    if (generation.#count !== ends.count) {
      throw new MalformedError(`${generation.#count} of ${ends.count} retries of ${ends.number}`);
    }
    return generation;
  }

  get count(): number {
    return this.#count;
  }

  /** What is counted for it in memory: follows from the entries alone. */
  get bytes(): number {
    const { openLength } = this.#tokens;
    return ENTRY_MEMORY_BYTES * this.#count + openLength + this.#outcomes.openLength;
  }

  get ends(): GenerationEnds {
    return {
      number: this.number,
      count: this.#count,
      tokensClosed: this.#tokens.closed,
      tokensOpen: this.#tokens.openLength,
      outcomesClosed: this.#outcomes.closed,
      outcomesOpen: this.#outcomes.openLength,
    };
  }

  /** The outcome; a copy. `tag`: the token's first four bytes. */
  find(token: RetryToken, tag: number, state: Reader): Uint8Array | undefined {
    const slots = this.#slots;
    const mask = slots.length - 2;
    let slot = (2 * tag) & mask;
    for (;;) {
      const position = slots[slot + 1] as number;
      if (position === 0) return undefined;
      if (slots[slot] === tag) {
        // Nearly always it is the one: a block of the state is read for a repeated request only.
        const block = this.#blockOf(this.#tokens, (position - 1) >>> 16, state);
        const at = (position - 1) & 0xffff;
        if (isAt(block, at, token))
          return this.#outcomeOf(new ByteReader(block, at), state).slice();
      }
      slot = (slot + 2) & mask;
    }
  }

  /** The token must be new. Blocks that are full now go into `writes`. */
  add({ token, table, hash, outcome }: RetryEntry, writes: Write[]): void {
    const { length } = outcome;
    let place = 0;
    if (length > INLINE_MAX) {
      place = this.#outcomes.reserve(length, writes);
      this.#outcomes.buffer.set(outcome, this.#outcomes.openLength);
      this.#outcomes.advance(length);
    }
    const tail = length > INLINE_MAX ? 4 : length;
    const bytes = ENTRY_BYTES_MIN + varintBytes(table) + varintBytes(length) + tail;
    const position = this.#tokens.reserve(bytes, writes);
    const { buffer } = this.#tokens;
    let at = position & 0xffff;
    for (let i = 0; i < RETRY_TOKEN_BYTES; i++) buffer[at++] = token[i] as number;
    at = putU32(buffer, at, hash.high);
    at = putU32(buffer, at, hash.low);
    at = putVarint(buffer, at, table);
    at = putVarint(buffer, at, length);
    if (length > INLINE_MAX) putU32(buffer, at, place);
    else for (let i = 0; i < length; i++) buffer[at + i] = outcome[i] as number;
    this.#tokens.advance(bytes);
    this.#index(readU32(token, 0), position);
  }

  /** The blocks that are not full, unless the state has them already as `kept` says. The values are views. */
  openBlocks(kept: GenerationEnds | undefined, writes: Write[]): void {
    const { tokensClosed, tokensOpen, outcomesClosed, outcomesOpen } = this.ends;
    if (kept?.tokensClosed !== tokensClosed || kept.tokensOpen !== tokensOpen) {
      writes.push({ key: this.#tokens.keyOf(tokensClosed), value: this.#tokens.open });
    }
    if (outcomesOpen === 0) return;
    if (kept?.outcomesClosed !== outcomesClosed || kept.outcomesOpen !== outcomesOpen) {
      writes.push({ key: this.#outcomes.keyOf(outcomesClosed), value: this.#outcomes.open });
    }
  }

  /** Deletes all blocks, those that may be in the state included. */
  deleteBlocks(writes: Write[]): void {
    for (const stream of [this.#tokens, this.#outcomes]) {
      for (let i = 0; i <= stream.closed; i++) {
        writes.push({ key: stream.keyOf(i), value: undefined });
      }
    }
  }

  /**
   * In the order in which they were added, from a position on: 0, or the `end` of the entry before. Positions are the same on every
   * replica. The bytes are views.
   */
  *entries(
    state: Reader,
    from = 0,
  ): Generator<{ readonly entry: RetryEntry; readonly end: number }> {
    for (let i = from >>> 16; i <= this.#tokens.closed; i++) {
      const block = this.#blockOf(this.#tokens, i, state);
      const reader = new ByteReader(block, i === from >>> 16 ? from & 0xffff : 0);
      while (reader.remaining > 0) {
        const start = reader.position;
        const token = reader.raw(RETRY_TOKEN_BYTES);
        const hash = { high: reader.u32(), low: reader.u32() };
        const table = reader.varint();
        const length = reader.varint();
        reader.raw(length > INLINE_MAX ? 4 : length);
        const outcome = this.#outcomeOf(new ByteReader(block, start), state);
        yield { entry: { token, hash, table, outcome }, end: i * 0x1_0000 + reader.position };
      }
    }
  }

  /** Of the entry that begins where the reader is. */
  #outcomeOf(reader: ByteReader, state: Reader): Uint8Array {
    reader.raw(ENTRY_BYTES_MIN);
    reader.varint();
    const length = reader.varint();
    if (length <= INLINE_MAX) return reader.raw(length);
    const place = reader.u32();
    const block = this.#blockOf(this.#outcomes, place >>> 16, state);
    const at = place & 0xffff;
    if (at + length > block.length)
      throw notWhole(this.#outcomes.keyOf(place >>> 16), block.length);
    return block.subarray(at, at + length);
  }

  #blockOf(stream: BlockStream, block: number, state: Reader): Uint8Array {
    return block === stream.closed ? stream.open : read(state, stream.keyOf(block));
  }

  #indexBlock(number: number, block: Uint8Array): void {
    for (let start = 0; start < block.length; ) {
      let at = start + ENTRY_BYTES_MIN;
      // Table and length are varints: the last byte of each has no high bit.
      while ((block[at] as number) >= 0x80) at++;
      at++;
      let length = 0;
      let scale = 1;
      for (; (block[at] as number) >= 0x80; at++) {
        length += ((block[at] as number) & 0x7f) * scale;
        scale *= 0x80;
      }
      length += (block[at] as number) * scale;
      const end = at + 1 + (length > INLINE_MAX ? 4 : length);
      // Not a number when the block ends within the entry.
      if (!(end <= block.length)) throw notWhole(this.#tokens.keyOf(number), block.length);
      this.#index(readU32(block, start), number * 0x1_0000 + start);
      start = end;
    }
  }

  #index(tag: number, position: number): void {
    this.#count++;
    if (3 * this.#count > this.#slots.length) this.#grow();
    place(this.#slots, tag, position + 1);
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(2 * old.length);
    for (let i = 0; i < old.length; i += 2) {
      const position = old[i + 1] as number;
      if (position !== 0) place(this.#slots, old[i] as number, position);
    }
  }
}

function place(slots: Uint32Array, tag: number, position: number): void {
  const mask = slots.length - 2;
  let slot = (2 * tag) & mask;
  while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
  slots[slot] = tag;
  slots[slot + 1] = position;
}

function read(state: Reader, key: Uint8Array): Uint8Array {
  const block = state.get(key);
  if (!block) throw notWhole(key, 0);
  return block;
}

function notWhole(key: Uint8Array, length: number): MalformedError {
  return new MalformedError(`retries: the block at ${key.join(' ')} has ${length} bytes`);
}

function isAt(block: Uint8Array, at: number, token: RetryToken): boolean {
  for (let i = 0; i < RETRY_TOKEN_BYTES; i++) if (block[at + i] !== token[i]) return false;
  return true;
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
