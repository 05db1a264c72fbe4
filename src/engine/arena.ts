import { allocateBytes } from '../bytes/index.ts';

/** Chunks hold up to 1 MiB, so that an address is 12 bits of chunk and 20 bits of offset. */
const OFFSET_BITS = 20;
const CHUNK_BYTES_MAX = 1 << OFFSET_BITS;
const OFFSET_MASK = CHUNK_BYTES_MAX - 1;
const CHUNKS_MAX = 1 << (32 - OFFSET_BITS);
const CHUNK_BYTES_MIN = 4096;

/** Left over chunks that are kept, as many as memtables that are written out at the same time leave. */
const POOLED_MAX = 32;

/**
 * Chunks for the next arena. Memory that comes and goes by the megabyte makes the collector run over the whole heap again
 * and again, so it does not go.
 */
export class ChunkPool {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];

  take(): Uint8Array<ArrayBuffer> {
    return this.#chunks.pop() ?? new Uint8Array(CHUNK_BYTES_MAX);
  }

  give(chunk: Uint8Array<ArrayBuffer>): void {
    if (chunk.length === CHUNK_BYTES_MAX && this.#chunks.length < POOLED_MAX) {
      this.#chunks.push(chunk);
    }
  }
}

/**
 * Bytes outside the JavaScript heap, which the collector need not walk. What is allocated stays until `release`; an
 * address is an unsigned 32-bit number. An allocation above 1 MiB gets a chunk of its own.
 */
export class Arena {
  readonly #pool: ChunkPool | undefined;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #chunk = new Uint8Array(0);
  #position = 0;
  #bytes = 0;

  constructor(pool: ChunkPool | undefined) {
    this.#pool = pool;
  }

  /** Nothing in it is used any more. */
  release(): void {
    for (const chunk of this.#chunks) this.#pool?.give(chunk);
    this.#chunks = [];
    this.#chunk = new Uint8Array(0);
    this.#position = 0;
    this.#bytes = 0;
  }

  /** Of all chunks. */
  get bytes(): number {
    return this.#bytes;
  }

  allocate(length: number): number {
    if (length === 0) return 0;
    if (this.#position + length > this.#chunk.length) {
      if (this.#chunks.length === CHUNKS_MAX) throw new Error('the arena is full');
      const usual = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, this.#bytes));
      const pool = usual === CHUNK_BYTES_MAX && length <= usual ? this.#pool : undefined;
      this.#chunk = pool?.take() ?? new Uint8Array(Math.max(length, usual));
      this.#chunks.push(this.#chunk);
      this.#bytes += this.#chunk.length;
      this.#position = 0;
    }
    const address = (this.#chunks.length - 1) * CHUNK_BYTES_MAX + this.#position;
    this.#position += length;
    return address;
  }

  set(address: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.chunk(address).set(bytes, address & OFFSET_MASK);
  }

  copy(address: number, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    const at = address & OFFSET_MASK;
    const copy = allocateBytes(length);
    copy.set(this.chunk(address).subarray(at, at + length));
    return copy;
  }

  copyTo(address: number, length: number, target: Uint8Array, position: number): void {
    const chunk = this.chunk(address);
    const at = address & OFFSET_MASK;
    // Keys are short: a loop beats making a view for `set`.
    for (let i = 0; i < length; i++) target[position + i] = chunk[at + i] as number;
  }

  view(address: number, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    const at = address & OFFSET_MASK;
    return this.chunk(address).subarray(at, at + length);
  }

  /** Same order as compareBytes(stored bytes, key). */
  compare(address: number, length: number, key: Uint8Array): number {
    const chunk = this.chunk(address);
    const at = address & OFFSET_MASK;
    const shared = length < key.length ? length : key.length;
    for (let i = 0; i < shared; i++) {
      const difference = (chunk[at + i] as number) - (key[i] as number);
      if (difference !== 0) return difference;
    }
    return length - key.length;
  }

  chunk(address: number): Uint8Array {
    return this.#chunks[address >>> OFFSET_BITS] as Uint8Array;
  }
}

/** Twice as long, for tables that grow. */
export function doubled(words: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(2 * words.length);
  grown.set(words);
  return grown;
}
