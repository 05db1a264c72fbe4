import type { RecordPlace } from './format.ts';

const WORDS = 5;
const ROWS_MIN = 4;

/**
 * Where the entries of one replica stand, one row per record, by index: 28 bytes each, outside the heap's objects.
 *
 * Rows do not overlap. They are contiguous, too, except in the middle of recovery, when a CARRY record that fills a gap is
 * still to come.
 */
export class RecordTable {
  #firsts = new Float64Array(ROWS_MIN);
  /** Per row: number of entries, segment, offset, length, term. */
  #words = new Uint32Array(ROWS_MIN * WORDS);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  first(row: number): number {
    return this.#firsts[this.#head + row] as number;
  }

  last(row: number): number {
    return this.first(row) + this.#word(row, 0) - 1;
  }

  segment(row: number): number {
    return this.#word(row, 1);
  }

  offset(row: number): number {
    return this.#word(row, 2);
  }

  /** In bytes, of the record with its header, even if some of its entries do not count any more. */
  length(row: number): number {
    return this.#word(row, 3);
  }

  term(row: number): number {
    return this.#word(row, 4);
  }

  /** The first row that ends at `index` or after it; `size` when there is none. */
  locate(index: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.last(middle) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(row: number, first: number, count: number, term: number, place: RecordPlace): void {
    if (term > 0xffff_ffff) throw new RangeError(`term ${term}`);
    this.#reserve();
    const at = this.#head + row;
    const end = this.#head + this.#size;
    if (at < end) {
      this.#firsts.copyWithin(at + 1, at, end);
      this.#words.copyWithin((at + 1) * WORDS, at * WORDS, end * WORDS);
    }
    this.#size++;
    this.#firsts[at] = first;
    const word = at * WORDS;
    this.#words[word] = count;
    this.#words[word + 1] = place.segment;
    this.#words[word + 2] = place.offset;
    this.#words[word + 3] = place.length;
    this.#words[word + 4] = term;
  }

  /** The row's entries from `first` to `last` still count. */
  shrink(row: number, first: number, last: number): void {
    this.#firsts[this.#head + row] = first;
    this.#words[(this.#head + row) * WORDS] = last - first + 1;
  }

  remove(row: number): void {
    if (row === 0) {
      this.#head++;
    } else {
      const at = this.#head + row;
      const end = this.#head + this.#size;
      this.#firsts.copyWithin(at, at + 1, end);
      this.#words.copyWithin(at * WORDS, (at + 1) * WORDS, end * WORDS);
    }
    this.#size--;
    if (this.#size === 0) this.#head = 0;
  }

  #word(row: number, word: number): number {
    return this.#words[(this.#head + row) * WORDS + word] as number;
  }

  /** Room for one more row at the end: by moving the rows to the front when half is free there, or in larger arrays. */
  #reserve(): void {
    const end = this.#head + this.#size;
    const capacity = this.#firsts.length;
    if (end < capacity) return;
    const firsts = this.#firsts.subarray(this.#head, end);
    const words = this.#words.subarray(this.#head * WORDS, end * WORDS);
    if (this.#head < capacity / 2) {
      this.#firsts = new Float64Array(2 * capacity);
      this.#words = new Uint32Array(2 * capacity * WORDS);
    }
    this.#firsts.set(firsts);
    this.#words.set(words);
    this.#head = 0;
  }
}
