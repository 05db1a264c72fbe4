import { nodeHost } from '../../../src/platform/index.ts';
import { type Config, majority } from '../../../src/raft/index.ts';
import {
  MemoryDisk,
  RaftInvariants,
  type SimProcess,
  SimRandom,
  VirtualTime,
} from '../../../src/sim/index.ts';
import { MitNetwork } from '../network.ts';
import { Consumer, Deliveries } from './consumer.ts';
import { incarnationOf, type Packet, RaftServer, trafficOf } from './server.ts';

/** The tester's idea of an election timeout, in milliseconds (conventions of the document). */
export const ET = 1000;
/** Every test fails if it takes longer, in virtual time (§5.1). */
const TEST_MS_MAX = 120_000;
const DISK_MS = [0.1, 0.4] as const;

/** One server over its lives: what of it outlives a crash, and the life that runs. */
interface Slot {
  readonly id: number;
  disk: MemoryDisk;
  life: number;
  process: SimProcess | undefined;
  server: RaftServer | undefined;
  connected: boolean;
  diskFreeAt: number;
}

export interface RaftClusterOptions {
  readonly servers: number;
  readonly seed: number;
  readonly unreliable?: boolean;
  /** Consumers take snapshots (2D). */
  readonly snapshots?: boolean;
}

/** The fixture of the Raft tests: §3, §5.1 and §6. Servers are numbered from 0; their ids in Raft are one higher. */
export class RaftCluster {
  readonly time = new VirtualTime(nodeHost());
  readonly random: SimRandom;
  readonly network: MitNetwork<Packet>;
  readonly deliveries = new Deliveries();
  readonly invariants = new RaftInvariants('the group');
  readonly n: number;
  readonly #options: RaftClusterOptions;
  readonly #slots: Slot[];
  readonly #config: Config;
  readonly #diskRandom: SimRandom;
  #failure: unknown;
  /** Where `agree` goes on with its walk. */
  #next = 0;

  constructor(options: RaftClusterOptions) {
    const { servers, seed, unreliable = false } = options;
    this.n = servers;
    this.#options = options;
    this.random = new SimRandom(seed, 'test');
    this.#diskRandom = new SimRandom(seed, 'disks');
    this.network = new MitNetwork(this.time, seed, trafficOf);
    this.network.unreliable = unreliable;
    const incoming = Array.from({ length: servers }, (_, i) => ({
      id: i + 1,
      incarnation: incarnationOf(i + 1),
    }));
    this.#config = { incoming, outgoing: [], learners: [], plan: 0 };
    this.#slots = incoming.map(({ id }) => {
      const slot: Slot = {
        id,
        disk: new MemoryDisk({
          seed: this.#diskRandom.uint32(),
          schedule: (_, complete) => this.#afterDisk(slot, complete),
        }),
        life: 0,
        process: undefined,
        server: undefined,
        connected: false,
        diskFreeAt: 0,
      };
      return slot;
    });
    this.time.onEvent = (owner) => {
      if (this.#failure !== undefined) throw this.#failure;
      const slot = this.#slots.find(({ process }) => process === owner);
      if (slot?.server) this.invariants.check(slot.server.raft, slot.life);
    };
  }

  /** Runs a test's body on virtual time, with all servers started and connected. Throws what it throws, or why it hangs. */
  async run(body: (cluster: RaftCluster) => Promise<void>): Promise<void> {
    const all = async () => {
      await Promise.all(this.#slots.map((_, i) => this.restart(i)));
      for (const i of this.#slots.keys()) this.connect(i);
      await body(this);
    };
    await this.time.settle(all(), TEST_MS_MAX);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.after(ms, resolve));
  }

  server(i: number): RaftServer | undefined {
    return this.#slot(i).server;
  }

  isConnected(i: number): boolean {
    return this.#slot(i).connected;
  }

  /** The server k places after `i`. */
  after(i: number, k: number): number {
    return (i + k) % this.n;
  }

  connect(i: number): void {
    this.#slot(i).connected = true;
    this.#setLinks(i, true);
  }

  disconnect(i: number): void {
    this.#slot(i).connected = false;
    this.#setLinks(i, false);
  }

  /** The end of the process: by SIGKILL or with the power, which takes what was not synced. */
  crash(i: number): void {
    const slot = this.#slot(i);
    this.disconnect(i);
    slot.process?.kill();
    slot.process = undefined;
    slot.server = undefined;
    if (this.#diskRandom.once(2)) slot.disk.crash();
    else slot.disk.kill();
  }

  /** A new process on the old disk, which is not connected. */
  async restart(i: number): Promise<void> {
    const slot = this.#slot(i);
    if (slot.process) this.crash(i);
    const { time } = this;
    const process = time.process(`server ${i}`, {
      onError: (error) => {
        this.#failure ??= error;
      },
    });
    const { id } = slot;
    slot.process = process;
    slot.life++;
    const consumer = new Consumer(
      i,
      this.deliveries,
      this.#options.snapshots ?? false,
      (index, bytes) => slot.server?.snapshot(index, bytes),
    );
    const server = await RaftServer.start({
      id,
      config: this.#config,
      process,
      disk: slot.disk.process(),
      seed: this.#options.seed,
      restore: (index, bytes) => consumer.restore(index, bytes),
      deliver: (applied) => consumer.take(applied),
      send: (to, packet) => this.#send(process, id, to, packet),
    });
    if (slot.process === process) slot.server = server;
  }

  /** The server that leads in the newest term, among the connected ones; fails when a term has two, or there is none in 5 s. */
  async oneLeader(): Promise<number> {
    for (let round = 0; round < 10; round++) {
      await this.sleep(450 + this.random.below(100));
      const leaders = new Map<number, number>();
      for (const [i, { connected, server }] of this.#slots.entries()) {
        if (!connected || server?.raft.role !== 'leader') continue;
        const { term } = server.raft;
        if (leaders.has(term)) throw new Error(`term ${term} has two leaders`);
        leaders.set(term, i);
      }
      const newest = leaders.get(Math.max(...leaders.keys()));
      if (newest !== undefined) return newest;
    }
    throw new Error('no leader');
  }

  /** The term that all connected servers are in. */
  sameTerm(): number {
    const terms = new Set(this.#connected().map(({ raft }) => raft.term));
    const [term] = terms;
    if (term === undefined || terms.size > 1) throw new Error(`terms ${[...terms].join(', ')}`);
    return term;
  }

  noLeader(): void {
    const leader = this.#connected().find(({ raft }) => raft.role === 'leader');
    if (leader) throw new Error(`${leader.raft.id} leads`);
  }

  /** How many servers have delivered a command at this index. */
  committedCount(index: number): number {
    return this.deliveries.at(index).count;
  }

  /**
   * Starts the command somewhere and waits until `count` servers have delivered it; returns its index. Without `retry` it
   * must succeed at the first server that takes it.
   */
  async agree(command: string, count: number, retry: boolean): Promise<number> {
    const bytes = new TextEncoder().encode(command);
    const until = this.time.now + 10_000;
    while (this.time.now < until) {
      const index = this.#startSomewhere(bytes);
      if (index === undefined) {
        await this.sleep(50);
        continue;
      }
      const patience = this.time.now + 2000;
      while (this.time.now < patience) {
        const delivered = this.deliveries.at(index);
        if (delivered.count >= count && delivered.command === command) return index;
        await this.sleep(20);
      }
      if (!retry) break;
    }
    throw new Error(`no agreement on ${command.slice(0, 20)} by ${count}`);
  }

  /**
   * Waits until `count` servers have delivered something at the index, and returns it; undefined when a server has gone
   * beyond `term`.
   */
  async waitFor(index: number, count: number, term = -1): Promise<string | undefined> {
    for (let round = 0, pause = 10; round < 30; round++) {
      if (this.deliveries.at(index).count >= count) break;
      await this.sleep(pause);
      pause = Math.min(2 * pause, 1280);
      const isBeyond = this.#slots.some(({ server }) => (server?.raft.term ?? 0) > term);
      if (term >= 0 && isBeyond) return undefined;
    }
    const { count: found, command } = this.deliveries.at(index);
    if (found < count) throw new Error(`${found} of ${count} servers have ${index}`);
    return command;
  }

  /** Of the logs, without snapshots: the largest, in bytes. */
  get logSize(): number {
    return Math.max(...this.#slots.map(({ server }) => server?.stateBytes ?? 0));
  }

  get majority(): number {
    return majority(this.#config.incoming);
  }

  #startSomewhere(command: Uint8Array): number | undefined {
    for (let k = 0; k < this.n; k++) {
      this.#next = this.after(this.#next, 1);
      const { connected, server } = this.#slot(this.#next);
      const started = connected ? server?.start(command) : undefined;
      if (started) return started.index;
    }
    return undefined;
  }

  #connected(): RaftServer[] {
    return this.#slots.flatMap(({ connected, server }) => (connected && server ? server : []));
  }

  /** Links go both ways, and exist only between servers that are both connected. */
  #setLinks(i: number, enabled: boolean): void {
    const { id } = this.#slot(i);
    for (const other of this.#slots) {
      if (other.id === id || (enabled && !other.connected)) continue;
      this.network.enable(id, other.id, enabled);
      this.network.enable(other.id, id, enabled);
    }
  }

  #send(process: SimProcess, from: number, to: number, packet: Packet): void {
    if (packet.kind === 'raft') this.invariants.sent(packet.message);
    const target = this.#slot(to - 1);
    const receiver = target.process;
    this.network.send(from, to, packet, (arrived) => {
      // An old life neither sends nor receives.
      if (!receiver || target.process !== receiver || !process.isAlive) return;
      receiver.schedule('io', 0, () => target.server?.receive(from, arrived));
    });
  }

  #afterDisk(slot: Slot, complete: () => void): void {
    slot.diskFreeAt =
      Math.max(slot.diskFreeAt, this.time.now) + this.#diskRandom.between(...DISK_MS);
    slot.process?.schedule('io', slot.diskFreeAt - this.time.now, complete);
  }

  #slot(i: number): Slot {
    const slot = this.#slots[i];
    if (!slot) throw new RangeError(`no server ${i}`);
    return slot;
  }
}
