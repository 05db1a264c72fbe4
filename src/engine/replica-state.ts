import { type Disk, DiskError } from '../ports/index.ts';
import type { Cursor, Engine, Range, Reader, Write } from './engine.ts';
import { PartedFlush } from './flush.ts';
import { Memtable, NOW } from './memtable.ts';
import { MergedCursor } from './merged-cursor.ts';
import type { Pace } from './pace.ts';
import type { ReplicaStates } from './replica-states.ts';
import { fillSpace } from './snapshot-install.ts';
import { inSpace, recordWrite, SPACE_BYTES, type StateRecord, spacePrefix } from './space.ts';

export interface ReplicaStateOptions {
  /** `needsFlush` from this size of the memtable on, in bytes; 16 MiB unless told. */
  readonly memtableBytes?: number;
  /** `isFull` from this size of both memtables together on, in bytes; three times `memtableBytes` unless told. */
  readonly hardBytes?: number;
  /** A larger memtable is flushed in commits of this size, in bytes, if it may take its time; 256 KiB unless told. */
  readonly flushPartBytes?: number;
  /** Seeds the memtables' hashes: a random number keeps clients from choosing keys that collide. */
  readonly hashSeed?: number;
}

export interface FlushOptions {
  /** Asked once at the moment that the memtable freezes, for what belongs to the state as of then and was kept elsewhere. */
  readonly extra?: () => readonly Write[];
  /**
   * Asked after the freeze, and the commit waits for it: the log on the disk must reach as far as the state does, or a restart
   * would find a gap between the two.
   */
  readonly logDurable?: () => Promise<void>;
  /** Unless told, everything is one commit, at once; otherwise many small ones at this pace, and all or nothing just so. */
  readonly pace?: Pace | undefined;
}

const MEMTABLE_BYTES = 16 * 1024 * 1024;
const HARD_FACTOR = 3;
const FLUSH_PART_BYTES = 256 * 1024;

/** The state as of one applied entry, however the replica goes on. Close it soon: it pins memory and pages of the disk. */
export interface ReplicaView extends Reader {
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  /** Everything, in key order. */
  all(): Cursor;
  close(): void;
}

interface Frozen {
  readonly table: Memtable;
  /** What the state is when the table is flushed. */
  readonly record: StateRecord;
}

/**
 * The state of one replica: an active memtable, at most one frozen memtable whose flush is under way, and its space in the
 * engine; reads look through them in this order.
 *
 * Invariants: durableIndex <= appliedIndex; the engine holds exactly the state as of `durableIndex` (E1).
 */
export class ReplicaState implements Reader {
  readonly replica: number;
  readonly #states: ReplicaStates;
  readonly #engine: Engine;
  readonly #memtableBytes: number;
  readonly #hardBytes: number;
  readonly #hashSeed: number;
  readonly #partBytes: number;
  readonly #parted: PartedFlush;
  #prefix: Uint8Array;
  #active: Memtable;
  #frozen: Frozen | undefined;
  #durable: StateRecord;
  #appliedIndex: number;
  #appliedTerm: number;
  #flushing: Promise<void> | undefined;
  #diskFull = false;
  /** Of both memtables, as of the last change. */
  #countedBytes = 0;
  #installing = false;
  #removed = false;

  /** Use `ReplicaStates.open`. */
  constructor(
    states: ReplicaStates,
    replica: number,
    durable: StateRecord,
    options: ReplicaStateOptions,
  ) {
    this.replica = replica;
    this.#states = states;
    this.#engine = states.engine;
    this.#memtableBytes = options.memtableBytes ?? MEMTABLE_BYTES;
    this.#hardBytes = options.hardBytes ?? HARD_FACTOR * this.#memtableBytes;
    this.#hashSeed = options.hashSeed ?? 0;
    this.#partBytes = options.flushPartBytes ?? FLUSH_PART_BYTES;
    this.#parted = new PartedFlush(states.engine, replica, this.#partBytes);
    this.#prefix = spacePrefix(durable.space);
    this.#active = this.#newTable();
    this.#durable = durable;
    this.#appliedIndex = durable.index;
    this.#appliedTerm = durable.term;
  }

  /** Longest key, in bytes. */
  get maxKeyBytes(): number {
    return this.#engine.maxKeyBytes - SPACE_BYTES;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get appliedTerm(): number {
    return this.#appliedTerm;
  }

  /** What survives a crash without the log. */
  get durableIndex(): number {
    return this.#durable.index;
  }

  get durableTerm(): number {
    return this.#durable.term;
  }

  /** Of both memtables. */
  get memtableBytes(): number {
    return this.#active.bytes + (this.#frozen?.table.bytes ?? 0);
  }

  /** What a flush that began now would write, in bytes. */
  get flushableBytes(): number {
    return this.#flushing || this.#installing ? 0 : this.#active.bytes;
  }

  /**
   * No flush is under way, and the memtable has reached its size, or all together fill what they may have and this is the
   * one to begin with; or the last flush failed.
   */
  get needsFlush(): boolean {
    if (this.#flushing || this.#installing) return false;
    if (this.#frozen || this.#active.bytes >= this.#memtableBytes) return true;
    return this.#states.budget.isFilling && this.#states.isNext(this);
  }

  /**
   * How soon apply may have to pause for the flush that is under way: from 0, not for long, to 1.
   */
  get pressure(): number {
    const own = this.#active.bytes / this.#memtableBytes;
    return Math.min(1, Math.max(own, this.#states.budget.pressure));
  }

  /** For ReplicaStates. */
  get isFlushing(): boolean {
    return this.#flushing !== undefined;
  }

  /** The last flush found no room on the disk; flushing again heals once there is some (F7). */
  get isDiskFull(): boolean {
    return this.#diskFull;
  }

  /**
   * Past the hard limit, its own or that of all together: apply must pause until a flush is done (S4). While the disk is full,
   * for this replica or another one, there is the reserve of `MemtableBudget` instead.
   */
  get isFull(): boolean {
    const { budget } = this.#states;
    return budget.isFull || (!budget.isDiskFull && this.#countedBytes >= this.#hardBytes);
  }

  /** False while the disk is full: a leader begins nothing that is not under way (L4). */
  get mayPropose(): boolean {
    return this.#states.budget.mayPropose;
  }

  /** False while the disk is full and a follower could soon not apply what it takes (L4). */
  get mayAppend(): boolean {
    return this.#states.budget.mayAppend;
  }

  /** Apply pauses, and as many entries wait for that as may: nothing more is taken (S4). */
  get isBacklogFull(): boolean {
    return this.isFull && this.#states.budget.isBacklogFull;
  }

  /** So many bytes of entries came that are to be applied; less than 0: were applied, or need not be any more. */
  waits(bytes: number): void {
    this.#states.budget.waits(bytes);
  }

  /** The caller owns the bytes. */
  get(key: Uint8Array): Uint8Array | undefined {
    const active = this.#active.get(key);
    if (active !== undefined) return active ?? undefined;
    const frozen = this.#frozen?.table.get(key);
    if (frozen !== undefined) return frozen ?? undefined;
    return this.#engine.get(inSpace(this.#prefix, key));
  }

  /** Close it, or read it to its end, in this turn; a view stands still instead. */
  range(range: Range): Cursor {
    const tables = [{ table: this.#active, epoch: NOW }];
    if (this.#frozen) tables.push({ table: this.#frozen.table, epoch: NOW });
    for (const { table } of tables) table.retain();
    return mergedRange(tables, this.#engine, this.#prefix, range, () => {
      for (const { table } of tables) table.release();
    });
  }

  /**
   * Takes in what applying the entry {index, term} changed, all of it or, when it throws, nothing. Indexes follow each other
   * without gaps; an entry that changes nothing is applied too. A key may occur twice: the last write counts.
   */
  apply(index: number, term: number, writes: readonly Write[]): void {
    this.#assertUsable();
    if (this.#installing) throw new Error(`replica ${this.replica}: apply during an install`);
    if (index !== this.#appliedIndex + 1 || term < this.#appliedTerm) {
      const applied = `{${this.#appliedIndex}, ${this.#appliedTerm}}`;
      throw new Error(`replica ${this.replica}: apply {${index}, ${term}} after ${applied}`);
    }
    this.#assertKeys(writes);
    for (const { key, value } of writes) this.#active.put(key, value);
    this.#appliedIndex = index;
    this.#appliedTerm = term;
    this.#count();
  }

  /**
   * Puts what belongs to the state as of `appliedIndex` and was kept elsewhere into it, before a view that must have it.
   */
  complete(writes: readonly Write[]): void {
    this.#assertUsable();
    this.#assertKeys(writes);
    for (const { key, value } of writes) this.#active.put(key, value);
    this.#count();
  }

  /** The state as of now, which stands still. */
  view(): ReplicaView {
    this.#assertUsable();
    const { appliedIndex, appliedTerm } = this;
    const active = this.#active;
    const epoch = active.pin();
    const tables = [{ table: active, epoch }];
    if (this.#frozen) tables.push({ table: this.#frozen.table, epoch: NOW });
    for (const { table } of tables) table.retain();
    const snapshot = this.#engine.snapshot();
    const prefix = this.#prefix;
    let open = true;
    const check = () => {
      if (!open) throw new Error('the view is closed');
    };
    return {
      appliedIndex,
      appliedTerm,
      get: (key) => {
        check();
        for (const { table, epoch } of tables) {
          const value = table.get(key, epoch);
          if (value !== undefined) return value ?? undefined;
        }
        return snapshot.get(inSpace(prefix, key));
      },
      range: (range) => {
        check();
        return mergedRange(tables, snapshot, prefix, range, () => {});
      },
      all: () => {
        check();
        return mergedRange(tables, snapshot, prefix, undefined, () => {});
      },
      close: () => {
        if (!open) return;
        open = false;
        active.unpin(epoch);
        for (const { table } of tables) table.release();
        snapshot.close();
      },
    };
  }

  /**
   * Makes everything applied so far durable in one commit (E1) and resolves then. While a flush is under way this returns
   * that one. After a failed one (it rejects with DiskError, nothing is lost) the same memtable is written again.
   */
  flush({
    extra = () => [],
    logDurable = () => Promise.resolve(),
    pace,
  }: FlushOptions = {}): Promise<void> {
    this.#assertUsable();
    if (this.#installing) throw new Error(`replica ${this.replica}: flush during an install`);
    this.#flushing ??= this.#flush(extra, logDurable, pace).finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /**
   * Replaces the whole state by that of a snapshot file (E3): fills a new space in small commits, at that pace, and switches
   * to it in one.
   * Until it resolves, and for ever when it rejects, the old state stands. Nothing may be applied meanwhile.
   *
   * Rejects with {@link SnapshotDamagedError} or DiskError.
   */
  async installSnapshot(
    disk: Disk,
    path: string,
    pace?: Pace,
  ): Promise<{ index: number; term: number }> {
    this.#assertUsable();
    if (this.#installing) throw new Error(`replica ${this.replica}: two installs at a time`);
    this.#installing = true;
    try {
      // A flush that came after the switch would bring the old space back.
      await this.#flushing?.catch(() => {});
      const space = await this.#states.allocate();
      try {
        const { index, term } = await fillSpace(this.#engine, space, disk, path, pace);
        const record = { space, index, term };
        const removal = this.#parted.removal();
        await this.#states.switchTo(this.replica, record, this.#durable.space, removal);
        this.#parted.removed();
        this.#durable = record;
        this.#prefix = spacePrefix(space);
        this.#active.release();
        this.#frozen?.table.release();
        this.#active = this.#newTable();
        this.#frozen = undefined;
        this.#appliedIndex = index;
        this.#appliedTerm = term;
        this.#found(true);
        this.#count();
        return { index, term };
      } catch (error) {
        this.#states.abandon(space);
        throw error;
      }
    } finally {
      this.#installing = false;
    }
  }

  /** Forgets the replica; its data is deleted by `ReplicaStates.deleteSpaces`. The object is of no use afterwards. */
  async remove(): Promise<void> {
    this.#assertUsable();
    if (this.#installing) throw new Error(`replica ${this.replica}: remove during an install`);
    this.#removed = true;
    await this.#flushing?.catch(() => {});
    this.#states.budget.grew(-this.#countedBytes);
    this.#countedBytes = 0;
    this.#found(true);
    await this.#states.remove(this.replica, this.#durable.space, this.#parted.removal());
  }

  async #flush(
    extra: () => readonly Write[],
    logDurable: () => Promise<void>,
    pace: Pace | undefined,
  ): Promise<void> {
    if (!this.#frozen) {
      this.complete(extra());
      if (this.#active.size === 0 && this.#appliedIndex === this.#durable.index) return;
      const record = {
        space: this.#durable.space,
        index: this.#appliedIndex,
        term: this.#appliedTerm,
      };
      this.#frozen = { table: this.#active, record };
      this.#active = this.#newTable();
    }
    const { table, record } = this.#frozen;
    await logDurable();
    const writes = table.writes(this.#prefix);
    try {
      if (pace && table.bytes > this.#partBytes) await this.#parted.run(record, writes, pace);
      else await this.#flushAtOnce(record, writes);
    } catch (error) {
      this.#found(!(error instanceof DiskError && error.code === 'full'));
      throw error;
    }
    this.#found(true);
    this.#durable = record;
    this.#frozen = undefined;
    table.release();
    this.#count();
    this.#states.recordDurable(this.replica, record);
  }

  async #flushAtOnce(record: StateRecord, writes: Iterable<Write>): Promise<void> {
    const first = [recordWrite(this.replica, record), ...this.#parted.removal()];
    const all = function* (): Generator<Write> {
      yield* first;
      yield* writes;
    };
    await this.#engine.commit(all()).durable;
    this.#parted.removed();
  }

  /** Adds what the memtables have grown or shrunk to the sum over all replicas. */
  #count(): void {
    const bytes = this.memtableBytes;
    this.#states.budget.grew(bytes - this.#countedBytes);
    this.#countedBytes = bytes;
  }

  #found(hasRoom: boolean): void {
    this.#diskFull = !hasRoom;
    this.#states.budget.found(this, hasRoom);
  }

  #newTable(): Memtable {
    return new Memtable(this.#hashSeed, this.#states.chunks);
  }

  #assertKeys(writes: readonly Write[]): void {
    for (const { key } of writes) {
      if (key.length > this.maxKeyBytes) {
        throw new RangeError(
          `a key has ${key.length} bytes; up to ${this.maxKeyBytes} are allowed`,
        );
      }
    }
  }

  #assertUsable(): void {
    if (this.#removed) throw new Error(`replica ${this.replica} was removed`);
  }
}

function mergedRange(
  tables: readonly { readonly table: Memtable; readonly epoch: number }[],
  reader: Reader,
  prefix: Uint8Array,
  range: Range | undefined,
  onClose: () => void,
): Cursor {
  const reverse = range?.reverse ?? false;
  const cursors = tables.map(({ table, epoch }) =>
    table.cursor(range?.from, range?.to, reverse, epoch),
  );
  const space = new DataView(prefix.buffer, prefix.byteOffset).getUint32(0);
  const engine = reader.range({
    from: range ? inSpace(prefix, range.from) : prefix,
    to: range ? inSpace(prefix, range.to) : spacePrefix(space + 1),
    reverse,
  });
  return new MergedCursor(cursors, engine, reverse, onClose);
}
