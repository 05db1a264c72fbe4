import { compareBytes, concatBytes, copyBytes, toHex } from '../bytes/index.ts';
import { DiskError } from '../ports/index.ts';
import {
  type Commit,
  type Cursor,
  type Engine,
  type EngineDamage,
  EngineDamagedError,
  type EngineSnapshot,
  type Range,
  type Write,
} from './engine.ts';
import { MAX_KEY_BYTES } from './limits.ts';
import { unpacked } from './packed.ts';
import { Tree } from './tree.ts';

export interface MemoryEngineOptions {
  /**
   * Runs `step` later, never at once. A simulator delays it with its clock; whatever the delays, commits keep their order.
   * Unless told, a microtask later.
   */
  readonly schedule?: (stage: 'visible' | 'durable', step: () => void) => void;
  /** A commit that would make keys and values longer than this in all is refused with `full`. */
  readonly capacityBytes?: number;
}

const LAST_KEY = Uint8Array.of(255, 255, 255, 255);

interface Version {
  readonly tree: Tree;
  readonly bytes: number;
}

interface PendingCommit {
  /** As of the moment when it becomes visible. */
  readonly writes: () => readonly Write[];
  version: Version | undefined;
  /** Of the stage that the commit waits for. */
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * The engine in memory, with LMDB's limits and faults (E6): commits become visible and durable late, `crash` goes back to
 * the last durable one, snapshots do not change, keys are limited and the disk can be full.
 */
export class MemoryEngine implements Engine {
  readonly maxKeyBytes = MAX_KEY_BYTES;
  /** Consulted before each commit; an error code makes it fail. */
  fault: (() => 'full' | 'failed' | undefined) | undefined;
  capacityBytes: number;
  onDamage: ((damage: EngineDamage) => void) | undefined;
  onScrubbed: ((records: number) => void) | undefined;
  readonly #damagedKeys = new Map<string, Uint8Array>();
  readonly #options: MemoryEngineOptions;
  #visible: Version;
  #durable: Version;
  /** Not visible yet, oldest first; and visible but not durable yet. */
  #invisible: PendingCommit[] = [];
  #undurable: PendingCommit[] = [];
  #whenIdle: (() => void)[] = [];
  #state: 'open' | 'closed' | 'dead' = 'open';

  constructor(options: MemoryEngineOptions = {}) {
    this.#options = options;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#visible = { tree: Tree.EMPTY, bytes: 0 };
    this.#durable = this.#visible;
  }

  /** Bytes of the visible keys and values. */
  get bytes(): number {
    return this.#visible.bytes;
  }

  /**
   * The node dies. Returns the engine that the next start finds; `survivors` of the commits under way turn out to have become
   * durable, the oldest first. No promise of this engine settles any more, so that what is left of the dead node goes
   * nowhere.
   */
  crash(survivors = 0): MemoryEngine {
    this.#state = 'dead';
    const next = new MemoryEngine(this.#options);
    next.capacityBytes = this.capacityBytes;
    for (const [hex, key] of this.#damagedKeys) next.#damagedKeys.set(hex, key);
    let version = this.#durable;
    const pending = [...this.#undurable, ...this.#invisible];
    for (const { writes } of pending.slice(0, survivors)) version = applied(version, writes());
    next.#visible = version;
    next.#durable = version;
    return next;
  }

  /** From now on the record at this key is damaged: reads that meet it throw, and the scrub finds it in a moment. */
  damage(key: Uint8Array): void {
    this.#damagedKeys.set(toHex(key), key.slice());
    (this.#options.schedule ?? later)('visible', () => {
      if (this.#state === 'open') this.onDamage?.(damageAt(key));
    });
  }

  /** One of the first keys, for whoever looks for something to damage. */
  someKey(number: number): Uint8Array | undefined {
    const keys: Uint8Array[] = [];
    const cursor = this.#visible.tree.range({ from: new Uint8Array(0), to: LAST_KEY });
    for (let pair = cursor.next(); pair && keys.length < 200; pair = cursor.next()) {
      keys.push(pair.key);
    }
    return keys[number % Math.max(1, keys.length)];
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#check();
    this.#checkRecord(key);
    const value = this.#visible.tree.get(key);
    return value && copyBytes(value);
  }

  range(range: Range): Cursor {
    return this.snapshot().range(range);
  }

  snapshot(): EngineSnapshot {
    this.#check();
    return new MemorySnapshot(
      this.#visible.tree,
      () => this.#check(),
      (key) => this.#checkRecord(key),
    );
  }

  commit(writes: Iterable<Write>): Commit {
    this.#check();
    const commits = copied(writes);
    return this.#commit(() => commits);
  }

  commitStored(keys: readonly Uint8Array[]): Commit {
    this.#check();
    return this.#commit(() => copied(unpacked(concatBytes(keys.map((key) => this.#stored(key))))));
  }

  #stored(key: Uint8Array): Uint8Array {
    this.#checkRecord(key);
    const stored = this.#visible.tree.get(key);
    if (!stored) throw new Error('there is nothing under the key of a stored commit');
    return stored;
  }

  #commit(writes: () => readonly Write[]): Commit {
    const schedule = this.#options.schedule ?? later;
    const commit: PendingCommit = {
      writes,
      version: undefined,
      resolve: () => {},
      reject: () => {},
    };
    const visible = this.#stage(commit, this.#invisible, schedule, 'visible');
    const durable = visible.then(() => this.#stage(commit, this.#undurable, schedule, 'durable'));
    // A caller may wait for one of the two only.
    visible.catch(() => {});
    durable.catch(() => {});
    return { visible, durable };
  }

  async close(): Promise<void> {
    while (this.#invisible.length + this.#undurable.length > 0) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    if (this.#state === 'open') this.#state = 'closed';
  }

  #stage(
    commit: PendingCommit,
    queue: PendingCommit[],
    schedule: NonNullable<MemoryEngineOptions['schedule']>,
    stage: 'visible' | 'durable',
  ): Promise<void> {
    queue.push(commit);
    return new Promise<void>((resolve, reject) => {
      commit.resolve = resolve;
      commit.reject = reject;
      schedule(stage, () => {
        if (this.#state === 'dead') return;
        // Whichever delay ends first, the oldest goes first.
        const oldest = queue.shift() as PendingCommit;
        if (stage === 'visible') this.#makeVisible(oldest);
        else this.#makeDurable(oldest);
        this.#tellIdle();
      });
    });
  }

  #makeVisible(commit: PendingCommit): void {
    let writes: readonly Write[];
    try {
      writes = commit.writes();
    } catch (error) {
      // What is stored for it may be damaged.
      commit.reject(error);
      return;
    }
    const version = applied(this.#visible, writes);
    const code = this.fault?.() ?? (version.bytes > this.capacityBytes ? 'full' : undefined);
    if (code) {
      commit.reject(new DiskError(code, `commit of ${writes.length} writes refused`));
      return;
    }
    this.#visible = version;
    commit.version = version;
    commit.resolve();
  }

  #makeDurable(commit: PendingCommit): void {
    this.#durable = commit.version as Version;
    commit.resolve();
  }

  #tellIdle(): void {
    if (this.#invisible.length + this.#undurable.length > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #checkRecord(key: Uint8Array): void {
    if (this.#damagedKeys.size === 0 || !this.#damagedKeys.has(toHex(key))) return;
    this.onDamage?.(damageAt(key));
    throw new EngineDamagedError(damageAt(key));
  }

  #check(): void {
    if (this.#state === 'closed') throw new Error('the engine is closed');
  }
}

class MemorySnapshot implements EngineSnapshot {
  #tree: Tree | undefined;
  readonly #check: () => void;
  readonly #checkRecord: (key: Uint8Array) => void;

  constructor(tree: Tree, check: () => void, checkRecord: (key: Uint8Array) => void) {
    this.#tree = tree;
    this.#check = check;
    this.#checkRecord = checkRecord;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const tree = this.#opened();
    this.#checkRecord(key);
    const value = tree.get(key);
    return value && copyBytes(value);
  }

  range(range: Range): Cursor {
    const cursor = this.#opened().range(range);
    return {
      next: () => {
        this.#opened();
        const pair = cursor.next();
        if (pair && !range.keysOnly) this.#checkRecord(pair.key);
        return pair;
      },
      close: () => cursor.close(),
    };
  }

  close(): void {
    this.#tree = undefined;
  }

  #opened(): Tree {
    this.#check();
    if (!this.#tree) throw new Error('the snapshot is closed');
    return this.#tree;
  }
}

/** The caller's bytes may change after the call. */
function copied(writes: Iterable<Write>): Write[] {
  const copies: Write[] = [];
  let previous: Uint8Array | undefined;
  for (const { key, value } of writes) {
    if (key.length === 0 || key.length > MAX_KEY_BYTES) {
      throw new RangeError(`a key has ${key.length} bytes; 1 to ${MAX_KEY_BYTES} are allowed`);
    }
    if (previous && compareBytes(previous, key) >= 0) {
      throw new Error('writes of a commit must ascend by their keys');
    }
    previous = key.slice();
    copies.push({ key: previous, value: value?.slice() });
  }
  return copies;
}

function applied({ tree, bytes }: Version, writes: readonly Write[]): Version {
  let total = bytes;
  const next = tree.edit((put) => {
    for (const { key, value } of writes) {
      // A key is written at most once in a commit, so that the version before it tells what is replaced.
      const old = tree.get(key);
      if (old) total -= key.length + old.length;
      if (value) total += key.length + value.length;
      if (old || value) put(key, value);
    }
  });
  return { tree: next, bytes: total };
}

function damageAt(key: Uint8Array): EngineDamage {
  return { file: 'memory', key, reason: 'it was damaged on purpose' };
}

function later(_stage: string, step: () => void): void {
  void Promise.resolve().then(step);
}
