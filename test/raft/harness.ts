import {
  type Config,
  type EntriesWanted,
  type Entry,
  type HardState,
  type LogPosition,
  type Message,
  Raft,
  type RaftOptions,
  type ReadState,
  type Ready,
  type ReplicaId,
  type SnapshotMeta,
} from '../../src/raft/index.ts';

// A host for the core with a disk that forgets exactly what was not written: every duty of the package comment, one
// method each, so that tests decide when each of them happens, overlaps or is cut short by a crash.

/** mulberry32: one 32-bit seed, one stream. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

export function incarnationOf(id: ReplicaId): string {
  return id.toString(16).padStart(16, '0');
}

export function member(id: ReplicaId): { readonly id: ReplicaId; readonly incarnation: string } {
  return { id, incarnation: incarnationOf(id) };
}

export function configOf(
  incoming: readonly ReplicaId[],
  outgoing: readonly ReplicaId[] = [],
  learners: readonly ReplicaId[] = [],
): Config {
  return {
    incoming: incoming.map(member),
    outgoing: outgoing.map(member),
    learners: learners.map(member),
    plan: 0,
  };
}

export const DEFAULTS = {
  electionTicks: 10,
  heartbeatTicks: 1,
  quiesceTicks: 0,
  preVote: true,
  checkQuorum: true,
  appendEmptyEntry: true,
  appendBytesMax: 64 * 1024,
  inflightBytesMax: 1024 * 1024,
  uncommittedBytesMax: 4 * 1024 * 1024,
  canVote: true,
  quarantine: 0,
} as const satisfies Partial<RaftOptions>;

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** Entries 1, 2, … with the given terms, as the figures of the paper draw logs. */
export function logOf(terms: readonly number[]): Entry[] {
  return terms.map((term, i) => ({
    index: i + 1,
    term,
    kind: 'normal',
    data: bytes(`${i + 1}.${term}`),
  }));
}

/** The state machine: the hash of every entry applied so far, in order. */
export interface State {
  readonly index: number;
  readonly term: number;
  readonly hash: number;
  readonly config: Config;
}

export function applyEntry(state: State, entry: Entry): State {
  if (entry.index !== state.index + 1) {
    throw new Error(`applied ${entry.index} after ${state.index}`);
  }
  let hash = Math.imul(state.hash ^ entry.term, 0x01000193);
  for (const byte of entry.data) hash = Math.imul(hash ^ byte, 0x01000193);
  const config = entry.kind === 'config' ? (JSON.parse(text(entry.data)) as Config) : state.config;
  return { index: entry.index, term: entry.term, hash: hash >>> 0, config };
}

/** What survives a crash. */
export interface Disk {
  hardState: HardState;
  compacted: LogPosition;
  entries: Entry[];
  /** The durable state, which may lag behind what was applied. */
  state: State;
}

export interface Write {
  readonly ready: Ready;
}

export type SimOptions = Partial<Omit<RaftOptions, 'id' | 'incarnation'>> & {
  readonly config: Config;
};

export class SimReplica {
  readonly id: ReplicaId;
  readonly disk: Disk;
  options: SimOptions;
  raft: Raft;
  alive = true;
  /** Counts the lives of this replica. */
  life = 1;
  /** What was applied, in memory. */
  state: State;
  /** Taken and not yet durable, oldest first. */
  writes: Ready[] = [];
  /** Taken and not yet applied. */
  toApply: Entry[] = [];
  installing: { readonly from: ReplicaId; readonly meta: SnapshotMeta } | undefined;
  wanted: ReplicaId[] = [];
  /** Entries to read back from the disk. */
  toRead: EntriesWanted[] = [];
  reads: ReadState[] = [];
  /** Snapshot files by their last index; a crash leaves them. */
  readonly files = new Map<number, State>();
  readonly #randomBelow: (n: number) => number;
  readonly #send: (message: Message) => void;

  constructor(
    id: ReplicaId,
    options: SimOptions,
    randomBelow: (n: number) => number,
    send: (message: Message) => void,
  ) {
    this.id = id;
    this.options = options;
    this.#randomBelow = randomBelow;
    this.#send = send;
    const compacted = options.compacted ?? { index: 0, term: 0 };
    this.disk = {
      hardState: options.hardState ?? { term: 0, vote: 0, commit: 0 },
      compacted,
      entries: [...(options.entries ?? [])],
      state: { ...compacted, hash: 0, config: options.config },
    };
    this.state = this.disk.state;
    this.raft = this.#start();
  }

  // Duty 1, with the rule for a state that is ahead of the log.
  #start(): Raft {
    const { disk } = this;
    const { state } = disk;
    const offset = state.index - disk.compacted.index;
    const termThere = offset === 0 ? disk.compacted.term : disk.entries[offset - 1]?.term;
    if (offset < 0 || termThere !== state.term) {
      disk.entries = [];
      disk.compacted = { index: state.index, term: state.term };
    }
    return new Raft({
      ...DEFAULTS,
      ...this.options,
      canVote: this.options.canVote !== false || state.index > 0,
      id: this.id,
      incarnation: incarnationOf(this.id),
      config: state.config,
      hardState: disk.hardState,
      entries: [...disk.entries],
      compacted: disk.compacted,
      applied: state.index,
      randomBelow: this.#randomBelow,
    });
  }

  /** Duties 4a to 4g up to the point where something takes time. */
  takeReady(): Ready | undefined {
    if (!this.raft.hasReady()) return undefined;
    const ready = this.raft.ready();
    if (ready.writeNumber > 0) this.writes.push(ready);
    else if (ready.messagesAfterWrite.length > 0) throw new Error('nothing to wait for');
    for (const message of ready.messages) this.#send(message);
    this.toApply.push(...ready.committedEntries);
    if (ready.snapshot !== undefined) this.installing = ready.snapshot;
    this.wanted.push(...ready.snapshotsWanted);
    this.toRead.push(...ready.entriesWanted);
    this.reads.push(...ready.readStates);
    return ready;
  }

  /** Makes the oldest `count` writes durable and reports them with one call. */
  completeWrites(count = this.writes.length): void {
    const done = this.writes.splice(0, count);
    for (const ready of done) writeTo(this.disk, ready);
    const newest = done.at(-1);
    if (newest === undefined) return;
    this.raft.persisted(newest.writeNumber);
    for (const ready of done) for (const message of ready.messagesAfterWrite) this.#send(message);
  }

  apply(count = this.toApply.length): void {
    for (const entry of this.toApply.splice(0, count)) this.state = applyEntry(this.state, entry);
    this.raft.applied(this.state.index);
  }

  /** Makes the applied state durable as far as the log on disk reaches, then compacts all but `keep` entries. */
  flush(keep: number): void {
    const { disk } = this;
    if (this.state.index > disk.compacted.index + disk.entries.length) return;
    const offset = this.state.index - disk.compacted.index;
    const termThere = offset === 0 ? disk.compacted.term : disk.entries[offset - 1]?.term;
    if (offset < 0 || termThere !== this.state.term) return;
    disk.state = this.state;
    const index = this.state.index - keep;
    if (index <= disk.compacted.index) return;
    const term = this.raft.termAt(index);
    if (term === undefined) return;
    this.raft.compact(index);
    disk.entries = disk.entries.slice(index - disk.compacted.index);
    disk.compacted = { index, term };
  }

  /** Drops all but `keep` entries from memory that the disk has. */
  evict(keep: number): void {
    const { appliedIndex, durableIndex, firstIndex, lastIndex } = this.raft;
    const index = Math.min(appliedIndex, durableIndex, lastIndex - keep);
    if (index >= firstIndex) this.raft.evict(index);
  }

  /** Reads the entries back that are wanted, a few at a time. */
  readBack(): void {
    for (const { to, from, before } of this.toRead.splice(0)) {
      const offset = from - this.disk.compacted.index - 1;
      const entries =
        offset < 0 ? [] : this.disk.entries.slice(offset, offset + Math.min(3, before - from));
      if (entries.length > 0) this.raft.entriesRead(to, entries);
      else this.raft.entriesUnavailable(to);
    }
  }

  /** Makes the snapshots that are wanted, of the applied state. */
  makeSnapshots(): void {
    for (const to of this.wanted.splice(0)) {
      if (this.state.index === 0) {
        this.raft.snapshotUnavailable(to);
        continue;
      }
      const { index, term, config } = this.state;
      this.files.set(index, this.state);
      this.raft.snapshotReady(to, { index, term, config });
    }
  }

  /** Installs the snapshot on offer from the file of the replica that offers it. */
  install(source: SimReplica | undefined, reported = true): void {
    const { installing } = this;
    if (installing === undefined) return;
    this.installing = undefined;
    const file = source?.alive === true ? source.files.get(installing.meta.index) : undefined;
    if (file === undefined) {
      this.raft.snapshotFailed(installing.meta);
      return;
    }
    this.toApply = [];
    this.disk.state = file;
    this.state = file;
    if (reported) this.raft.snapshotInstalled(installing.meta);
  }

  /** Stops at once. Of the writes in flight the oldest `survive` have reached the disk, unreported. */
  crash(survive = 0): void {
    for (const ready of this.writes.splice(0, survive)) writeTo(this.disk, ready);
    this.alive = false;
    this.writes = [];
    this.toApply = [];
    this.installing = undefined;
    this.wanted = [];
    this.toRead = [];
    this.reads = [];
  }

  /** Dies and starts again without the log and the votes in it, for the `times`-th time; the state may be lost, too. */
  loseLog(times: number, keepsState = true): void {
    this.crash();
    const { disk } = this;
    if (!keepsState) disk.state = { index: 0, term: 0, hash: 0, config: disk.state.config };
    const { index, term } = disk.state;
    disk.hardState = { term, vote: 0, commit: index };
    disk.entries = [];
    disk.compacted = { index, term };
    this.options = { ...this.options, quarantine: times };
    this.restart();
  }

  restart(): void {
    this.alive = true;
    this.life++;
    this.state = this.disk.state;
    this.raft = this.#start();
  }

  /** Does everything that can be done without a message or the passing of time. True when there was something. */
  settle(peers: (id: ReplicaId) => SimReplica | undefined): boolean {
    let busy = false;
    let rounds = 0;
    while (this.takeReady() !== undefined || this.writes.length > 0 || this.toApply.length > 0) {
      if (++rounds > 1000) throw new Error('readies without end');
      busy = true;
      this.completeWrites();
      this.apply();
      this.makeSnapshots();
      this.readBack();
      if (this.installing !== undefined) this.install(peers(this.installing.from));
    }
    return busy;
  }
}

function writeTo(disk: Disk, ready: Ready): void {
  if (ready.logReset !== undefined) {
    disk.entries = [];
    disk.compacted = ready.logReset;
  }
  const first = ready.entries[0];
  if (first !== undefined) {
    const keep = first.index - disk.compacted.index - 1;
    if (keep > disk.entries.length) {
      throw new Error(`gap in the log on disk before ${first.index}`);
    }
    if (keep < 0) {
      // The disk was compacted beyond the beginning of this write meanwhile.
      disk.entries = ready.entries.slice(-keep);
    } else {
      disk.entries.length = keep;
      disk.entries.push(...ready.entries);
    }
  }
  if (ready.hardState !== undefined) disk.hardState = ready.hardState;
}

/** Whether a disk holds the entry, in its log or in its state. */
export function holds(disk: Disk, index: number, term: number): boolean {
  if (index <= disk.state.index) return true;
  const offset = index - disk.compacted.index;
  if (offset === 0) return disk.compacted.term === term;
  return offset > 0 && disk.entries[offset - 1]?.term === term;
}
