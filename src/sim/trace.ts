import { crc32c, hash32 } from '../bytes/index.ts';

/** A running hash of everything that happened, in order: two runs are the same when their hashes are (lessons.md §2). */
export class Trace {
  readonly #bytes = new Uint8Array(24);
  readonly #view = new DataView(this.#bytes.buffer);
  #high = 0;
  #low = 0;

  /** Something happened: when, what, to whom, and a number that stands for its content. */
  add(at: number, what: number, whom: number, content: number): void {
    const view = this.#view;
    view.setFloat64(0, at);
    view.setUint32(8, what);
    view.setUint32(12, whom);
    view.setUint32(16, content);
    this.#high = hash32(this.#bytes, this.#high);
    this.#low = crc32c(this.#bytes, this.#low);
  }

  /** 16 lower-case hex digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

function hex(half: number): string {
  return half.toString(16).padStart(8, '0');
}
