import type { Reader } from '../engine/index.ts';
import { PageCollector, type PageOperation, type PageOutcome } from '../item/index.ts';
import { afterKey, itemKey, storageKeyOf } from './keys.ts';
import { decodeStoredValue } from './stored-value.ts';

// One slice must stay under 5 ms (E7). Reading takes up to 4 µs a KB, parsing for a filter 10 µs a KB, and the last item of a
// slice may have 400 KB.
const SLICE_ITEMS = 200;
const SLICE_BYTES = 128 * 1024;

/** One page over the items of a shard, read in slices between which others get their turn; each resumes by key. */
export class PageReader {
  readonly #operation: PageOperation;
  readonly #sliceItems: number;
  readonly #collector: PageCollector;
  #from: Uint8Array;
  #to: Uint8Array;

  constructor(operation: PageOperation, sliceItems = SLICE_ITEMS) {
    this.#operation = operation;
    this.#sliceItems = sliceItems;
    this.#collector = new PageCollector(operation);
    this.#from = itemKey(operation.from);
    this.#to = itemKey(operation.to);
  }

  step(state: Reader): PageOutcome | 'more' {
    const { reverse } = this.#operation;
    const cursor = state.range({ from: this.#from, to: this.#to, reverse });
    try {
      let bytes = 0;
      for (let items = 0; items < this.#sliceItems && bytes < SLICE_BYTES; items++) {
        const pair = cursor.next();
        if (!pair) return this.#collector.finish(undefined);
        const item = decodeStoredValue(pair.value);
        const key = storageKeyOf(pair.key);
        if (this.#collector.add(key, item) === 'full') return this.#collector.finish(key);
        bytes += item.size;
        if (reverse) this.#to = pair.key;
        else this.#from = afterKey(pair.key);
      }
      return 'more';
    } finally {
      cursor.close();
    }
  }
}
