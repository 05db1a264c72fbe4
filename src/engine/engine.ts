import { toHex } from '../bytes/index.ts';

/**
 * The engine port: one ordered key-value store per node, with keys compared as unsigned bytes.
 *
 * "Visible" and "durable" are two moments (E2): a commit is visible to readers that begin later when `visible` resolves,
 * and survives a crash once `durable` does. A commit is atomic in both.
 */
export interface Engine extends Reader {
  /** Keys may be this long, in bytes; a longer one is a broken invariant and throws. */
  readonly maxKeyBytes: number;
  /**
   * Called for everything found that is not what was written, by a read or by the scrub, which begins when this is set. The
   * same damage may be told again.
   */
  onDamage: ((damage: EngineDamage) => void) | undefined;
  /** Called when the scrub has been over everything once more, with the number of records. */
  onScrubbed: ((records: number) => void) | undefined;
  /** The newest visible value; the caller owns the bytes. Throws {@link EngineDamagedError}, as every read does. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** What is visible now: to be read and closed in this turn. Cheaper than a snapshot's. */
  range(range: Range): Cursor;
  /** A view of everything visible now that does not change. Close it soon: it pins what it sees on the disk. */
  snapshot(): EngineSnapshot;
  /**
   * Writes in ascending order of their keys, no key twice. Commits become visible and durable in the order of the calls. The
   * iterable may be read over several turns, and what it goes over may not change until the commit is visible or refused; the
   * write that it gives is looked at before the next is asked for, so it may be one object and one buffer all the time.
   */
  commit(writes: Iterable<Write>): Commit;
  /**
   * Likewise, with the writes that the values at these keys hold together, packed (packed.ts), one behind the other: they need not
   * pass through here again.
   */
  commitStored(keys: readonly Uint8Array[]): Commit;
  /** Waits for commits under way. */
  close(): Promise<void>;
}

/** What the disk holds there is not what was written (F4, F5). */
export interface EngineDamage {
  /** As an operator finds it. */
  readonly file: string;
  /** Of the record, or what the keys of the records concerned begin with. */
  readonly key: Uint8Array;
  readonly reason: string;
}

/** Thrown by reads, so that damaged data is never served nor taken for missing. */
export class EngineDamagedError extends Error {
  override readonly name = 'EngineDamagedError';
  readonly damage: EngineDamage;
  constructor(damage: EngineDamage) {
    super(damageText(damage));
    this.damage = damage;
  }
}

/** In one line. */
export function damageText({ file, key, reason }: EngineDamage): string {
  return `${file} is damaged at key ${toHex(key)}: ${reason}`;
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
  /** Values are not looked at, and empty. */
  readonly keysOnly?: boolean;
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
