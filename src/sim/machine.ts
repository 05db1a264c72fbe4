import type { Thresholds } from '../controller/index.ts';
import { MemoryEngine } from '../engine/index.ts';
import { startJobs } from '../jobs/index.ts';
import {
  Node,
  type NodeLimits,
  openIdentity,
  type PeerAddress,
  StartError,
} from '../node/index.ts';
import { type Buggify, NEVER, type Random } from '../ports/index.ts';
import { ControllerClient, LeaderClient, Router } from '../router/index.ts';
import { MemoryDisk } from './memory-disk.ts';
import type { SimNetwork } from './network.ts';
import type { SimProcess } from './process.ts';
import { SimRandom } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface MachineOptions {
  readonly name: string;
  readonly seed: number;
  readonly time: VirtualTime;
  readonly network: SimNetwork;
  /** Milliseconds that one call of the disk takes; the calls of a disk queue up. */
  readonly diskLatencyMs: readonly [min: number, max: number];
  readonly limits: NodeLimits;
  readonly buggify?: Buggify;
  /** See `SimProcessOptions`. */
  readonly clockRate?: number;
  readonly zone?: string;
  /** See `NodeOptions`. */
  readonly replaceAfterMs?: number;
  /** From when on shards are split and merged; as in production unless told. */
  readonly resharding?: Partial<Thresholds>;
}

/** Why a process ended by itself. */
export interface Exit {
  /** `refused`: it said in one line why it cannot go on. `failed`: a broken invariant or a failed disk. */
  readonly kind: 'refused' | 'failed';
  readonly reason: string;
  readonly error: unknown;
}

const PEER_PORT = 7000;
const HTTP_PORT = 8000;

/** One computer: a disk and an engine that outlive the processes, and the process that runs a node on them. */
export class Machine {
  readonly name: string;
  /** Of the process that runs, or of the last one. */
  node: Node | undefined;
  router: Router | undefined;
  /** Also while the node starts: its replicas work long before it serves. */
  created: Node | undefined;
  /** What the node told its operator, over all its processes. */
  readonly notices: string[] = [];
  /** How its processes ended, apart from those that the world killed or that were stopped. */
  readonly exits: Exit[] = [];
  /** Milliseconds that one call of the disk takes from now on. */
  diskLatencyMs: readonly [min: number, max: number];
  /** Where other nodes reach the next process. */
  peerPort = PEER_PORT;
  /** What its wall clock shows beyond the right time, in milliseconds. */
  wallErrorMs = 0;
  /**
   * Told of each step of the disk or the engine when it begins, with the milliseconds that it takes, and of its end, before anybody
   * else knows: moments to lose power at (F17).
   */
  onStep: ((of: 'disk' | 'engine', takesMs: number | 'done') => void) | undefined;
  /** Takes the engine's steps while it is set: its commits end when the steps are called. */
  holdEngine: ((step: () => void) => void) | undefined;
  readonly #options: MachineOptions;
  readonly #diskRandom: SimRandom;
  readonly #timerRandom: SimRandom;
  #disk: MemoryDisk;
  #engine: MemoryEngine;
  #process: SimProcess | undefined;
  #starts = 0;
  #diskFreeAt = 0;

  constructor(options: MachineOptions) {
    const { name, seed } = options;
    this.#options = options;
    this.name = name;
    this.diskLatencyMs = options.diskLatencyMs;
    this.#diskRandom = new SimRandom(seed, `disk of ${name}`);
    this.#timerRandom = new SimRandom(seed, `timers of ${name}`);
    this.#disk = this.#newDisk();
    this.#engine = this.#newEngine();
  }

  get peer(): PeerAddress {
    return { name: this.name, address: `${this.name}:${this.peerPort}` };
  }

  get disk(): MemoryDisk {
    return this.#disk;
  }

  get engine(): MemoryEngine {
    return this.#engine;
  }

  get process(): SimProcess | undefined {
    return this.#process;
  }

  /** How many processes it has had. */
  get starts(): number {
    return this.#starts;
  }

  get isRunning(): boolean {
    return this.#process?.isAlive ?? false;
  }

  /**
   * Starts a process as one of the first nodes, or with `join`, addresses of nodes of a running cluster, as a later one. Resolves when its
   * node runs; a process that cannot is in `exits`, and this resolves all the same.
   */
  async start(
    initialCluster: readonly PeerAddress[],
    {
      join = [],
      initialGroups,
    }: { join?: readonly string[]; initialGroups?: number | undefined } = {},
  ): Promise<void> {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    const { name, time, network, seed, limits, buggify = NEVER, clockRate = 1 } = this.#options;
    const { zone = '', replaceAfterMs } = this.#options;
    const life = `${name}, process ${++this.#starts}`;
    network.switchOn(name);
    const process = time.process(life, {
      monotonicOrigin: 1000 * this.#starts,
      rate: clockRate,
      wallErrorMs: () => this.wallErrorMs,
      timerDelayMs: () => this.#timerRandom.between(0, 0.5),
      onError: (error) => this.#exit(process, { kind: 'failed', reason: reasonOf(error), error }),
    });
    this.#process = process;
    const random: Random = new SimRandom(seed, life);
    const { clock } = process;
    const exit = (kind: Exit['kind'], error: unknown) => {
      this.#exit(process, { kind, reason: reasonOf(error), error });
    };
    const fatal = (error: unknown) => exit('failed', error);
    const notice = (message: string) => this.notices.push(message);
    try {
      const disk = this.disk.process();
      const node = await Node.start({
        identity: await openIdentity(disk, random, name),
        http: `${name}:${HTTP_PORT}`,
        peer: this.peer.address,
        zone,
        initialCluster,
        initialGroups,
        join,
        ...(replaceAfterMs !== undefined && { replaceAfterMs }),
        clock,
        random,
        network: network.on(name, process),
        disk,
        engine: this.#engine,
        limits,
        buggify,
        onCreated: (created) => {
          this.created = created;
        },
        notice,
        refuse: (reason) => exit('refused', reason),
        fatal,
      });
      const router = new Router(node, clock, random, buggify);
      startJobs(node, {
        controller: new ControllerClient(node, clock, random, buggify),
        leaders: new LeaderClient(node, clock, random, buggify),
        clock,
        buggify,
        notice,
        fatal,
        resharding: this.#options.resharding,
      });
      this.node = node;
      this.router = router;
    } catch (error) {
      exit(error instanceof StartError ? 'refused' : 'failed', error);
    }
  }

  /** SIGKILL: the operating system keeps what was written and closes the connections. */
  kill(): void {
    const process = this.#end();
    this.disk.kill();
    this.#options.network.onKilled(process);
  }

  /** The power goes: what was not made durable may be lost, and the others hear nothing. */
  powerOff(): void {
    const process = this.#end();
    this.disk.crash();
    this.#options.network.switchOff(this.name, process);
  }

  /** SIGTERM: the node leaves in good order, then the process ends. */
  async stop(): Promise<void> {
    const { node } = this;
    const process = this.#process;
    if (!node || !process?.isAlive) throw new Error(`${this.name} does not run`);
    await node.stop();
    await this.#engine.close();
    this.kill();
  }

  /** The disk takes nothing up for so long; what is under way waits behind that. */
  stallDisk(ms: number): void {
    this.#diskFreeAt = Math.max(this.#diskFreeAt, this.#options.time.now) + ms;
  }

  /** An empty data directory in the place of the old one. The process must not run. */
  wipe(): void {
    if (this.isRunning) throw new Error(`${this.name} runs`);
    this.#disk = this.#newDisk();
    this.#engine = this.#newEngine();
  }

  #end(): SimProcess {
    const process = this.#process;
    if (!process) throw new Error(`${this.name} was never started`);
    process.kill();
    this.node = undefined;
    this.created = undefined;
    this.router = undefined;
    this.#engine = this.#engine.crash();
    return process;
  }

  /** The process ends by itself. What is still to run of this moment runs first; its sockets close after that. */
  #exit(process: SimProcess, exit: Exit): void {
    if (this.#process !== process) return;
    this.exits.push(exit);
    process.kill();
    this.#options.time.after(0, () => {
      if (this.#process === process) this.kill();
    });
  }

  #newDisk(): MemoryDisk {
    return new MemoryDisk({
      seed: this.#diskRandom.uint32(),
      schedule: (_, complete) => this.#afterDisk('disk', complete),
    });
  }

  #newEngine(): MemoryEngine {
    return new MemoryEngine({
      schedule: (_, complete) => {
        if (this.holdEngine) this.holdEngine(complete);
        else this.#afterDisk('engine', complete);
      },
    });
  }

  #afterDisk(of: 'disk' | 'engine', complete: () => void): void {
    const { time } = this.#options;
    const [min, max] = this.diskLatencyMs;
    this.#diskFreeAt = Math.max(this.#diskFreeAt, time.now) + this.#diskRandom.between(min, max);
    const takesMs = this.#diskFreeAt - time.now;
    this.onStep?.(of, takesMs);
    this.#process?.schedule('io', takesMs, () => {
      complete();
      this.onStep?.(of, 'done');
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
