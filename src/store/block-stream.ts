import type { Write } from '../engine/index.ts';

/**
 * A block takes what is appended up to this size; what is larger has a block of its own. At most the 2^16 of a position. With what the
 * engine adds it fills four pages, and to read one for a repeated request takes some 20 µs.
 */
export const BLOCK_BYTES = 32_000;
const ROOM_BYTES_MIN = 1024;
const BLOCKS_MAX = 0x1_0000;

/**
 * Bytes that are appended piece by piece, in blocks that the state keeps: a block that is full is written into it and
 * leaves memory, the last one is in memory. The bounds of the blocks follow from what is appended alone.
 */
export class BlockStream {
  readonly #keyOf: (block: number) => Uint8Array;
  readonly #blockBytes: number;
  #closed = 0;
  #open = new Uint8Array(0);
  #openLength = 0;

  /** `blockBytes`: at most {@link BLOCK_BYTES}. */
  constructor(keyOf: (block: number) => Uint8Array, blockBytes: number) {
    this.#keyOf = keyOf;
    this.#blockBytes = blockBytes;
  }

  /** Number of blocks that are full. */
  get closed(): number {
    return this.#closed;
  }

  get openLength(): number {
    return this.#openLength;
  }

  /** A view. */
  get open(): Uint8Array {
    return this.#open.subarray(0, this.#openLength);
  }

  /** Makes room for `length` bytes, and returns where they go: number of the block times 2^16 plus {@link openLength}. */
  reserve(length: number, writes: Write[]): number {
    const blockBytes = this.#blockBytes;
    if (this.#openLength > 0 && this.#openLength + length > blockBytes) {
      writes.push({ key: this.#keyOf(this.#closed), value: this.#open.slice(0, this.#openLength) });
      this.#closed += 1;
      this.#openLength = 0;
      if (this.#open.length > blockBytes) this.#open = new Uint8Array(0);
      if (this.#closed === BLOCKS_MAX) throw new Error('a generation of retries is full');
    }
    const needed = this.#openLength + length;
    if (needed > this.#open.length) {
      let room = Math.max(ROOM_BYTES_MIN, this.#open.length);
      while (room < needed) room *= 2;
      const grown = new Uint8Array(needed > blockBytes ? needed : Math.min(room, blockBytes));
      grown.set(this.open);
      this.#open = grown;
    }
    return this.#closed * 0x1_0000 + this.#openLength;
  }

  /** The room of the last `reserve`: write into `buffer` from `openLength` on, then `advance`. */
  get buffer(): Uint8Array {
    return this.#open;
  }

  advance(length: number): void {
    this.#openLength += length;
  }

  /** After a restart. The bytes are copied. */
  restore(closed: number, open: Uint8Array): void {
    this.#closed = closed;
    this.#open = open.slice();
    this.#openLength = open.length;
  }

  keyOf(block: number): Uint8Array {
    return this.#keyOf(block);
  }
}
