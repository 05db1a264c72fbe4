import { crc32c } from '../bytes/index.ts';

/** A running hash of everything that happened, in order: two runs are the same when their hashes are (lessons.md §2). */
export class Trace {
  /** The words of a time. */
  readonly #words = new Uint32Array(2);
  readonly #time = new Float64Array(this.#words.buffer);
  #high = 0;
  #low = 0;

  /** Something happened: when, what and to whom. */
  add(at: number, what: number, whom: number): void {
    this.#time[0] = at;
    this.#mix(this.#words[0] as number);
    this.#mix(this.#words[1] as number);
    this.#mix(what ^ (whom << 8));
  }

  /** What was in it. */
  addBytes(bytes: Uint8Array): void {
    this.#mix(bytes.length);
    this.#mix(crc32c(bytes));
  }

  /** Two lanes of the inner step of MurmurHash3 x86_32 (Austin Appleby, public domain algorithm) with multipliers of their own. */
  #mix(word: number): void {
    const high = this.#high ^ Math.imul(word, 0xcc9e2d51);
    this.#high = (Math.imul((high << 13) | (high >>> 19), 5) + 0xe6546b64) | 0;
    const low = this.#low ^ Math.imul(word, 0x1b873593);
    this.#low = (Math.imul((low << 15) | (low >>> 17), 9) + 0x38495ab5) | 0;
  }

  /** 16 lower-case hex digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}
