import { type ClusterMap, THRESHOLDS, type Thresholds } from '../controller/index.ts';
import type { NodeLimits, PeerAddress } from '../node/index.ts';
import { type Buggify, NEVER } from '../ports/index.ts';
import { type Exit, Machine, type MachineOptions } from './machine.ts';
import { SimNetwork } from './network.ts';
import { type Host, VirtualTime } from './virtual-time.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly host: Host;
  /** Number of machines, named n1, n2 and so on; 3 unless told. */
  readonly nodes?: number;
  /** Milliseconds of one disk call; 0.1 to 0.4 unless told. */
  readonly diskLatencyMs?: readonly [min: number, max: number];
  /** Milliseconds of one chunk's way; 0.1 to 1 unless told. */
  readonly networkLatencyMs?: readonly [min: number, max: number];
  /** Segments of 1 MiB unless told: they are filled with zeros, which costs real time. */
  readonly limits?: NodeLimits;
  /** For all nodes and routers. */
  readonly buggify?: Buggify;
  /** Data groups of the new cluster; one a node unless told. */
  readonly groups?: number;
  /** How fast the clock of a machine goes, by its number from 0; right unless told. */
  readonly clockRates?: readonly number[];
  /** How many of the machines form the cluster; all unless told. The others join it when they are started. */
  readonly firstNodes?: number;
  /** Of each machine, from the first one on. */
  readonly zones?: readonly string[];
  /** See `NodeOptions`. */
  readonly replaceAfterMs?: number;
  /** See `MachineOptions`. */
  readonly resharding?: Partial<Thresholds>;
}

/** Long enough for anything that does not hang, in milliseconds of virtual time. */
const PATIENCE_MS = 60_000;

const LIMITS: NodeLimits = { logSegmentBytes: 1024 * 1024 };

/** A whole cluster: machines on one network in one virtual time. The same seed gives the same run, event by event. */
export class World {
  readonly time: VirtualTime;
  readonly network: SimNetwork;
  readonly list: readonly PeerAddress[];
  /** From when on shards are split and merged. */
  readonly thresholds: Thresholds;
  readonly buggify: Buggify;
  readonly #groups: number | undefined;
  readonly #newMachine: (options: Pick<MachineOptions, 'name' | 'clockRate' | 'zone'>) => Machine;
  readonly #clockRates: readonly number[];
  #machines: readonly Machine[] = [];
  #gone: readonly Machine[] = [];

  constructor(options: WorldOptions) {
    const { seed, nodes = 3, networkLatencyMs, diskLatencyMs = [0.1, 0.4] } = options;
    const limits = { ...LIMITS, ...options.limits };
    const time = new VirtualTime(options.host);
    this.time = time;
    this.network = new SimNetwork(time, {
      seed,
      ...(networkLatencyMs && { latencyMs: networkLatencyMs }),
    });
    const { network } = this;
    const { replaceAfterMs, resharding, firstNodes = nodes, buggify = NEVER } = options;
    this.buggify = buggify;
    this.thresholds = { ...THRESHOLDS, ...resharding };
    this.#clockRates = options.clockRates ?? [];
    this.#newMachine = (own) =>
      new Machine({
        seed,
        time,
        network,
        diskLatencyMs,
        limits,
        buggify,
        ...(replaceAfterMs !== undefined && { replaceAfterMs }),
        ...(resharding && { resharding }),
        ...own,
      });
    for (let i = 0; i < nodes; i++) this.add(options.zones?.[i]);
    this.#groups = options.groups;
    this.list = this.machines.slice(0, firstNodes).map(({ peer }) => peer);
  }

  /** Those that are there, in the order in which they came. */
  get machines(): readonly Machine[] {
    return this.#machines;
  }

  /** And those that were taken away. */
  get allMachines(): readonly Machine[] {
    return [...this.#machines, ...this.#gone];
  }

  /** One more machine, with an empty disk and a name that no other one ever had. Nothing runs on it yet. */
  add(zone = ''): Machine {
    const number = this.allMachines.length;
    const clockRate = this.#clockRates[number] ?? 1;
    const machine = this.#newMachine({ name: `n${number + 1}`, clockRate, zone });
    this.#machines = [...this.#machines, machine];
    return machine;
  }

  /** A machine goes for good, with its disk. */
  takeAway(name: string): void {
    const machine = this.machine(name);
    if (machine.isRunning) machine.powerOff();
    this.#machines = this.#machines.filter((other) => other !== machine);
    this.#gone = [...this.#gone, machine];
  }

  /** Also one that is gone. */
  machine(name: string): Machine {
    const machine = this.allMachines.find((candidate) => candidate.name === name);
    if (!machine) throw new RangeError(`no machine ${name}`);
    return machine;
  }

  /** The other machines' names. */
  others(name: string): string[] {
    return this.machines.map((machine) => machine.name).filter((other) => other !== name);
  }

  /** Starts a process on a machine, or on all of the first nodes that have none, and waits until their nodes run. */
  async start(...names: readonly string[]): Promise<void> {
    await this.settle(this.#launch(names));
  }

  /** Likewise, for a start that may not come to its end: lets no time pass. */
  launch(...names: readonly string[]): void {
    this.#launch(names).catch(() => {});
  }

  #launch(names: readonly string[]): Promise<unknown> {
    const first = this.list.map(({ name }) => name);
    const chosen = (names.length > 0 ? names : first).map((name) => this.machine(name));
    const starts = chosen
      .filter(({ isRunning }) => !isRunning)
      .map((machine) => {
        const isFirst = first.includes(machine.name);
        if (!isFirst) return this.#join(machine);
        return machine.start(this.list, { initialGroups: this.#groups });
      });
    return Promise.all(starts);
  }

  /** Starts processes that join the cluster of the others. */
  async join(...names: readonly string[]): Promise<void> {
    await this.settle(Promise.all(names.map((name) => this.#join(this.machine(name)))));
  }

  #join(machine: Machine): Promise<void> {
    const others = this.machines.filter((other) => other !== machine);
    return machine.start([], { join: others.map(({ peer }) => peer.address) });
  }

  /** The newest map that any node has; undefined when no node has one. */
  get map(): ClusterMap | undefined {
    let newest: ClusterMap | undefined;
    for (const { node } of this.#machines) {
      if (node && node.map.number > (newest?.number ?? 0)) newest = node.map;
    }
    return newest;
  }

  /** Every node that runs knows the map, and every group has a leader that can answer. */
  get isReady(): boolean {
    const nodes = this.machines.filter(({ isRunning }) => isRunning).map(({ node }) => node);
    if (nodes.length === 0 || nodes.some((node) => !node || node.map.number === 0)) return false;
    const groups = nodes[0]?.map.groups ?? [];
    const led = new Set<number>();
    for (const node of nodes) {
      for (const replica of node?.replicas.all() ?? []) {
        if (replica.isCurrent) led.add(replica.group);
      }
    }
    return led.size === groups.length;
  }

  /** The machine whose node leads a group, if exactly one says so. */
  leader(group: number): Machine | undefined {
    const leaders = this.machines.filter(
      ({ isRunning, node }) => isRunning && node?.replicas.get(group)?.isLeader,
    );
    return leaders.length === 1 ? leaders[0] : undefined;
  }

  run(durationMs: number): Promise<void> {
    return this.time.pass(durationMs);
  }

  /** Rejects when the condition does not come to hold. */
  async until(condition: () => boolean, limitMs = PATIENCE_MS): Promise<void> {
    if (await this.time.runUntil(condition, limitMs)) return;
    throw new Error(`it did not come to pass within ${limitMs} ms: ${condition}`);
  }

  settle<T>(promise: Promise<T>, limitMs = PATIENCE_MS): Promise<T> {
    return this.time.settle(promise, limitMs);
  }

  kill(name: string): void {
    this.machine(name).kill();
  }

  powerOff(...names: readonly string[]): void {
    for (const name of names) this.machine(name).powerOff();
  }

  pause(name: string): void {
    this.machine(name).process?.pause();
  }

  resume(name: string): void {
    this.machine(name).process?.resume();
  }

  stop(name: string): Promise<void> {
    return this.settle(this.machine(name).stop());
  }

  /** Cuts one machine off from all others, in both directions. */
  isolate(name: string): void {
    this.network.partition([name], this.others(name));
  }

  partition(...sets: readonly (readonly string[])[]): void {
    this.network.partition(...sets);
  }

  heal(): void {
    this.network.heal();
  }

  /** Processes that ended by themselves with a broken invariant or a failed disk: there must be none. */
  get failures(): readonly Exit[] {
    return this.allMachines.flatMap(({ exits }) => exits).filter(({ kind }) => kind === 'failed');
  }

  /** The hash of every event so far. */
  get trace(): string {
    return this.time.trace.hash;
  }
}
