import {
  type ClusterMap,
  type ControllerCommand,
  type ControllerReply,
  type ControllerRequest,
  controllerGroup,
} from '../../../src/controller/index.ts';
import { type Cluster, ControllerClient } from '../../../src/router/index.ts';
import { SimRandom } from '../../../src/sim/index.ts';
import { specOf } from '../../support/world.ts';
import { Calls } from '../group/calls.ts';
import { GroupCluster } from '../group/cluster.ts';
import { type Config, configOf, SHARDS } from './config.ts';
import { ControllerHost, NODES } from './service.ts';

/** M of §4.2: a snapshot every few commands, so that whoever starts again begins with one. */
const STATE_BYTES_MAX = 1000;
const COPIED_ONCE_IN = 3;
const COPY_MS = [1, 1000] as const;

/** The fixture of §10.1: three servers that hold the product's controller, and clients that ask them over the network of §2. */
export class ControllerCluster extends GroupCluster<ControllerHost> {
  readonly #seed: number;
  readonly #calls: Calls<ControllerRequest, ControllerReply>;
  readonly #copies: SimRandom;
  #isUnreliable = false;
  #clients = 0;

  constructor(seed: number) {
    super({
      servers: 3,
      seed,
      stateBytesMax: STATE_BYTES_MAX,
      service: () => new ControllerHost(),
    });
    this.#seed = seed;
    this.#calls = new Calls(this.time, seed + 1, () => true);
    this.#copies = new SimRandom(seed, 'copies');
  }

  /** With the ten fixed shards, a table that is split in ten. */
  override run(body: () => Promise<void>): Promise<void> {
    return super.run(async () => {
      await this.newClient().createTable();
      await body();
    });
  }

  /** Clients' calls suffer as the servers' messages do. Besides, many arrive once more when nobody waits for the answer. */
  override setUnreliable(unreliable: boolean): void {
    super.setUnreliable(unreliable);
    this.#isUnreliable = unreliable;
    this.#calls.unreliable = unreliable;
  }

  override async start(i: number): Promise<void> {
    await super.start(i);
    const [server, service] = [this.server(i), this.service(i)];
    if (!server || !service) return;
    const { process, replica } = server;
    this.#calls.serve(`s${i}`, {
      process,
      handle: (request, reply) => service.handle(replica, process.clock, request, reply),
    });
  }

  override crash(i: number): void {
    super.crash(i);
    this.#calls.serve(`s${i}`, undefined);
  }

  newClient(): Client {
    const name = `client ${++this.#clients}`;
    const groups = [controllerGroup(NODES)];
    const map: ClusterMap = {
      number: 1,
      digest: 0,
      clusterId: '',
      nodes: [],
      removed: [],
      groups,
      tables: [],
    };
    const cluster: Cluster = {
      self: name,
      map,
      learnMap: () => {},
      leaderOf: () => undefined,
      askGroup: () => Promise.reject(new Error('there are no groups')),
      askController: async (node, request, timeoutMs) => {
        if (this.#isUnreliable && this.#copies.once(COPIED_ONCE_IN)) {
          const again = () => void this.#calls.call(name, node, request, timeoutMs);
          this.time.after(this.#copies.between(...COPY_MS), again);
        }
        const result = await this.#calls.call(name, node, request, timeoutMs);
        return result === 'failed' ? { kind: 'unavailable' } : result.reply;
      },
    };
    const { clock } = this.time.process(name);
    return new Client(name, new ControllerClient(cluster, clock, new SimRandom(this.#seed, name)));
  }
}

/**
 * The operations of §4.3, each under a token of its own, as operators' requests have them. They come back when they are done,
 * however long that takes.
 */
export class Client {
  readonly #name: string;
  readonly #client: ControllerClient;
  #requests = 0;

  constructor(name: string, client: ControllerClient) {
    this.#name = name;
    this.#client = client;
  }

  async createTable(): Promise<void> {
    await this.#command({
      kind: 'create-table',
      spec: specOf('kv'),
      uuid: 'kv',
      createdAt: 0,
      shards: SHARDS,
    });
  }

  async join(groups: Readonly<Record<number, readonly string[]>>): Promise<void> {
    const list = Object.entries(groups).map(([id, nodes]) => ({ id: Number(id), nodes }));
    await this.#command({ kind: 'join', request: this.#newRequest(), groups: list });
  }

  async leave(...groups: readonly number[]): Promise<void> {
    await this.#command({ kind: 'leave', request: this.#newRequest(), groups });
  }

  /** Shards are counted from 0. */
  async move(shard: number, to: number): Promise<void> {
    await this.#command({
      kind: 'move-shard',
      request: this.#newRequest(),
      shard: shard + 1,
      to,
    });
  }

  async query(number = -1): Promise<Config> {
    for (;;) {
      const found = await this.#client.query(number);
      if (typeof found === 'string') throw new Error(found);
      if (found) return configOf(found);
    }
  }

  async #command(command: ControllerCommand): Promise<void> {
    for (;;) {
      const outcome = await this.#client.command(command);
      if (outcome?.kind === 'done' || outcome?.kind === 'created') return;
      if (outcome) throw new Error(`${JSON.stringify(command)}: ${JSON.stringify(outcome)}`);
    }
  }

  #newRequest(): string {
    return `${this.#name}, ${++this.#requests}`;
  }
}
