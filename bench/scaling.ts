/**
 * `npx tsx bench/scaling.ts`: what a cluster serves as it grows from 3 to 6 to 9 nodes by the product's own joins, on simulated hosts in
 * virtual time, as a part of what it would serve if that grew with the nodes. The product's code runs unchanged; only hosts are models.
 *
 * **The host.** One processor, which is a queue. What a node handles costs a fixed time, and nothing else is handled until that time has
 * passed; what came meanwhile is then handled together, as an event loop does. Costs, in microseconds of virtual time:
 * - a request of a client, on the node that it asks: {@link REQUEST_US};
 * - an entry of a group's log: {@link ENTRY_US}, on each replica that applies it;
 * - what comes from another node: {@link KIB_US} for each KiB. Values have one size, so that a request that is passed on, its answer and
 *   each copy to a follower cost the same each time. A chunk of bytes, however much is in it, costs `--chunk` (60) besides.
 *
 * They are twenty times what `npm run bench -- --profile` shows, so that three nodes are saturated by some hundred requests a second, but
 * for the chunks: to send and to read one takes the kernel as long as 400 are here. How many there are depends on how much shares one,
 * with many peers less than with two; `--chunk 400` shows what that does. Disks and the network take the time that they take in any
 * world, and no processor.
 */
import { parseArgs } from 'node:util';
import { utf8 } from '../src/bytes/index.ts';
import type { ClusterMap } from '../src/controller/index.ts';
import { handle } from '../src/dynamodb/index.ts';
import { nodeHost } from '../src/platform/index.ts';
import { ControllerClient } from '../src/router/index.ts';
import { type Machine, SimRandom, World } from '../src/sim/index.ts';
import { row } from './tables.ts';

const SIZES = [3, 6, 9] as const;
const LARGEST = 9;
const WANTED = 0.9;
const SEED = 1;

const REQUEST_US = 1_000;
const ENTRY_US = 350;
const KIB_US = 700;
const { values: options } = parseArgs({ options: { chunk: { type: 'string', default: '60' } } });
const CHUNK_US = Number(options.chunk);

const TABLE = 'grown';
/** A multiple of every number of groups, so that each has as many as any other. */
const SHARDS = 18;
const KEYS = 2_400;
const VALUE = 'x'.repeat(256);
/** Of each node: enough that none ever waits for a request. */
const CLIENTS_PER_NODE = 24;
const CLIENT_LATENCY_MS = 0.3;
const WARM_UP_MS = 2_000;
const MEASURED_MS = 5_000;
const BALANCED_WITHIN_MS = 300_000;

/** The one of a machine. */
class Processor {
  /** Time for which it worked, in milliseconds. */
  busyMs = 0;
  readonly #world: World;
  readonly #machine: Machine;
  #owedMs = 0;
  #isCharged = false;

  constructor(world: World, machine: Machine) {
    this.#world = world;
    this.#machine = machine;
  }

  /** Something is handled at this moment; the rest of what is due at it may be, too. */
  work(us: number): void {
    this.#owedMs += us / 1000;
    if (this.#isCharged) return;
    this.#isCharged = true;
    this.#world.time.after(0, () => this.#pay());
  }

  #pay(): void {
    const { process } = this.#machine;
    const ms = this.#owedMs;
    this.busyMs += ms;
    this.#owedMs = 0;
    this.#isCharged = false;
    process?.pause();
    this.#world.time.after(ms, () => process?.resume());
  }
}

/** Charges what the nodes do to their processors. */
class Hosts {
  readonly #world: World;
  readonly #processors = new Map<string, Processor>();
  readonly #applied = new Map<number, number>();

  constructor(world: World) {
    this.#world = world;
    for (const machine of world.machines) {
      this.#processors.set(machine.name, new Processor(world, machine));
    }
    world.network.onArrival = ({ from, to, bytes }) => {
      if (from !== to) this.of(to).work(CHUNK_US + (KIB_US * bytes.length) / 1024);
    };
  }

  /** To be called for a node that was started. */
  watch({ node, name }: Machine): void {
    if (!node) throw new Error(`${name} does not run`);
    node.watcher = {
      onMessage: () => {},
      onReplica: () => {},
      onApplied: ({ id, state }) => {
        const { appliedIndex } = state;
        const before = this.#applied.get(id) ?? appliedIndex;
        if (appliedIndex > before) this.of(name).work(ENTRY_US * (appliedIndex - before));
        this.#applied.set(id, appliedIndex);
      },
    };
  }

  of(name: string): Processor {
    return this.#processors.get(name) as Processor;
  }

  /** A consistent read by a client of that node. */
  get(node: Machine, key: number): Promise<void> {
    return this.#ask(node, 'GetItem', { Key: { pk: keyOf(key) }, ConsistentRead: true });
  }

  put(node: Machine, key: number): Promise<void> {
    return this.#ask(node, 'PutItem', { Item: { pk: keyOf(key), v: { S: VALUE } } });
  }

  #ask({ name, process, router }: Machine, operation: string, content: object): Promise<void> {
    const target = `DynamoDB_20120810.${operation}`;
    const body = utf8(JSON.stringify({ TableName: TABLE, ...content }));
    return new Promise((resolve, reject) => {
      process?.schedule('io', CLIENT_LATENCY_MS, () => {
        if (!router) throw new Error(`${name} does not run`);
        this.of(name).work(REQUEST_US);
        handle({ target, body }, { database: router, address: name }).then(({ status }) => {
          if (status !== 200) reject(new Error(`${operation} was answered with ${status}`));
          this.#world.time.after(CLIENT_LATENCY_MS, resolve);
        }, reject);
      });
    });
  }
}

function keyOf(key: number) {
  return { S: `key-${key}` };
}

/** Clients that each ask one node for one thing after the other: half of them reads, which are consistent. */
class Clients {
  answered = 0;
  readonly #world: World;
  readonly #hosts: Hosts;
  readonly #random = new SimRandom(SEED, 'clients');
  readonly #running: Promise<unknown>;
  #isStopping = false;

  constructor(world: World, hosts: Hosts, nodes: readonly Machine[]) {
    this.#world = world;
    this.#hosts = hosts;
    const clients = nodes.flatMap((node) => new Array<Machine>(CLIENTS_PER_NODE).fill(node));
    this.#running = Promise.all(clients.map((node) => this.#run(node)));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#world.settle(this.#running);
  }

  async #run(node: Machine): Promise<void> {
    while (!this.#isStopping) {
      const key = this.#random.below(KEYS);
      if (this.#random.once(2)) await this.#hosts.get(node, key);
      else await this.#hosts.put(node, key);
      this.answered++;
    }
  }
}

/** Everything is where it should be: as many groups as nodes, with as many replicas, shards and leaders on each node as on any other. */
function isBalanced(world: World, nodes: number): boolean {
  const map = world.machines[0]?.node?.map as ClusterMap;
  const groups = map.groups.filter(({ id }) => id > 0);
  if (groups.length !== nodes || map.groups.some(({ changing }) => changing)) return false;
  const shards = map.tables.flatMap((table) => table.shards);
  if (shards.some(({ movingTo, state }) => movingTo !== 0 || state !== 'serving')) return false;
  const isLed = groups.every(({ id, replicas }) => world.leader(id)?.name === replicas[0]?.node);
  const names = map.nodes.map(({ name }) => name);
  return (
    isLed &&
    isEven(groups.map(({ id }) => shards.filter(({ group }) => group === id).length)) &&
    isEven(
      names.map((name) => groups.filter(({ replicas }) => replicas[0]?.node === name).length),
    ) &&
    isEven(
      names.map(
        (name) => map.groups.filter((one) => one.replicas.some(({ node }) => node === name)).length,
      ),
    )
  );
}

function isEven(counts: readonly number[]): boolean {
  return Math.max(...counts) - Math.min(...counts) <= 1;
}

async function makeTable(world: World): Promise<void> {
  const { node, router, process } = world.machines[0] as Machine;
  if (!node || !router || !process) throw new Error('no node runs');
  const controller = new ControllerClient(node, process.clock, new SimRandom(SEED, 'operator'));
  const spec = {
    name: TABLE,
    partitionKey: { name: 'pk', type: 'S' },
    sortKey: undefined,
    billingMode: 'PAY_PER_REQUEST',
    readCapacity: 0,
    writeCapacity: 0,
    deletionProtection: false,
    tableClass: 'STANDARD',
    tags: [],
  } as const;
  const ids = { uuid: '00000000-0000-4000-8000-000000000000', createdAt: 0 };
  await world.settle(controller.command({ kind: 'create-table', spec, ...ids, shards: SHARDS }));
  await world.until(() => node.map.tables.some(({ status }) => status === 'ACTIVE'));
}

const world = new World({ seed: SEED, host: nodeHost(), nodes: LARGEST, firstNodes: SIZES[0] });
const hosts = new Hosts(world);
await world.start();
await world.until(() => world.isReady);
await makeTable(world);
const [anyNode] = world.machines as [Machine];
for (let key = 0; key < KEYS; key += CLIENTS_PER_NODE) {
  const keys = Array.from({ length: CLIENTS_PER_NODE }, (_, i) => key + i);
  await world.settle(Promise.all(keys.map((one) => hosts.put(anyNode, one))));
}

console.log(
  `one table of ${SHARDS} shards, ${CLIENTS_PER_NODE} clients a node, half of the requests reads`,
);
row(['nodes'], ['groups', 'balanced s', 'requests/s', 'of linear', 'busy least', 'busy most']);
let first = 0;
let holds = true;
for (const size of SIZES) {
  const names = world.machines.slice(0, size).map(({ name }) => name);
  const came = world.time.now;
  const later = names.filter((name) => !world.machine(name).isRunning);
  await world.join(...later);
  await world.until(() => isBalanced(world, size), BALANCED_WITHIN_MS);
  const tookMs = world.time.now - came;
  const nodes = names.map((name) => world.machine(name));
  for (const node of nodes) hosts.watch(node);
  const clients = new Clients(world, hosts, nodes);
  await world.run(WARM_UP_MS);
  const busyBefore = names.map((name) => hosts.of(name).busyMs);
  const before = clients.answered;
  await world.run(MEASURED_MS);
  const perSecond = (1000 * (clients.answered - before)) / MEASURED_MS;
  const busy = names.map((name, i) => (hosts.of(name).busyMs - (busyBefore[i] ?? 0)) / MEASURED_MS);
  await clients.stop();
  first ||= perSecond;
  const part = (perSecond / first) * (SIZES[0] / size);
  holds &&= part >= WANTED;
  row(
    [`${size}`],
    [
      size,
      (tookMs / 1000).toFixed(1),
      perSecond.toFixed(0),
      part.toFixed(2),
      Math.min(...busy).toFixed(2),
      Math.max(...busy).toFixed(2),
    ],
  );
}
console.log(`at least ${WANTED.toFixed(2)} of linear: ${holds ? 'holds' : 'MISSED'}`);
process.exit(holds ? 0 : 1);
