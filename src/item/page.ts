import { evaluateCondition } from './evaluate.ts';
import type { PageOperation, PageOutcome, StoredItem } from './operation.ts';
import { project } from './project.ts';
import { decodeStoredItem, encodeAttributeMap } from './stored-item.ts';

/**
 * Collects one page of a Query or Scan: `add` each item of the range in the order of the page until it says `full` or the
 * range is done, then `finish`. Items that `add` keeps are views of what it was given.
 */
export class PageCollector {
  readonly #operation: PageOperation;
  readonly #items: Uint8Array[] = [];
  #count = 0;
  #scannedCount = 0;
  #bytesRead = 0;

  constructor(operation: PageOperation) {
    if (operation.limit < 1) throw new RangeError(`a page of at most ${operation.limit} items`);
    this.#operation = operation;
  }

  /** `full`: this item was the last of the page, although the range may end here too. */
  add(_key: Uint8Array, stored: StoredItem): 'more' | 'full' {
    const { limit, maxBytes } = this.#operation;
    this.#scannedCount += 1;
    this.#bytesRead += stored.size;
    this.#take(stored);
    return this.#scannedCount >= limit || this.#bytesRead >= maxBytes ? 'full' : 'more';
  }

  /** `lastKey` is the storage key of the item that made the page full; undefined when the range was done before. */
  finish(lastKey: Uint8Array | undefined): PageOutcome {
    return {
      items: this.#items,
      count: this.#count,
      scannedCount: this.#scannedCount,
      bytesRead: this.#bytesRead,
      lastKey,
    };
  }

  #take(stored: StoredItem): void {
    const { filter, projection, countOnly } = this.#operation;
    const returned = countOnly ? undefined : projection;
    const item = filter || returned ? decodeStoredItem(stored.json) : undefined;
    if (filter && !evaluateCondition(filter, item)) return;
    this.#count += 1;
    if (countOnly) return;
    this.#items.push(returned && item ? encodeAttributeMap(project(returned, item)) : stored.json);
  }
}
