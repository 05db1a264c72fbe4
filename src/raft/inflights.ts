import type { Index } from './types.ts';

/**
 * The appends that are on their way to one follower: the last index and the bytes of each, oldest first. The window is
 * in bytes, so that many small entries and few large ones keep the same amount of data on the wire (R4, R5).
 */
export class Inflights {
  readonly #bytesMax: number;
  #queue: { readonly lastIndex: Index; readonly bytes: number }[] = [];
  #head = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#queue.length - this.#head;
  }

  /** The last append may pass the limit, so that an entry of any size gets through. */
  get full(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  add(lastIndex: Index, bytes: number): void {
    this.#queue.push({ lastIndex, bytes });
    this.#bytes += bytes;
  }

  /** Forgets what ends at or before `index`: the follower has it. */
  freeTo(index: Index): void {
    for (;;) {
      const oldest = this.#queue[this.#head];
      if (oldest === undefined || oldest.lastIndex > index) break;
      this.#bytes -= oldest.bytes;
      this.#head++;
    }
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64 && this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#queue = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
