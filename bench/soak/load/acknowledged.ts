/** A set of keys, a bit each. */
export class Acknowledged {
  #bits = new Uint8Array(1024);
  #count = 0;
  #end = 0;

  get count(): number {
    return this.#count;
  }

  /** Above every key of the set. */
  get end(): number {
    return this.#end;
  }

  has(key: number): boolean {
    return ((this.#bits[key >>> 3] ?? 0) & (1 << (key & 7))) !== 0;
  }

  /** Keys below 2^31. */
  add(key: number): void {
    if (this.has(key)) return;
    const at = key >>> 3;
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(at + 1)));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[at] = (this.#bits[at] as number) | (1 << (key & 7));
    this.#count++;
    this.#end = Math.max(this.#end, key + 1);
  }
}
