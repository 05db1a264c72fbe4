import {
  type ClusterMap,
  type ControllerCommand,
  type ControllerOutcome,
  EMPTY_MAP,
  type Table,
} from '../../../src/controller/index.ts';
import { compareHash, hashFromHex, hashToHex } from '../../../src/item/index.ts';
import { nodeHost } from '../../../src/platform/index.ts';
import { type Cluster, ControllerClient, Router } from '../../../src/router/index.ts';
import { type SimProcess, SimRandom, World } from '../../../src/sim/index.ts';
import { keyOf, specOf } from '../../support/world.ts';
import type { KvClients } from '../kv/client.ts';

export interface ShardedOptions {
  readonly seed: number;
  /** M of §4.2, in bytes; -1: never a snapshot. */
  readonly stateBytesMax: number;
  readonly unreliable?: boolean;
  /** How many there are, whether they take part or not; 3 unless told. */
  readonly groups?: number;
  /** Of the table; 10 unless told. */
  readonly shards?: number;
}

const SERVERS = 3;
const GROUPS = 3;
const SHARDS = 10;
const FORMATION_MS = 20_000;
/** A blocking call of the administrator's, and how long a test may wait for a move. */
const PATIENCE_MS = 120_000;
const POLL_MS = 20;
/** So that clients which do one thing after the other do about as many as with the original's servers. */
const LATENCY_MS = [2, 6] as const;
/** One in so many parcels is lost, which a connection makes good for after a while: all behind it wait. */
const UNRELIABLE = { lossOnceIn: 10 };

/** Keys of which one falls into each of ten shards, in the shards' order. */
export const KEYS: readonly string[] = keysOfShards();

/**
 * The fixture of §5.3 as a whole cluster of the product: three nodes with the controller, and three groups of three nodes each,
 * none of which takes part at the start. Ten shards are one table.
 */
export class ShardedCluster implements KvClients {
  readonly world: World;
  readonly random: SimRandom;
  readonly #seed: number;
  readonly #stateBytesMax: number;
  readonly #admin: SimProcess;
  readonly #shards: number;
  readonly #isUnreliable: boolean;
  #known: ClusterMap = EMPTY_MAP;
  #table: Table | undefined;
  #clients = 0;
  #stamps = 0;

  constructor(options: ShardedOptions) {
    const { seed, stateBytesMax, unreliable = false, groups = GROUPS } = options;
    this.#shards = options.shards ?? SHARDS;
    this.#seed = seed;
    this.#stateBytesMax = stateBytesMax;
    this.world = new World({
      seed,
      host: nodeHost(),
      nodes: SERVERS * (1 + groups),
      groups: 0,
      networkLatencyMs: LATENCY_MS,
      ...(stateBytesMax >= 0 && {
        limits: { logSegmentBytes: 64 * 1024, replica: { storedLogBytesMax: stateBytesMax } },
      }),
    });
    this.random = new SimRandom(seed, 'test');
    this.#admin = this.world.time.process('administrator');
    this.#isUnreliable = unreliable;
  }

  /** Runs a test, from the moment at which everything has been started. */
  async run(test: () => Promise<void>): Promise<void> {
    const { world } = this;
    await world.start();
    await world.until(() => world.isReady, FORMATION_MS);
    if (this.#isUnreliable) world.network.weather = { ...world.network.weather, ...UNRELIABLE };
    await world.settle(test(), 10 * PATIENCE_MS);
    const wrong = world.failures.map(({ reason, error }) =>
      error instanceof Error ? error.stack : reason,
    );
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  }

  get table(): Table {
    if (!this.#table) throw new Error('no group has joined');
    return this.#table;
  }

  async join(...groups: readonly number[]): Promise<void> {
    await this.#ask({
      kind: 'join',
      groups: groups.map((group) => ({ id: 100 + group, nodes: this.#serversOf(group) })),
    });
    if (!this.#table) await this.#createTable();
  }

  async leave(...groups: readonly number[]): Promise<void> {
    await this.#ask({ kind: 'leave', groups: groups.map((group) => 100 + group) });
  }

  /** The keys of {@link KEYS} whose shards the newest configuration gives to the group. */
  ownedBy(group: number): string[] {
    const shards = this.#map().tables.flatMap((table) => table.shards);
    return KEYS.filter((_, i) => shards[i]?.home === 100 + group);
  }

  /** The group that serves the key's shard, as the controller knows. */
  ownerOf(key: string): number {
    const { hash } = keyOf(key);
    const shards = this.#map().tables.flatMap((table) => table.shards);
    const at = shards.findLast(({ hashStart }) => compareHash(hashFromHex(hashStart), hash) <= 0);
    return (at?.group ?? 0) - 100;
  }

  /** The configuration has taken effect: every shard is where it should be. */
  get isSettled(): boolean {
    const shards = this.#map().tables.flatMap((table) => table.shards);
    return shards.every(({ group, home, movingTo }) => group === home && movingTo === 0);
  }

  async settled(withinMs = PATIENCE_MS): Promise<void> {
    const end = this.world.time.now + withinMs;
    while (!this.isSettled) {
      if (this.world.time.now > end)
        throw new Error(`shards still move after ${withinMs} ms: ${this.#moves()}`);
      await this.sleep(POLL_MS);
    }
  }

  /** In words, for a reader who wants to know what they wait for. */
  #moves(): string {
    const moving = this.#map()
      .tables.flatMap((table) => table.shards)
      .filter(({ group, home, movingTo }) => group !== home || movingTo !== 0);
    const held = this.world.machines.flatMap(({ name, node }) =>
      [...(node?.replicas.allData() ?? [])].flatMap(({ replica, machine }) =>
        moving.flatMap(({ id }) => {
          const shard = machine.shard(id);
          if (!shard) return [];
          const leads = replica.isLeader ? ' leads' : '';
          return `${name}/${replica.group}${leads}: ${id} ${shard.state} in epoch ${shard.epoch}, part ${shard.parts}`;
        }),
      ),
    );
    return JSON.stringify({ moving, held }, undefined, 1);
  }

  get number(): number {
    return this.#map().number;
  }

  hasJoined(group: number): boolean {
    return this.#map().groups.some(({ id, joined }) => id === 100 + group && joined);
  }

  crash(...groups: readonly number[]): void {
    for (const name of groups.flatMap((group) => this.#serversOf(group))) this.world.powerOff(name);
  }

  crashServer(group: number, server: number): void {
    this.world.powerOff(this.#serversOf(group)[server] ?? '');
  }

  crashControllers(): void {
    for (const name of this.#controllers()) this.world.powerOff(name);
  }

  /** Whoever does not run. */
  async startAll(): Promise<void> {
    this.world.launch();
    await this.sleep(1);
  }

  setReliable(): void {
    const { network } = this.world;
    network.weather = { ...network.weather, lossOnceIn: 0 };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.world.time.after(ms, resolve));
  }

  stamp(): number {
    return ++this.#stamps;
  }

  /** Of Raft state and the snapshot, over all servers of groups: what the engine holds is the snapshot. */
  get storedBytes(): number {
    let bytes = 0;
    for (const { node } of this.world.machines) {
      for (const { replica, machine } of node?.replicas.allData() ?? []) {
        bytes += replica.loggedBytes;
        const { state } = replica;
        state.complete(machine.cacheWrites(state));
        const view = state.view();
        const cursor = view.all();
        for (let pair = cursor.next(); pair; pair = cursor.next()) {
          bytes += pair.key.length + pair.value.length;
        }
        cursor.close();
        view.close();
      }
    }
    return bytes;
  }

  /** sizes(): the servers of groups whose logs are longer than they may be, or that have a snapshot without a bound. */
  get oversized(): string[] {
    const bound = this.#stateBytesMax;
    return this.world.machines.flatMap(({ name, node }) =>
      [...(node?.replicas.allData() ?? [])].flatMap(({ replica }) => {
        const isTooLarge =
          bound < 0 ? replica.state.durableIndex > 0 : replica.loggedBytes > 8 * bound;
        return isTooLarge ? [`${name}: ${replica.loggedBytes}`] : [];
      }),
    );
  }

  /** A router of its own, which asks through the first of the controllers' nodes that runs. */
  newClient(): { readonly name: string; readonly router: Router } {
    return this.#client((map) => map);
  }

  /** Clients that know another controller only, according to which everything is on that group. */
  misled(to: number): KvClients {
    const wrong = (map: ClusterMap): ClusterMap => ({
      ...map,
      tables: map.tables.map((table) => ({
        ...table,
        shards: table.shards.map((shard) => ({ ...shard, group: 100 + to, movingTo: 0 })),
      })),
    });
    return {
      table: this.table,
      random: this.random,
      newClient: () => this.#client(wrong),
      reach: () => {},
      sleep: (ms) => this.sleep(ms),
      stamp: () => this.stamp(),
    };
  }

  #client(see: (map: ClusterMap) => ClusterMap) {
    const name = `client ${++this.#clients}`;
    const process = this.world.time.process(name);
    const random = new SimRandom(this.#seed, name);
    return { name, router: new Router(this.#clusterFor(process, see), process.clock, random) };
  }

  reach(): void {}

  /** A node that dies while it is asked answers nothing: its clients' time goes on. */
  #clusterFor({ clock }: SimProcess, see = (map: ClusterMap) => map): Cluster {
    const within = <T>(answer: Promise<T> | undefined, timeoutMs: number, otherwise: T) =>
      new Promise<T>((resolve) => {
        clock.after(answer ? timeoutMs : 1, () => resolve(otherwise));
        void answer?.then(resolve);
      });
    let known = this.#map();
    let seen = see(known);
    const map = () => {
      if (this.#map() !== known) {
        known = this.#map();
        seen = see(known);
      }
      return seen;
    };
    return {
      self: '',
      get map() {
        return map();
      },
      learnMap: () => {},
      leaderOf: (group) => this.#node()?.leaderOf(group),
      askGroup: (node, request, timeoutMs) =>
        within(this.#node()?.askGroup(node, request, timeoutMs), timeoutMs, { kind: 'unknown' }),
      askController: async (node, request, timeoutMs) => {
        const asked = this.#node()?.askController(node, request, timeoutMs);
        const reply = await within(asked, timeoutMs, { kind: 'unavailable' });
        return reply.kind === 'map' ? { kind: 'map', map: see(reply.map) } : reply;
      },
    };
  }

  #node() {
    for (const name of this.#controllers()) {
      const { isRunning, node } = this.world.machine(name);
      if (isRunning && node) return node;
    }
    return undefined;
  }

  /** The newest that clients have seen: a controller that starts again begins with an old one. */
  #map(): ClusterMap {
    const map = this.#node()?.map;
    if (map && map.number > this.#known.number) this.#known = map;
    return this.#known;
  }

  #controllers(): string[] {
    return ['n1', 'n2', 'n3'];
  }

  #serversOf(group: number): string[] {
    const first = SERVERS * (1 + group) + 1;
    return Array.from({ length: SERVERS }, (_, i) => `n${first + i}`);
  }

  async #createTable(): Promise<void> {
    const spec = specOf('kv');
    await this.#ask({ kind: 'create-table', spec, uuid: 'kv', createdAt: 0, shards: this.#shards });
    const find = () => this.#map().tables.find(({ status }) => status === 'ACTIVE');
    for (let waitedMs = 0; !find(); waitedMs += POLL_MS) {
      if (waitedMs > PATIENCE_MS) throw new Error('the table is not there');
      await this.sleep(POLL_MS);
    }
    this.#table = find();
  }

  async #ask(command: ControllerCommand): Promise<ControllerOutcome> {
    for (;;) {
      const client = new ControllerClient(
        this.#clusterFor(this.#admin),
        this.#admin.clock,
        this.random,
      );
      const outcome = await client.command(command);
      if (outcome?.kind === 'refused') throw new Error(outcome.reason);
      if (outcome) return outcome;
    }
  }
}

function keysOfShards(): string[] {
  const keys: string[] = [];
  for (let shard = 0; shard < SHARDS; shard++) {
    for (let i = 0; keys.length <= shard; i++) {
      const hash = Number.parseInt(hashToHex(keyOf(`${i}`).hash).slice(0, 8), 16);
      if (Math.floor((SHARDS * hash) / 2 ** 32) === shard) keys.push(`${i}`);
    }
  }
  return keys;
}
