import type { Write } from '../engine.ts';
import { MAX_KEY_BYTES } from '../limits.ts';
import { PACKED_HEADER_BYTES, pack, packedBytes } from '../packed.ts';

/** A buffer takes this much; a longer write gets one of its own. */
const BUFFER_BYTES = 256 * 1024;
/** Enough for small commits to be many while one is written. */
export const BUFFERS_MAX = 16;

/** Smaller commits, deletions among them, may take the last room on the disk, and go together. */
export const SMALL_COMMIT_BYTES = 64 * 1024;

/** Looked at the clock after so many writes or bytes. */
const WRITES_BETWEEN_LOOKS = 32;
const BYTES_BETWEEN_LOOKS = 128 * 1024;
const SLICE_MS = 1;

/**
 * The few buffers in which writes travel to the writer thread and which come back empty: however large a commit is, it has no
 * more than these on its way, and the collector sees none of them.
 */
export class WriteBuffers {
  readonly #free: ArrayBuffer[] = [];
  #made = 0;
  #whenFree: (() => void) | undefined;

  /** Waits while all of them are with the thread. One caller at a time. */
  async take(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (bytes > BUFFER_BYTES) return new Uint8Array(bytes);
    while (this.#free.length === 0 && this.#made === BUFFERS_MAX) {
      await new Promise<void>((resolve) => {
        this.#whenFree = resolve;
      });
    }
    const buffer = this.#free.pop();
    if (buffer) return new Uint8Array(buffer);
    this.#made++;
    return new Uint8Array(BUFFER_BYTES);
  }

  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength !== BUFFER_BYTES) return;
    this.#free.push(buffer);
    this.#whenFree?.();
    this.#whenFree = undefined;
  }
}

const NO_CHUNK = new Uint8Array(0);

/**
 * Packs writes one behind the other and hands over each buffer that is full, the last one with `isLast`, in slices of about a
 * millisecond; `handOver` owns it from then on, whatever comes of it. At least one is handed over, unless it throws before:
 * RangeError for a key of a length that no engine takes, Error when keys do not ascend.
 */
export async function packWrites(
  writes: Iterable<Write>,
  buffers: WriteBuffers,
  handOver: (chunk: Uint8Array<ArrayBuffer>, isLast: boolean) => Promise<void>,
): Promise<void> {
  let chunk = await buffers.take(0);
  let view = new DataView(chunk.buffer);
  let at = 0;
  // Where the key before is: its bytes may be the caller's no more.
  let previousChunk = chunk;
  let previousAt = 0;
  let previousLength = -1;
  let count = 0;
  let looked = 0;
  let bytes = 0;
  let began = performance.now();
  try {
    for (const write of writes) {
      const { key } = write;
      const length = packedBytes(write);
      if (key.length === 0 || key.length > MAX_KEY_BYTES) {
        throw new RangeError(`a key has ${key.length} bytes; 1 to ${MAX_KEY_BYTES} are allowed`);
      }
      if (previousLength >= 0 && !ascends(previousChunk, previousAt, previousLength, key)) {
        throw new Error('writes of a commit must ascend by their keys');
      }
      if (at + length > chunk.length) {
        // The key before goes with its buffer.
        previousChunk = chunk.slice(previousAt, previousAt + Math.max(0, previousLength));
        previousAt = 0;
        const full = chunk;
        chunk = NO_CHUNK;
        if (at > 0) await handOver(full.subarray(0, at), false);
        else buffers.give(full.buffer);
        chunk = await buffers.take(length);
        view = new DataView(chunk.buffer);
        at = 0;
      }
      pack(chunk, view, at, write);
      previousChunk = chunk;
      previousAt = at + PACKED_HEADER_BYTES;
      previousLength = key.length;
      at += length;
      bytes += length;
      if (++count - looked < WRITES_BETWEEN_LOOKS && bytes < BYTES_BETWEEN_LOOKS) continue;
      looked = count;
      bytes = 0;
      if (performance.now() - began < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      began = performance.now();
    }
  } catch (error) {
    buffers.give(chunk.buffer);
    throw error;
  }
  await handOver(chunk.subarray(0, at), true);
}

function ascends(chunk: Uint8Array, at: number, length: number, key: Uint8Array): boolean {
  const shared = Math.min(length, key.length);
  for (let i = 0; i < shared; i++) {
    const difference = (chunk[at + i] as number) - (key[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return length < key.length;
}
