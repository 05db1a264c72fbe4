/**
 * The engine port: one ordered key-value store per node, with keys compared as unsigned bytes.
 *
 * "Visible" and "durable" are two moments (E2): a commit is visible to readers that begin later when `visible` resolves,
 * and survives a crash once `durable` does. A commit is atomic in both.
 */
export interface Engine {
  /** Keys may be this long, in bytes; a longer one is a broken invariant and throws. */
  readonly maxKeyBytes: number;
  /** The newest visible value; the caller owns the bytes. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** A view of everything visible now that does not change. Close it soon: it pins what it sees on the disk. */
  snapshot(): EngineSnapshot;
  /**
   * Writes in ascending order of their keys, no key twice. Commits become visible and durable in the order of the calls. The
   * iterable may be read over several turns; neither it nor the bytes may change until the commit is visible or refused.
   */
  commit(writes: Iterable<Write>): Commit;
  /** Waits for commits under way. */
  close(): Promise<void>;
}

/** A put, or with `value: undefined` a delete, which is harmless when nothing is there. */
export interface Write {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export interface Commit {
  /** Rejects as `durable` does. */
  readonly visible: Promise<void>;
  /** Rejects with DiskError (`full`, `failed`) when the disk refused: then nothing of the commit is there. */
  readonly durable: Promise<void>;
}

export interface Range {
  /** Inclusive. */
  readonly from: Uint8Array;
  /** Exclusive. */
  readonly to: Uint8Array;
  /** Descending from the end of the range. */
  readonly reverse?: boolean;
}

export interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Reads in key order, one pair a call; undefined at the end. What it returns is the caller's. */
export interface Cursor {
  next(): Pair | undefined;
  close(): void;
}

export interface Reader {
  get(key: Uint8Array): Uint8Array | undefined;
  range(range: Range): Cursor;
}

export interface EngineSnapshot extends Reader {
  close(): void;
}
