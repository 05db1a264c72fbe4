import { ChunkPool } from './arena.ts';
import type { Engine, EngineDamage, Write } from './engine.ts';
import { finishFlush } from './flush.ts';
import { MemtableBudget } from './memtable-budget.ts';
import { ReplicaState, type ReplicaStateOptions } from './replica-state.ts';
import {
  DELETED_SPACE_RANGE,
  decodeSpace,
  decodeState,
  deletedSpaceKey,
  encodeSpace,
  idOf,
  NEXT_SPACE_KEY,
  REPLICA_RANGE,
  recordWrite,
  replicaKey,
  SPACE_BYTES,
  type StateRecord,
  spacePrefix,
} from './space.ts';

/** Keys deleted in one commit: small, so that the commits of flushes do not wait long. */
const DELETE_KEYS_MAX = 500;

const ONE = Uint8Array.of(1);

export interface ReplicaStatesOptions extends ReplicaStateOptions {
  /** Of all memtables of all replicas together, in bytes; 48 MiB unless told. */
  readonly memtablesBytesMax?: number;
  /** How much more they may take while the disk is full (`MemtableBudget`), in bytes; 128 MiB unless told. */
  readonly memtablesReserveBytes?: number;
}

/** What is in memtables is applied again after a crash, at some 15 µs an entry: half of this, which is the usual, in a second. */
const MEMTABLES_BYTES_MAX = 48 * 1024 * 1024;
/** More than twice that: a follower's memtables may be full when its leader's, after a flush, are empty; the rest is for what is under way. */
const MEMTABLES_RESERVE_BYTES = 128 * 1024 * 1024;

/** Reads what the engine knows about its replicas. */
export function openReplicaStates(
  engine: Engine,
  options: ReplicaStatesOptions = {},
): ReplicaStates {
  return new ReplicaStates(engine, options);
}

/** All replicas' states in one engine: who has which space, and which spaces are to be deleted. */
export class ReplicaStates {
  readonly engine: Engine;
  /** For ReplicaState: memory of memtables, which they share. */
  readonly chunks = new ChunkPool();
  /** For ReplicaState. */
  readonly budget: MemtableBudget;
  readonly #options: ReplicaStateOptions;
  readonly #records = new Map<number, StateRecord>();
  readonly #opened = new Map<number, ReplicaState | undefined>();
  /** Listed for deletion; those that an install still fills are left alone. */
  readonly #deleted = new Set<number>();
  readonly #filling = new Set<number>();
  #nextSpace = 1;
  #deleting: Promise<void> | undefined;

  /** See {@link openReplicaStates}. */
  constructor(engine: Engine, options: ReplicaStatesOptions) {
    this.engine = engine;
    this.budget = new MemtableBudget(
      options.memtablesBytesMax ?? MEMTABLES_BYTES_MAX,
      options.memtablesReserveBytes ?? MEMTABLES_RESERVE_BYTES,
    );
    this.#options = options;
    const snapshot = engine.snapshot();
    try {
      const replicas = snapshot.range(REPLICA_RANGE);
      for (let pair = replicas.next(); pair; pair = replicas.next()) {
        this.#records.set(idOf(pair.key), decodeState(pair.value));
      }
      const deleted = snapshot.range(DELETED_SPACE_RANGE);
      for (let pair = deleted.next(); pair; pair = deleted.next())
        this.#deleted.add(idOf(pair.key));
      const next = snapshot.get(NEXT_SPACE_KEY);
      if (next) this.#nextSpace = decodeSpace(next);
    } finally {
      snapshot.close();
    }
  }

  /** The replicas whose state is kept here, ascending. */
  replicas(): readonly number[] {
    return [...this.#records.keys()].sort((a, b) => a - b);
  }

  /**
   * The state of a replica, empty at index 0 when it is new. One object per replica at a time. A flush that a crash interrupted
   * is finished first.
   *
   * Rejects with DiskError when there is no room for that, or to write down a new one.
   */
  async open(replica: number, options: ReplicaStateOptions = {}): Promise<ReplicaState> {
    if (this.#opened.has(replica)) throw new Error(`replica ${replica} is open already`);
    this.#opened.set(replica, undefined);
    try {
      const sizes = { ...this.#options, ...options };
      const finishing = finishFlush(this.engine, replica);
      if (finishing) this.#records.set(replica, await finishing);
      const record = this.#records.get(replica) ?? (await this.#create(replica));
      const state = new ReplicaState(this, replica, record, sizes);
      this.#opened.set(replica, state);
      return state;
    } catch (error) {
      this.#opened.delete(replica);
      throw error;
    }
  }

  /**
   * Calls back for all damage that is found in what the engine holds, with the replica whose state it is; undefined: it is
   * what the engine knows about all of them.
   */
  onDamage(listener: (replica: number | undefined, damage: EngineDamage) => void): void {
    this.engine.onDamage = (damage) => {
      const space = damage.key.length < SPACE_BYTES ? undefined : decodeSpace(damage.key);
      // What waits to be deleted serves nobody.
      if (space !== undefined && this.#deleted.has(space) && !this.#filling.has(space)) return;
      let holder: number | undefined;
      for (const [replica, record] of this.#records) if (record.space === space) holder = replica;
      listener(holder, damage);
    };
  }

  /** Whether `deleteSpaces` has something to do. */
  get hasDeletedSpaces(): boolean {
    for (const space of this.#deleted) if (!this.#filling.has(space)) return true;
    return false;
  }

  /**
   * Deletes what replaced and removed replicas left, in small commits, and resolves when nothing is left or when there were
   * so many commits: who calls it now and then bounds the rate. After a crash the next call goes on. While a call is under
   * way this returns that one. Rejects with DiskError; call it again later.
   */
  deleteSpaces(commitsMax = Number.POSITIVE_INFINITY): Promise<void> {
    this.#deleting ??= this.#deleteSpaces(commitsMax).finally(() => {
      this.#deleting = undefined;
    });
    return this.#deleting;
  }

  /** The last flush of some replica found no room on the disk (F7). */
  get isDiskFull(): boolean {
    return this.budget.isDiskFull;
  }

  /**
   * For ReplicaState: no other replica could flush more, nor is one under way, which makes room as it ends; unless that may be
   * too late.
   */
  isNext(state: ReplicaState): boolean {
    for (const other of this.#opened.values()) {
      if (!other) continue;
      if (other.flushableBytes > state.flushableBytes) return false;
      if (other.isFlushing && this.budget.pressure < 1) return false;
    }
    return true;
  }

  /** For ReplicaState: the flush with this record is durable. */
  recordDurable(replica: number, record: StateRecord): void {
    this.#records.set(replica, record);
  }

  /** For ReplicaState: a new space to fill, listed for deletion until `switchTo` names it. */
  async allocate(): Promise<number> {
    const space = this.#nextSpace++;
    this.#filling.add(space);
    await this.engine.commit([
      { key: NEXT_SPACE_KEY, value: encodeSpace(this.#nextSpace) },
      { key: deletedSpaceKey(space), value: ONE },
    ]).durable;
    this.#deleted.add(space);
    return space;
  }

  /** For ReplicaState: the replica's state is the new space from now on, and the old one is to be deleted. */
  async switchTo(
    replica: number,
    record: StateRecord,
    old: number,
    removal: readonly Write[],
  ): Promise<void> {
    const listed = [
      { space: record.space, value: undefined },
      { space: old, value: ONE },
    ].sort((a, b) => a.space - b.space);
    await this.engine.commit([
      recordWrite(replica, record),
      ...listed.map(({ space, value }) => ({ key: deletedSpaceKey(space), value })),
      ...removal,
    ]).durable;
    this.#records.set(replica, record);
    this.#deleted.delete(record.space);
    this.#filling.delete(record.space);
    this.#deleted.add(old);
  }

  /** For ReplicaState: an install gave up, so its space may be deleted. */
  abandon(space: number): void {
    this.#filling.delete(space);
  }

  /** For ReplicaState: nothing of the replica is needed any more. */
  async remove(replica: number, space: number, removal: readonly Write[]): Promise<void> {
    await this.engine.commit([
      { key: replicaKey(replica), value: undefined },
      { key: deletedSpaceKey(space), value: ONE },
      ...removal,
    ]).durable;
    this.#records.delete(replica);
    this.#opened.delete(replica);
    this.#deleted.add(space);
  }

  async #create(replica: number): Promise<StateRecord> {
    const record = { space: this.#nextSpace++, index: 0, term: 0 };
    await this.engine.commit([
      recordWrite(replica, record),
      { key: NEXT_SPACE_KEY, value: encodeSpace(this.#nextSpace) },
    ]).durable;
    this.#records.set(replica, record);
    return record;
  }

  async #deleteSpaces(commitsMax: number): Promise<void> {
    for (let commits = 0; commits < commitsMax; commits++) {
      const space = [...this.#deleted].find((listed) => !this.#filling.has(listed));
      if (space === undefined) return;
      if (await this.#deleteSome(space)) continue;
      await this.engine.commit([{ key: deletedSpaceKey(space), value: undefined }]).durable;
      this.#deleted.delete(space);
    }
  }

  /** Returns whether there may be more. */
  async #deleteSome(space: number): Promise<boolean> {
    const writes: Write[] = [];
    const snapshot = this.engine.snapshot();
    try {
      const cursor = snapshot.range({
        from: spacePrefix(space),
        to: spacePrefix(space + 1),
        keysOnly: true,
      });
      while (writes.length < DELETE_KEYS_MAX) {
        const pair = cursor.next();
        if (!pair) break;
        writes.push({ key: pair.key, value: undefined });
      }
      cursor.close();
    } finally {
      snapshot.close();
    }
    if (writes.length > 0) await this.engine.commit(writes).durable;
    return writes.length === DELETE_KEYS_MAX;
  }
}
