import { compareBytes } from '../bytes/index.ts';
import type { Cursor, Pair } from './engine.ts';
import type { MemtableCursor } from './memtable.ts';
import { SPACE_BYTES } from './space.ts';

/**
 * One view of memtables over an engine's space: at equal keys the first table that knows it decides. The engine's keys
 * carry the space's prefix, the tables' and the result's do not.
 */
export class MergedCursor implements Cursor {
  readonly #tables: readonly MemtableCursor[];
  readonly #engine: Cursor;
  readonly #sign: number;
  readonly #onClose: () => void;
  #engineKey: Uint8Array | undefined;
  #engineValue: Uint8Array | undefined;
  #open = true;

  /** `onClose` is called once, at the end of the range or by `close`. */
  constructor(
    tables: readonly MemtableCursor[],
    engine: Cursor,
    reverse: boolean,
    onClose: () => void,
  ) {
    this.#tables = tables;
    this.#engine = engine;
    this.#sign = reverse ? -1 : 1;
    this.#onClose = onClose;
    this.#readEngine();
  }

  next(): Pair | undefined {
    while (this.#open) {
      let key = this.#engineKey;
      for (const table of this.#tables) {
        if (table.key && (!key || this.#sign * compareBytes(table.key, key) < 0)) key = table.key;
      }
      if (!key) break;
      const value = this.#take(key);
      if (value) return { key, value };
    }
    this.close();
    return undefined;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#engine.close();
    for (const table of this.#tables) table.close();
    this.#onClose();
  }

  /** Moves every source past `key` and returns what the first of them holds; null when deleted. */
  #take(key: Uint8Array): Uint8Array | null | undefined {
    let value: Uint8Array | null | undefined;
    for (const table of this.#tables) {
      if (!table.key || compareBytes(table.key, key) !== 0) continue;
      if (value === undefined) value = table.value;
      table.advance();
    }
    if (this.#engineKey && compareBytes(this.#engineKey, key) === 0) {
      if (value === undefined) value = this.#engineValue;
      this.#readEngine();
    }
    return value;
  }

  #readEngine(): void {
    const pair = this.#engine.next();
    this.#engineKey = pair?.key.subarray(SPACE_BYTES);
    this.#engineValue = pair?.value;
  }
}
