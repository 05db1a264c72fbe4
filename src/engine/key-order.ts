/** Entries of a block. A block that is full is split in two. */
const BLOCK = 256;
/** A block's words: the first four bytes of each key, the next four, the entries. */
const LOW = BLOCK;
const ENTRY = 2 * BLOCK;

/** No position: before the first entry and after the last one. */
export const NOWHERE = -1;

/**
 * The entries of a memtable in the order of their keys: a list of sorted blocks, which is a B+ tree of two levels. A search
 * compares the first eight bytes of the keys, which lie side by side, and the keys themselves only where those are equal,
 * so that it seldom leaves the processor's cache.
 *
 * A position holds until the next insert: compare `version`.
 */
export class KeyOrder {
  readonly #compare: (entry: number, key: Uint8Array) => number;
  readonly #blocks: { readonly words: Uint32Array; count: number }[] = [];
  #version = 0;

  /** `compare` orders the key of an entry and a key, as compareBytes. */
  constructor(compare: (entry: number, key: Uint8Array) => number) {
    this.#compare = compare;
  }

  /** Changes with every insert. */
  get version(): number {
    return this.#version;
  }

  /** The key must not be there. */
  insert(key: Uint8Array, entry: number): void {
    this.#version++;
    const high = prefix(key, 0);
    const low = prefix(key, 4);
    if (this.#blocks.length === 0) {
      this.#blocks.push({ words: new Uint32Array(3 * BLOCK), count: 0 });
    }
    let index = Math.max(0, this.#blockAfter(key, high, low) - 1);
    let block = this.#blocks[index] as { words: Uint32Array; count: number };
    if (block.count === BLOCK) {
      this.#split(index);
      index = Math.max(0, this.#blockAfter(key, high, low) - 1);
      block = this.#blocks[index] as { words: Uint32Array; count: number };
    }
    const { words, count } = block;
    const at = this.#search(words, count, key, high, low);
    for (let column = 0; column <= ENTRY; column += BLOCK) {
      words.copyWithin(column + at + 1, column + at, column + count);
    }
    words[at] = high;
    words[LOW + at] = low;
    words[ENTRY + at] = entry;
    block.count++;
  }

  /** The position of the first key that is not below `key`. */
  seek(key: Uint8Array): number {
    const high = prefix(key, 0);
    const low = prefix(key, 4);
    const index = Math.max(0, this.#blockAfter(key, high, low) - 1);
    const block = this.#blocks[index];
    if (!block) return NOWHERE;
    const at = this.#search(block.words, block.count, key, high, low);
    if (at < block.count) return index * BLOCK + at;
    return index + 1 < this.#blocks.length ? (index + 1) * BLOCK : NOWHERE;
  }

  first(): number {
    return this.#blocks.length > 0 ? 0 : NOWHERE;
  }

  last(): number {
    const index = this.#blocks.length - 1;
    return index < 0 ? NOWHERE : index * BLOCK + (this.#blocks[index]?.count as number) - 1;
  }

  next(position: number): number {
    const index = Math.floor(position / BLOCK);
    if ((position % BLOCK) + 1 < (this.#blocks[index]?.count as number)) return position + 1;
    return index + 1 < this.#blocks.length ? (index + 1) * BLOCK : NOWHERE;
  }

  /** Of NOWHERE: the last one. */
  previous(position: number): number {
    if (position === NOWHERE) return this.last();
    if (position % BLOCK > 0) return position - 1;
    const index = position / BLOCK - 1;
    return index < 0 ? NOWHERE : index * BLOCK + (this.#blocks[index]?.count as number) - 1;
  }

  entryAt(position: number): number {
    const block = this.#blocks[Math.floor(position / BLOCK)] as { words: Uint32Array };
    return block.words[ENTRY + (position % BLOCK)] as number;
  }

  /** Index of the first block that begins above `key`. */
  #blockAfter(key: Uint8Array, high: number, low: number): number {
    let from = 0;
    let to = this.#blocks.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const { words } = this.#blocks[middle] as { words: Uint32Array };
      if (this.#order(words, 0, key, high, low) <= 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Index of the first entry of a block that is not below `key`. */
  #search(words: Uint32Array, count: number, key: Uint8Array, high: number, low: number): number {
    let from = 0;
    let to = count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#order(words, middle, key, high, low) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #order(words: Uint32Array, at: number, key: Uint8Array, high: number, low: number): number {
    const difference = (words[at] as number) - high || (words[LOW + at] as number) - low;
    return difference || this.#compare(words[ENTRY + at] as number, key);
  }

  #split(index: number): void {
    const block = this.#blocks[index] as { readonly words: Uint32Array; count: number };
    const half = BLOCK / 2;
    const words = new Uint32Array(3 * BLOCK);
    for (let column = 0; column <= ENTRY; column += BLOCK) {
      words.set(block.words.subarray(column + half, column + BLOCK), column);
    }
    block.count = half;
    this.#blocks.splice(index + 1, 0, { words, count: half });
  }
}

/** Four bytes as a number; zeros stand for bytes that are not there, which keeps the order but for ties. */
function prefix(key: Uint8Array, at: number): number {
  return (
    (((key[at] ?? 0) << 24) |
      ((key[at + 1] ?? 0) << 16) |
      ((key[at + 2] ?? 0) << 8) |
      (key[at + 3] ?? 0)) >>>
    0
  );
}
