import { ByteWriter } from '../../../src/bytes/index.ts';
import { reconcile } from '../../../src/group/reconcile.ts';
import { readRecovered } from '../../../src/group/recovered-log.ts';
import { writeSteps } from '../../../src/group/write-steps.ts';
import { openLog, type WriteAheadLog } from '../../../src/log/index.ts';
import { writeRaftMessage } from '../../../src/node/raft-codec.ts';
import type { Disk } from '../../../src/ports/index.ts';
import {
  type Config,
  type EntriesWanted,
  type Entry,
  type Message,
  Raft,
  type Ready,
  type SnapshotMeta,
} from '../../../src/raft/index.ts';
import { type SimProcess, SimRandom } from '../../../src/sim/index.ts';
import type { Traffic } from '../network.ts';
import { SnapshotStore, type StoredSnapshot } from './snapshot-store.ts';

/** What servers say to each other: Raft's messages, and the content of snapshots. */
export type Packet =
  | { readonly kind: 'raft'; readonly message: Message }
  | { readonly kind: 'fetch'; readonly index: number }
  | { readonly kind: 'content'; readonly snapshot: StoredSnapshot };

/** What the service above gets, in order. */
export type Applied =
  | { readonly kind: 'command'; readonly index: number; readonly command: Uint8Array }
  | { readonly kind: 'snapshot'; readonly index: number; readonly bytes: Uint8Array };

export interface RaftServerOptions {
  readonly id: number;
  readonly config: Config;
  readonly process: SimProcess;
  readonly disk: Disk;
  readonly seed: number;
  readonly send: (to: number, packet: Packet) => void;
  /** At the start, with the snapshot on the disk. */
  readonly restore: (index: number, bytes: Uint8Array) => void;
  readonly deliver: (applied: Applied) => void;
}

const TICK_MS = 25;
/** 600 to 900 ms without a leader; a leader is heard ten times a second (§1: ET is 1000 ms). Answers are held back for longer (§2). */
const ELECTION_TICKS = 24;
const HEARTBEAT_TICKS = 4;
/** Segments are filled with zeros, which costs real time. */
const LOG_SEGMENT_BYTES = 64 * 1024;
/** The content of an offered snapshot came by then, or it is asked for again. */
const FETCH_MS = 100;
const FETCHES = 5;

export function trafficOf(packet: Packet): Traffic {
  switch (packet.kind) {
    case 'raft': {
      const writer = new ByteWriter();
      writeRaftMessage(writer, packet.message);
      return { bytes: writer.length, isReply: packet.message.type.endsWith('-response') };
    }
    case 'fetch':
      return { bytes: 8, isReply: false };
    case 'content':
      return { bytes: 16 + packet.snapshot.bytes.length, isReply: true };
  }
}

/** One life of one server: §4.1 on raft/ and log/. */
export class RaftServer {
  readonly raft: Raft;
  readonly #options: RaftServerOptions;
  readonly #log: WriteAheadLog;
  readonly #store: SnapshotStore;
  /** The newest one that is durable. */
  #snapshot: StoredSnapshot | undefined;
  #installing: SnapshotMeta | undefined;
  #armed = false;

  private constructor(
    options: RaftServerOptions,
    raft: Raft,
    log: WriteAheadLog,
    store: SnapshotStore,
    snapshot: StoredSnapshot | undefined,
  ) {
    this.#options = options;
    this.raft = raft;
    this.#log = log;
    this.#store = store;
    this.#snapshot = snapshot;
    this.#tick();
  }

  static async start(options: RaftServerOptions): Promise<RaftServer> {
    const { id, disk, seed, config, process } = options;
    const store = new SnapshotStore(disk);
    const snapshot = await store.load();
    const { log, replicas } = await openLog(disk, 'log', {
      segmentBytes: LOG_SEGMENT_BYTES,
      onFatal: (error) => process.fail(error),
    });
    const appliedIndex = snapshot?.index ?? 0;
    const found = replicas.get(id);
    const recovered = found && (await readRecovered(log, id, found, appliedIndex));
    if (snapshot) options.restore(snapshot.index, snapshot.bytes);
    const state = { appliedIndex, appliedTerm: snapshot?.term ?? 0 };
    const { hardState, compacted, stored, entries, reset } = reconcile(id, state, recovered);
    if (reset) log.append(id, { reset, hardState }, () => {});
    const random = new SimRandom(seed, `raft ${id}, process ${process.id}`);
    const raft = new Raft({
      id,
      incarnation: incarnationOf(id),
      config,
      hardState,
      entries,
      compacted,
      stored,
      applied: appliedIndex,
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: HEARTBEAT_TICKS,
      quiesceTicks: 0,
      preVote: true,
      checkQuorum: true,
      // The tests fix the indexes of commands (R9).
      appendEmptyEntry: false,
      appendBytesMax: 16 * 1024,
      inflightBytesMax: 64 * 1024,
      uncommittedBytesMax: 4 * 1024 * 1024,
      randomBelow: (n) => random.below(n),
      canVote: true,
      quarantine: 0,
    });
    return new RaftServer(options, raft, log, store, snapshot);
  }

  /** The index that the command will have if it commits, and the term; undefined when this server does not lead. */
  start(command: Uint8Array): { readonly index: number; readonly term: number } | undefined {
    const outcome = this.raft.propose(command);
    this.#arm();
    return outcome.accepted ? outcome : undefined;
  }

  get snapshotBytes(): number {
    return this.#snapshot?.bytes.length ?? 0;
  }

  /** Of the log, without the snapshot. */
  get stateBytes(): number {
    return this.#log.liveBytes(this.#options.id);
  }

  /** The service's state up to and including `index` is in these bytes. */
  snapshot(index: number, bytes: Uint8Array): void {
    const term = this.raft.termAt(index);
    if (term === undefined) throw new Error(`a snapshot at ${index}, which the log does not hold`);
    const snapshot = { index, term, bytes };
    this.#afterLog(async () => {
      // One that was installed meanwhile is newer.
      if (index <= (this.#snapshot?.index ?? 0)) return;
      await this.#store.save(snapshot);
      if (index <= (this.#snapshot?.index ?? 0)) return;
      this.#snapshot = snapshot;
      this.raft.compact(index);
      this.#log.trim(this.#options.id, index, term);
      this.#arm();
    });
  }

  receive(from: number, packet: Packet): void {
    switch (packet.kind) {
      case 'raft':
        this.raft.step(packet.message);
        this.#arm();
        break;
      case 'fetch':
        if (this.#snapshot?.index === packet.index) {
          this.#options.send(from, { kind: 'content', snapshot: this.#snapshot });
        }
        break;
      case 'content':
        this.#install(packet.snapshot);
    }
  }

  #tick(): void {
    this.#options.process.clock.after(TICK_MS, () => {
      this.raft.tick();
      this.#log.tick();
      this.#arm();
      this.#tick();
    });
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#options.process.clock.endOfTurn(() => {
      this.#armed = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { raft } = this;
    while (raft.hasReady()) {
      const ready = raft.ready();
      if (ready.writeNumber > 0) this.#write(ready);
      this.#send(ready.messages);
      if (ready.snapshot) this.#fetch(ready.snapshot.from, ready.snapshot.meta, FETCHES);
      this.#apply(ready.committedEntries);
      for (const to of ready.snapshotsWanted) this.#offer(to);
      for (const wanted of ready.entriesWanted) void this.#readBack(wanted);
    }
    this.#log.flush();
  }

  #write(ready: Ready): void {
    const steps = writeSteps(ready, this.#log.segmentBytes);
    const done = () => {
      this.#send(ready.messagesAfterWrite);
      this.raft.persisted(ready.writeNumber);
      this.#arm();
    };
    steps.forEach((step, i) => {
      this.#log.append(this.#options.id, step, i === steps.length - 1 ? done : () => {});
    });
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) this.#options.send(message.to, { kind: 'raft', message });
  }

  #apply(entries: readonly Entry[]): void {
    for (const { index, data } of entries) {
      this.#options.deliver({ kind: 'command', index, command: data });
      this.raft.applied(index);
    }
  }

  #offer(to: number): void {
    const snapshot = this.#snapshot;
    if (snapshot && snapshot.index >= this.raft.storedIndex) {
      const { index, term } = snapshot;
      this.raft.snapshotReady(to, { index, term, config: this.raft.config });
    } else {
      this.raft.snapshotUnavailable(to);
    }
  }

  async #readBack({ to, from, before, bytesMax }: EntriesWanted): Promise<void> {
    const entries = await this.#log.read(this.#options.id, from, before, bytesMax);
    if (entries.length > 0) this.raft.entriesRead(to, entries);
    else this.raft.entriesUnavailable(to);
    this.#arm();
  }

  #fetch(from: number, meta: SnapshotMeta, tries: number): void {
    if (this.#installing && this.#installing !== meta) throw new Error('two snapshots at a time');
    this.#installing = meta;
    if (tries === 0) {
      this.#installing = undefined;
      this.raft.snapshotFailed(meta);
      this.#arm();
      return;
    }
    this.#options.send(from, { kind: 'fetch', index: meta.index });
    this.#options.process.clock.after(FETCH_MS, () => {
      if (this.#installing === meta) this.#fetch(from, meta, tries - 1);
    });
  }

  #install(snapshot: StoredSnapshot): void {
    const meta = this.#installing;
    if (!meta || meta.index !== snapshot.index || meta.term !== snapshot.term) return;
    this.#installing = undefined;
    this.#afterLog(async () => {
      await this.#store.save(snapshot);
      this.#snapshot = snapshot;
      this.#options.deliver({ kind: 'snapshot', index: snapshot.index, bytes: snapshot.bytes });
      this.raft.snapshotInstalled(meta);
      this.#arm();
    });
  }

  /** A snapshot that is durable never goes beyond a log that is not, or a restart would find a gap between them. */
  #afterLog(work: () => Promise<void>): void {
    this.#log.append(this.#options.id, {}, () => {
      work().catch((error) => this.#options.process.fail(error));
    });
    this.#log.flush();
  }
}

export function incarnationOf(id: number): string {
  return id.toString(16).padStart(16, '0');
}
