import type { Hash64 } from '../bytes/index.ts';
import type { Range, Reader } from '../engine/index.ts';
import { compareHash, hashToHex, storagePlace } from '../item/index.ts';
import { afterKey, storageKeyOf } from './keys.ts';
import { sizeIn } from './stored-value.ts';

/** One slice stays under 5 ms (E7). */
const SLICE_ITEMS = 1_000;

/**
 * Finds the hash at which a shard is to be divided so that half of its bytes are on either side, as far as partitions allow: the items
 * of one partition stay together. Read slice by slice; what changes meanwhile makes it a little less exact.
 */
export class MiddleFinder {
  readonly #range: (first: Uint8Array) => Range;
  readonly #half: number;
  readonly #sliceItems: number;
  #from: Uint8Array = new Uint8Array(0);
  #bytes = 0;
  #hash: Hash64 | undefined;
  /** Bytes of the partitions before the one that is being read. */
  #before = 0;

  /** `range`: engine keys of the shard's items from a storage key on. `bytes`: of all of them. */
  constructor(range: (first: Uint8Array) => Range, bytes: number, sliceItems = SLICE_ITEMS) {
    this.#range = range;
    this.#half = bytes / 2;
    this.#sliceItems = sliceItems;
  }

  /** 16 hex digits; undefined: all that it has is of one partition, or it has nothing. */
  step(state: Reader): string | undefined | 'more' {
    const cursor = state.range(this.#range(this.#from));
    try {
      for (let items = 0; items < this.#sliceItems; items++) {
        const pair = cursor.next();
        if (!pair) return undefined;
        const key = storageKeyOf(pair.key);
        const { hash } = storagePlace(key);
        if (!this.#hash || compareHash(this.#hash, hash) !== 0) {
          this.#before = this.#bytes;
          this.#hash = hash;
        }
        this.#bytes += sizeIn(pair.value);
        this.#from = afterKey(key);
        if (this.#bytes >= this.#half && this.#before > 0) return hashToHex(hash);
      }
      return 'more';
    } finally {
      cursor.close();
    }
  }
}
