/**
 * Puts pieces of a request together as they come. They are copied into one buffer that grows by doubling: a list of pieces could
 * cost a hundred times their bytes when each holds one, and a slice would keep a whole chunk of the socket alive (E8).
 */
export class Collector {
  #buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  /** Everything so far; the bytes are the caller's when nothing is appended any more. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
