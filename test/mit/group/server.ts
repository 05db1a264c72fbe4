import { type MemoryEngine, openReplicaStates } from '../../../src/engine/index.ts';
import {
  ReadBackPace,
  Replica,
  type ReplicaHost,
  readRecovered,
  SNAPSHOT_DIRECTORY,
  SnapshotWork,
  type StateMachine,
  TICK_MS,
} from '../../../src/group/index.ts';
import { openLog, type WriteAheadLog } from '../../../src/log/index.ts';
import { fetchSnapshot } from '../../../src/node/snapshot-transfer.ts';
import { Turn } from '../../../src/node/turn.ts';
import { type Disk, NEVER } from '../../../src/ports/index.ts';
import type { Config, Member, Message } from '../../../src/raft/index.ts';
import { type SimProcess, SimRandom } from '../../../src/sim/index.ts';
import type { CallResult } from './calls.ts';

export const GROUP = 1;

/** A part of a snapshot file, as another server asks for it. */
export interface Piece {
  readonly index: number;
  readonly offset: number;
}

export interface GroupServerOptions {
  /** Its number among the servers, from 0; its replica's id is one higher. */
  readonly server: number;
  /** Those that the group is born with; one that is not among them waits to be added. */
  readonly members: number;
  readonly process: SimProcess;
  readonly disk: Disk;
  readonly engine: MemoryEngine;
  readonly seed: number;
  /** M of §4.2, in bytes; -1: never a snapshot. */
  readonly stateBytesMax: number;
  readonly machine: StateMachine;
  readonly onLeading: (replica: Replica) => void;
  readonly send: (to: number, message: Message) => void;
  readonly askForPiece: (to: number, piece: Piece) => Promise<CallResult<Uint8Array | undefined>>;
}

/** Never a reason to flush. Segments are filled with zeros, which costs real time. */
const LOG = { segmentBytes: 256 * 1024, segmentsMax: 1_000_000 };
const PIECE_BYTES = 64 * 1024;

/** One life of one server: a replica of the one group, run as a node runs it, without the rest of the node. */
export class GroupServer {
  readonly replica: Replica;
  readonly process: SimProcess;
  readonly #log: WriteAheadLog;
  readonly #random: SimRandom;
  #closed = false;

  static async start(options: GroupServerOptions): Promise<GroupServer> {
    const { server, disk, engine, process, seed, stateBytesMax, machine } = options;
    await disk.remove(SNAPSHOT_DIRECTORY);
    await disk.makeDirectory(SNAPSHOT_DIRECTORY);
    const random = new SimRandom(seed, `server ${server}, process ${process.id}`);
    const { log, replicas } = await openLog(disk, 'log', {
      ...LOG,
      random,
      onFatal: (error) => process.fail(error),
    });
    const states = openReplicaStates(engine, { hashSeed: random.uint32() });
    const id = server + 1;
    const state = await states.open(id);
    const found = replicas.get(id);
    const replica = new Replica({
      host: hostOf(options, log, random),
      group: GROUP,
      id,
      incarnation: incarnationOf(id),
      initialConfig: configOf(server < options.members ? options.members : 0),
      quiesces: false,
      isPreferredLeader: false,
      machine,
      state,
      limits: stateBytesMax < 0 ? {} : { storedLogBytesMax: stateBytesMax },
      quarantine: 0,
      recovered: found && (await readRecovered(log, id, found, state.appliedIndex)),
    });
    return new GroupServer(process, replica, log, random);
  }

  private constructor(
    process: SimProcess,
    replica: Replica,
    log: WriteAheadLog,
    random: SimRandom,
  ) {
    this.process = process;
    this.replica = replica;
    this.#log = log;
    this.#random = random;
    this.#tick();
  }

  /** Of the log, without the snapshot. */
  get stateBytes(): number {
    return this.#log.liveBytes(this.replica.id);
  }

  /** Whether anything but the log would survive a crash. */
  get hasSnapshot(): boolean {
    return this.replica.state.durableIndex > 0;
  }

  readPiece({ index, offset }: Piece, reply: (bytes: Uint8Array | undefined) => void): void {
    this.replica
      .readSnapshot(index, offset, PIECE_BYTES, (bytes) => reply(bytes?.slice()))
      .catch((error) => this.process.fail(error));
  }

  /** The end in good order, without leading on: whoever waits is told. */
  shutDown(): void {
    this.#closed = true;
    this.replica.close();
  }

  #tick(): void {
    // As a node does: what was started together must not tick together.
    this.process.clock.after(TICK_MS * this.#random.between(0.8, 1.2), () => {
      if (this.#closed) return;
      this.#log.tick();
      this.replica.tick();
      this.#tick();
    });
  }
}

function hostOf(options: GroupServerOptions, log: WriteAheadLog, random: SimRandom): ReplicaHost {
  const { process, disk } = options;
  const { clock } = process;
  const turn = new Turn({ clock, log, afterApply: () => {}, flushPeers: () => {} });
  return {
    clock,
    random,
    disk,
    log,
    snapshotWork: new SnapshotWork(clock),
    readBackPace: new ReadBackPace(clock, log),
    buggify: NEVER,
    notice: () => {},
    fatal: (error) => process.fail(error),
    send: (_, message) => options.send(message.to - 1, message),
    schedule: (replica) => turn.schedule(replica),
    onLeading: options.onLeading,
    fetchSnapshot: (group, from, index, path, pace) => {
      const ask = async ({ offset }: { offset: number }) => {
        const result = await options.askForPiece(from - 1, { index, offset });
        return result === 'failed' ? 'unanswered' : (result.reply ?? 'gone');
      };
      return fetchSnapshot(ask, { group, index }, disk, path, clock, pace);
    },
  };
}

export function incarnationOf(id: number): string {
  return id.toString(16).padStart(16, '0');
}

function configOf(servers: number): Config {
  return {
    incoming: Array.from({ length: servers }, (_, i) => memberOf(i)),
    outgoing: [],
    learners: [],
    plan: 0,
  };
}

/** The member that a server is. */
export function memberOf(server: number): Member {
  return { id: server + 1, incarnation: incarnationOf(server + 1) };
}
