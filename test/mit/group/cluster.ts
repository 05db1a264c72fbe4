import { ByteWriter } from '../../../src/bytes/index.ts';
import { MemoryEngine } from '../../../src/engine/index.ts';
import type { Replica, StateMachine } from '../../../src/group/index.ts';
import { writeRaftMessage } from '../../../src/node/raft-codec.ts';
import { nodeHost } from '../../../src/platform/index.ts';
import type { Message } from '../../../src/raft/index.ts';
import {
  MemoryDisk,
  RaftInvariants,
  type SimProcess,
  SimRandom,
  VirtualTime,
} from '../../../src/sim/index.ts';
import { MitNetwork, type Traffic } from '../network.ts';
import { Calls, LATENCY_MS, type Latency } from './calls.ts';
import { GroupServer, type Piece } from './server.ts';

/** Every test fails if it takes longer, in virtual time (§5.1). */
const TEST_MS_MAX = 120_000;
const DISK_MS = [0.5, 1.5] as const;
const PIECE_TIMEOUT_MS = 1000;

/** What a kind of test runs on each server. */
export interface Service {
  readonly machine: StateMachine;
  onLeading?(replica: Replica): void;
}

/** One server over its lives. */
interface Slot<S extends Service> {
  readonly disk: MemoryDisk;
  engine: MemoryEngine;
  life: number;
  process: SimProcess | undefined;
  server: GroupServer | undefined;
  service: S | undefined;
  diskFreeAt: number;
}

export interface GroupClusterOptions<S extends Service> {
  readonly servers: number;
  /** Those of them that the group is born with; all unless told. */
  readonly members?: number;
  readonly seed: number;
  readonly unreliable?: boolean;
  /** M of §4.2, in bytes; -1: never a snapshot. */
  readonly stateBytesMax: number;
  /** Of one way between servers. */
  readonly latencyMs?: Latency;
  readonly service: () => S;
}

/**
 * Servers that hold a group of the product together, one replica each, on the network of §2: the fixture of the replicated
 * state machine and of the key/value store. Servers are numbered from 0.
 */
export class GroupCluster<S extends Service> {
  readonly time = new VirtualTime(nodeHost());
  readonly random: SimRandom;
  readonly network: MitNetwork<Message>;
  readonly invariants = new RaftInvariants('the group');
  readonly n: number;
  readonly #options: GroupClusterOptions<S>;
  readonly #pieces: Calls<Piece, Uint8Array | undefined>;
  readonly #slots: Slot<S>[];
  readonly #diskRandom: SimRandom;
  readonly #links = new Set<string>();
  #failure: unknown;

  constructor(options: GroupClusterOptions<S>) {
    const { servers, seed, unreliable = false, latencyMs = LATENCY_MS } = options;
    this.n = servers;
    this.#options = options;
    this.random = new SimRandom(seed, 'test');
    this.#diskRandom = new SimRandom(seed, 'disks');
    this.network = new MitNetwork(this.time, seed, trafficOf, latencyMs);
    this.#pieces = new Calls(this.time, seed, (from, to) => this.#links.has(`${from}>${to}`));
    this.network.unreliable = unreliable;
    this.#pieces.unreliable = unreliable;
    this.#slots = Array.from({ length: servers }, () => {
      const slot: Slot<S> = {
        disk: new MemoryDisk({
          seed: this.#diskRandom.uint32(),
          schedule: (_, complete) => this.#afterDisk(slot, complete),
        }),
        engine: new MemoryEngine({ schedule: (_, step) => this.#afterDisk(slot, step) }),
        life: 0,
        process: undefined,
        server: undefined,
        service: undefined,
        diskFreeAt: 0,
      };
      return slot;
    });
    this.connectAll();
    this.time.onEvent = (owner) => {
      if (this.#failure !== undefined) throw this.#failure;
      const slot = this.#slots.find(({ process }) => process === owner);
      if (slot?.server) this.invariants.check(slot.server.replica.raft, slot.life);
    };
  }

  /** Runs a test's body on virtual time, with all servers started and connected. Throws what it throws, or why it hangs. */
  async run(body: () => Promise<void>): Promise<void> {
    const all = async () => {
      await Promise.all(this.#slots.map((_, i) => this.start(i)));
      await body();
    };
    await this.time.settle(all(), TEST_MS_MAX);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.after(ms, resolve));
  }

  /** Whether it comes to hold in time. */
  async comesToHold(condition: () => boolean, limitMs: number): Promise<boolean> {
    const until = this.time.now + limitMs;
    while (!condition()) {
      if (this.time.now >= until) return false;
      await this.sleep(5);
    }
    return true;
  }

  /** Between servers only; who calls from outside has a switch of its own. */
  setUnreliable(unreliable: boolean): void {
    this.network.unreliable = unreliable;
    this.#pieces.unreliable = unreliable;
  }

  server(i: number): GroupServer | undefined {
    return this.#slot(i).server;
  }

  service(i: number): S | undefined {
    return this.#slot(i).service;
  }

  get running(): readonly GroupServer[] {
    return this.#slots.flatMap(({ server }) => server ?? []);
  }

  get leader(): number | undefined {
    const leaders = [...this.#slots.keys()].filter((i) => this.server(i)?.replica.isLeader);
    leaders.sort((a, b) => this.#termOf(b) - this.#termOf(a));
    return leaders[0];
  }

  /** Waits for one. */
  async findLeader(): Promise<number> {
    if (!(await this.comesToHold(() => this.leader !== undefined, 10_000))) {
      throw new Error('no leader');
    }
    return this.leader as number;
  }

  /** Links between servers of different sides are cut, those within a side are there (§3). */
  partition(...sides: readonly (readonly number[])[]): void {
    for (const [s, side] of sides.entries()) {
      for (const [o, other] of sides.entries()) {
        for (const a of side) for (const b of other) this.#link(a, b, s === o);
      }
    }
  }

  connectAll(): void {
    this.partition([...this.#slots.keys()]);
  }

  /** The leader goes to the minority (§5.2): the majority first. */
  async splitWithLeaderInMinority(): Promise<[number[], number[]]> {
    const leader = await this.findLeader();
    const others = [...this.#slots.keys()].filter((i) => i !== leader);
    const majority = Math.floor(this.n / 2) + 1;
    const sides: [number[], number[]] = [
      others.slice(0, majority),
      [...others.slice(majority), leader],
    ];
    this.partition(...sides);
    return sides;
  }

  /** The end of the process: by SIGKILL or with the power, which takes what was not synced. */
  crash(i: number): void {
    const slot = this.#slot(i);
    slot.process?.kill();
    slot.process = undefined;
    slot.server = undefined;
    slot.service = undefined;
    if (this.#diskRandom.once(2)) slot.disk.crash();
    else slot.disk.kill();
    slot.engine = slot.engine.crash();
    this.#pieces.serve(`${i}`, undefined);
  }

  crashAll(): void {
    for (let i = 0; i < this.n; i++) this.crash(i);
  }

  async startAll(): Promise<void> {
    await Promise.all(this.#slots.map((_, i) => this.start(i)));
    this.connectAll();
  }

  async start(i: number): Promise<void> {
    const slot = this.#slot(i);
    if (slot.process) this.crash(i);
    const process = this.time.process(`server ${i}`, {
      onError: (error) => {
        this.#failure ??= error;
      },
    });
    slot.process = process;
    slot.life++;
    const service = this.#options.service();
    const server = await GroupServer.start({
      server: i,
      members: this.#options.members ?? this.n,
      process,
      disk: slot.disk.process(),
      engine: slot.engine,
      seed: this.#options.seed,
      stateBytesMax: this.#options.stateBytesMax,
      machine: service.machine,
      onLeading: (replica) => service.onLeading?.(replica),
      send: (to, message) => this.#send(process, i, to, message),
      askForPiece: (to, piece) => this.#pieces.call(`${i}`, `${to}`, piece, PIECE_TIMEOUT_MS),
    });
    if (slot.process !== process) return;
    slot.server = server;
    slot.service = service;
    this.#pieces.serve(`${i}`, {
      process,
      handle: (piece, reply) => server.readPiece(piece, reply),
    });
  }

  /** Of the logs, without snapshots: the largest, in bytes. */
  get logSize(): number {
    return Math.max(...this.running.map(({ stateBytes }) => stateBytes));
  }

  #termOf(i: number): number {
    return this.server(i)?.replica.term ?? 0;
  }

  #link(a: number, b: number, enabled: boolean): void {
    this.network.enable(a, b, enabled);
    if (enabled) this.#links.add(`${a}>${b}`);
    else this.#links.delete(`${a}>${b}`);
  }

  #send(process: SimProcess, from: number, to: number, message: Message): void {
    this.invariants.sent(message);
    const target = this.#slot(to);
    const receiver = target.process;
    this.network.send(from, to, message, (arrived) => {
      // An old life neither sends nor receives.
      if (!receiver || target.process !== receiver || !process.isAlive) return;
      receiver.schedule('io', 0, () => target.server?.replica.step(arrived));
    });
  }

  #afterDisk(slot: Slot<S>, complete: () => void): void {
    slot.diskFreeAt =
      Math.max(slot.diskFreeAt, this.time.now) + this.#diskRandom.between(...DISK_MS);
    slot.process?.schedule('io', slot.diskFreeAt - this.time.now, complete);
  }

  #slot(i: number): Slot<S> {
    const slot = this.#slots[i];
    if (!slot) throw new RangeError(`no server ${i}`);
    return slot;
  }
}

function trafficOf(message: Message): Traffic {
  const writer = new ByteWriter();
  writeRaftMessage(writer, message);
  return { bytes: writer.length, isReply: message.type.endsWith('-response') };
}
