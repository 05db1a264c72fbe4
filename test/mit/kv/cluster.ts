import {
  type ClusterMap,
  type ControllerReply,
  newGroup,
  type Table,
} from '../../../src/controller/index.ts';
import { type Cluster, Router } from '../../../src/router/index.ts';
import { type SimProcess, SimRandom } from '../../../src/sim/index.ts';
import type { GroupReply, GroupRequest } from '../../../src/store/index.ts';
import { specOf } from '../../support/world.ts';
import { Calls, type Latency } from '../group/calls.ts';
import { GroupCluster } from '../group/cluster.ts';
import { GROUP } from '../group/server.ts';
import type { KvClients } from './client.ts';
import { KvService, nameOf, SHARD } from './service.ts';

export interface KvClusterOptions {
  readonly servers: number;
  readonly seed: number;
  readonly unreliable?: boolean;
  /** M of §4.2, in bytes; -1: never a snapshot. */
  readonly stateBytesMax: number;
  /** Of one way, also between clients and servers. */
  readonly latencyMs?: Latency;
}

export const TABLE: Table = {
  id: SHARD.table,
  spec: specOf('kv'),
  status: 'ACTIVE',
  createdAt: 0,
  uuid: '',
  deletion: '',
  shards: [
    {
      id: SHARD.shard,
      hashStart: SHARD.hashStart,
      hashEnd: SHARD.hashEnd,
      group: GROUP,
      movingTo: 0,
      home: GROUP,
      epoch: SHARD.epoch,
      state: 'serving',
      becomes: undefined,
      parents: [],
    },
  ],
};

/** The key/value servers of §9 and the way of clients to them: the product's routers, which ask over the network of §2. */
export class KvCluster extends GroupCluster<KvService> implements KvClients {
  readonly table = TABLE;
  readonly #seed: number;
  readonly #calls: Calls<GroupRequest, GroupReply>;
  /** By client: the servers that it reaches. */
  readonly #reach = new Map<string, ReadonlySet<number>>();
  readonly #map: ClusterMap;
  #clients = 0;
  /** Orders calls and returns, also those of one moment (§12.3). */
  #stamps = 0;

  constructor(options: KvClusterOptions) {
    super({ ...options, service: () => new KvService() });
    this.#seed = options.seed;
    this.#calls = new Calls(
      this.time,
      options.seed + 1,
      (from, to) => this.#isReachable(from, Number(to)),
      options.latencyMs,
    );
    this.#calls.unreliable = options.unreliable ?? false;
    const nodes = Array.from({ length: this.n }, (_, i) => ({
      name: nameOf(i),
      incarnation: '',
      http: '',
      peer: '',
      zone: '',
      draining: false,
      group: 0,
    }));
    const replicas = nodes.map(({ name }, i) => ({ replica: i + 1, node: name, incarnation: '' }));
    this.#map = {
      number: 1,
      digest: 0,
      clusterId: '',
      nodes,
      removed: [],
      groups: [newGroup(GROUP, replicas)],
      tables: [TABLE],
    };
  }

  /** Clients' calls suffer as the servers' messages do. */
  override setUnreliable(unreliable: boolean): void {
    super.setUnreliable(unreliable);
    this.#calls.unreliable = unreliable;
  }

  override async start(i: number): Promise<void> {
    await super.start(i);
    const [server, service] = [this.server(i), this.service(i)];
    if (!server || !service) return;
    const { process, replica } = server;
    this.#calls.serve(`${i}`, {
      process,
      handle: (request, reply) => service.handle(replica, process.clock, request, reply),
    });
  }

  override crash(i: number): void {
    super.crash(i);
    this.#calls.serve(`${i}`, undefined);
  }

  /** A number that is larger than all before. */
  stamp(): number {
    return ++this.#stamps;
  }

  /** A client's way to the database. It reaches all servers unless told. */
  newClient(reaches?: readonly number[]): {
    readonly name: string;
    readonly router: Router;
    readonly process: SimProcess;
    ask(server: number, request: GroupRequest, timeoutMs: number): Promise<GroupReply>;
  } {
    const name = `client ${++this.#clients}`;
    this.reach(name, reaches);
    const process = this.time.process(name);
    const ask = async (server: number, request: GroupRequest, timeoutMs: number) => {
      const result = await this.#calls.call(name, `${server}`, request, timeoutMs);
      return result === 'failed' ? ({ kind: 'unknown' } as const) : result.reply;
    };
    const cluster: Cluster = {
      self: name,
      map: this.#map,
      learnMap: () => {},
      leaderOf: () => undefined,
      askGroup: (node, request, timeoutMs) => ask(Number(node.slice(1)), request, timeoutMs),
      // Asked when a server does not hold the shard, which at the beginning none does.
      askController: async (): Promise<ControllerReply> => ({ kind: 'map', map: this.#map }),
    };
    const random = new SimRandom(this.#seed, name);
    return { name, router: new Router(cluster, process.clock, random), process, ask };
  }

  /** Changes which servers a client reaches; all unless told. */
  reach(client: string, servers: readonly number[] = [...Array(this.n).keys()]): void {
    this.#reach.set(client, new Set(servers));
  }

  /** The largest, in bytes; without a bound of the logs there must be none. */
  get snapshotSize(): number {
    return Math.max(
      ...[...Array(this.n).keys()].map((i) => {
        const replica = this.server(i)?.replica;
        return replica ? (this.service(i)?.snapshotBytes(replica) ?? 0) : 0;
      }),
    );
  }

  get hasSnapshots(): boolean {
    return this.running.some(({ hasSnapshot }) => hasSnapshot);
  }

  #isReachable(client: string, server: number): boolean {
    return this.#reach.get(client)?.has(server) ?? false;
  }
}
