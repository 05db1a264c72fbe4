import { utf8 } from '../bytes/index.ts';
import type { ReplicaState, Write } from '../engine/index.ts';
import { wait } from '../ports/index.ts';
import type { Index, Raft, ReplicaId, Term } from '../raft/index.ts';
import { flushPace } from './flush-pace.ts';
import type { ReplicaHost, ReplicaLimits } from './options.ts';
import { neededByFollowers } from './retention.ts';
import type { Snapshots } from './snapshots.ts';
import type { StateMachine } from './state-machine.ts';

/** A flush that found no room is tried again after this long. */
const FLUSH_AGAIN_TICKS = 20;
/** Of a flush that is late on purpose. */
const LATE_MS = 100;

/** The group's configuration, beside what the state machine holds. */
export const CONFIG_KEY = Uint8Array.of(0x0f);

export interface UpkeepOptions {
  readonly host: ReplicaHost;
  readonly group: number;
  readonly id: ReplicaId;
  readonly raft: Raft;
  readonly state: ReplicaState;
  readonly machine: StateMachine;
  readonly snapshots: Snapshots;
  readonly limits: ReplicaLimits;
  /** A follower that was silent for so long is not there. */
  readonly silentTicksMax: number;
  /** The state must not be touched: it is being replaced, or the replica is closed. */
  readonly mayNot: () => boolean;
  readonly isClosed: () => boolean;
  /** A flush is over: applying may go on. */
  readonly onFlushed: () => void;
}

/**
 * What becomes of a replica's entries once they are applied: the state is flushed, memory lets go of them, and so does the log,
 * as far as nobody needs them any more (L3).
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #flushing: Promise<void> | undefined;
  /** After a flush that found no room. */
  #ticksToFlush = 0;
  #isStopping = false;
  /** Until the next trim: followers that are behind will need snapshots. */
  #keepsNothing = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** The flush that is under way. */
  get flushing(): Promise<void> | undefined {
    return this.#flushing;
  }

  /** Nothing waits for ticks: a flush that found no room does. */
  get isAtRest(): boolean {
    return this.#ticksToFlush === 0 && !this.#options.state.isDiskFull && !this.#keepsNothing;
  }

  tick(): void {
    if (this.#ticksToFlush > 0) this.#ticksToFlush--;
    if (this.#options.host.buggify('group: keep nothing for followers')) this.#keepsNothing = true;
    this.#flushIfNeeded();
    this.#unpin();
  }

  afterApply(): void {
    this.#evict();
    this.#flushIfNeeded();
    if (this.#options.limits.storedLogBytesMax < Number.POSITIVE_INFINITY) this.#unpin();
  }

  /** Makes everything applied durable in the engine, at once: whoever stops waits for it. */
  async flushAll(): Promise<void> {
    this.#isStopping = true;
    await this.#flushing;
    const { state, mayNot } = this.#options;
    // A snapshot that is being installed makes its own state durable, and the log replays the rest.
    if (!mayNot() && state.appliedIndex > state.durableIndex) await this.#flush();
  }

  /** What is kept in memory besides the state: written whenever the state is kept (G12). */
  caches(): Write[] {
    const { machine, state, raft } = this.#options;
    return [
      ...machine.cacheWrites(state),
      { key: CONFIG_KEY, value: utf8(JSON.stringify(raft.configAt(state.appliedIndex))) },
    ];
  }

  /**
   * Resolves when everything handed to the log so far is durable. Entries may be applied before that, since a majority
   * has them; but the engine must not become durable beyond the log, or a restart would find a gap.
   */
  logDurable(): Promise<void> {
    const { host, id } = this.#options;
    return new Promise((resolve) => {
      host.log.append(id, {}, resolve);
      host.log.flush();
    });
  }

  get #canFlush(): boolean {
    return !this.#flushing && this.#ticksToFlush === 0 && !this.#options.mayNot();
  }

  /** When the memtable is large. */
  #flushIfNeeded(): void {
    if (!this.#canFlush) return;
    const { state, host } = this.#options;
    if (state.needsFlush || host.buggify('group: flush early')) void this.#flush();
  }

  #flush(): Promise<void> {
    const { host, group, state, isClosed, onFlushed } = this.#options;
    const wasFull = state.isDiskFull;
    const flushing = state
      .flush({
        extra: () => this.caches(),
        logDurable: async () => {
          if (host.buggify('group: a late flush')) await wait(host.clock, LATE_MS);
          await this.logDurable();
        },
        pace: this.#isStopping ? undefined : flushPace(host.clock, () => state.pressure),
      })
      .then(
        () => {
          this.#flushing = undefined;
          // What the log may let go of it lets go of after the next start: it takes nothing more.
          if (isClosed()) return;
          if (wasFull) host.notice(`group ${group}: the disk has room again`);
          this.#trim();
          onFlushed();
        },
        (error) => {
          this.#flushing = undefined;
          // The engine was closed in the middle of it; what is sealed is finished at the next start.
          if (isClosed()) return;
          if (!state.isDiskFull) {
            host.fatal(error);
            return;
          }
          // Nothing is lost: the memtable stays, and is written again (F7).
          this.#ticksToFlush = FLUSH_AGAIN_TICKS;
          if (!wasFull) {
            host.notice(`group ${group}: no room to write its state: ${error.message}`);
          }
        },
      );
    this.#flushing = flushing;
    return flushing;
  }

  /** Bounds what is in memory: entries that are applied and durable in the log can be read back from there. */
  #evict(): void {
    const { raft, limits, host } = this.#options;
    const { logBytes, firstIndex, lastIndex, appliedIndex, durableIndex } = raft;
    const logBytesKept = host.buggify('group: keep nothing in memory') ? 0 : limits.logBytesKept;
    if (logBytes <= logBytesKept) return;
    const entriesKept = Math.floor((logBytesKept / logBytes) * (lastIndex - firstIndex + 1));
    const index = Math.min(lastIndex - entriesKept, appliedIndex, durableIndex);
    if (index >= firstIndex) raft.evict(index);
  }

  /** Lets go of what is too much of the log: what the engine lacks of it is flushed first (L3). */
  #unpin(): void {
    const through = this.#pinnedThrough();
    if (through === 0 || !this.#canFlush) return;
    const { appliedIndex, durableIndex } = this.#options.state;
    if (durableIndex < through && durableIndex < appliedIndex) void this.#flush();
    else this.#trim();
  }

  /** The log shall let go of everything up to here; 0 when it need not. */
  #pinnedThrough(): Index {
    const { host, id, state, limits } = this.#options;
    const { storedLogBytesMax } = limits;
    if (this.#keepsNothing) return state.appliedIndex;
    const isLong =
      storedLogBytesMax < Number.POSITIVE_INFINITY && host.log.liveBytes(id) > storedLogBytesMax;
    return isLong ? state.appliedIndex : host.log.pinnedThrough(id);
  }

  /** As far as the engine has it and nobody else needs it. */
  #trim(): void {
    const { host, id, raft, state } = this.#options;
    const index = Math.min(this.#pinnedThrough(), state.durableIndex, this.#neededAfter());
    this.#keepsNothing = false;
    if (index <= raft.storedIndex) return;
    const term = this.#termAt(index);
    raft.compact(index);
    host.log.trim(id, index, term);
  }

  /** The log after this index is kept: for a snapshot that is being made, and for the followers. */
  #neededAfter(): Index {
    const { host, raft, snapshots, silentTicksMax } = this.#options;
    if (this.#keepsNothing) return snapshots.makingIndex ?? Number.POSITIVE_INFINITY;
    const byFollowers = neededByFollowers({
      followers: raft.status().followers,
      log: host.log,
      offeredBytes: host.snapshotWork.offeredBytes,
      silentTicksMax,
    });
    return Math.min(snapshots.makingIndex ?? byFollowers, byFollowers);
  }

  #termAt(index: Index): Term {
    const { raft, id } = this.#options;
    const term = raft.termAt(index);
    if (term === undefined) throw new Error(`no term at ${index} of replica ${id}`);
    return term;
  }
}
