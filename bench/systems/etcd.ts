import { join } from 'node:path';
import {
  buildEtcdload,
  type EtcdClients,
  fillByEtcdload,
  loadByEtcdload,
} from '../load/etcdload.ts';
import { type Figures, rate } from '../load/figures.ts';
import { launch, type Tool } from '../processes.ts';
import type { Settings } from '../settings.ts';
import { type Action, WORKS } from '../work.ts';
import { type System, until } from './system.ts';

const GO = 'golang-go golang-etcd-server-dev';
export const ETCD_TOOLS: readonly Tool[] = [
  { command: 'etcd', install: 'etcd-server' },
  { command: 'go', install: GO },
];

const NODES = [1, 2, 3];
const PEER = 100;
const QUOTA_BYTES = 8_000_000_000;
/** How many gRPC connections are tried: clients share them, and how many serve best depends on the machine. */
const CONNECTIONS = [6, 12, 24];
const TUNE_SECONDS = 2;
const FILL: EtcdClients = { clients: 64, connections: 12 };

/** Three processes with etcd's defaults but for the quota. Uses firstPort + 1 … + 3 and + 101 … + 103. */
export async function startEtcd(settings: Settings, firstPort: number): Promise<System> {
  await buildEtcdload();
  const url = (i: number, offset = 0) => `http://127.0.0.1:${firstPort + offset + i}`;
  const cluster = NODES.map((i) => `n${i}=${url(i, PEER)}`).join(',');
  const nodes = NODES.map((i) =>
    launch(`etcd n${i}`, 'etcd', [
      ...['--name', `n${i}`, '--data-dir', join(settings.directory, `etcd-n${i}`)],
      ...['--listen-client-urls', url(i), '--advertise-client-urls', url(i)],
      ...['--listen-peer-urls', url(i, PEER), '--initial-advertise-peer-urls', url(i, PEER)],
      ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
      ...['--quota-backend-bytes', String(QUOTA_BYTES), '--logger', 'zap', '--log-level', 'error'],
    ]),
  );
  for (const i of NODES) {
    await until(`etcd answers on ${url(i)}`, async () => {
      const { health } = (await (await fetch(`${url(i)}/health`)).json()) as { health: unknown };
      return health === 'true';
    });
  }
  const ports = NODES.map((i) => firstPort + i);
  return new Etcd(
    settings,
    ports,
    nodes.map(({ pid }) => pid ?? 0),
  );
}

interface Clients {
  readonly ports: readonly number[];
  readonly load: EtcdClients;
}

class Etcd implements System {
  readonly name = 'etcd';
  readonly isFrozenBetween = false;
  readonly pids: readonly number[];
  readonly #settings: Settings;
  readonly #ports: readonly number[];
  readonly #best = new Map<string, Clients>();

  constructor(settings: Settings, ports: readonly number[], pids: readonly number[]) {
    this.#settings = settings;
    this.#ports = ports;
    this.pids = pids;
  }

  fill(): Promise<void> {
    return fillByEtcdload(this.#settings, this.#ports, FILL);
  }

  async tune(action: Action, clients: number): Promise<string> {
    const leader = await findLeader(this.#ports);
    let best: Clients | undefined;
    let bestRate = -1;
    for (const ports of [this.#ports, [leader]]) {
      for (const connections of new Set(CONNECTIONS.map((count) => Math.min(count, clients)))) {
        const tried = { ports, load: { clients, connections } };
        const found = rate(await this.#load(action, tried, TUNE_SECONDS));
        if (found <= bestRate) continue;
        best = tried;
        bestRate = found;
      }
    }
    if (!best) throw new Error('nothing was tried');
    this.#best.set(`${action} ${clients}`, best);
    const where = best.ports.length > 1 ? 'all nodes' : 'the leader';
    const { name } = WORKS[action];
    return `${clients} clients do the most ${name} over ${best.load.connections} connections to ${where}`;
  }

  load(action: Action, clients: number, seconds: number): Promise<Figures> {
    const best = this.#best.get(`${action} ${clients}`);
    if (!best) throw new Error(`not tuned for ${action} by ${clients} clients`);
    return this.#load(action, best, seconds);
  }

  #load(action: Action, { ports, load }: Clients, seconds: number): Promise<Figures> {
    return loadByEtcdload(this.#settings, ports, action, load, seconds);
  }
}

/** The port of the member that leads. */
async function findLeader(ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    const url = `http://127.0.0.1:${port}/v3/maintenance/status`;
    const answer = await fetch(url, { method: 'POST', body: '{}' });
    const status = (await answer.json()) as MemberStatus;
    if (status.leader === status.header.member_id) return port;
  }
  throw new Error('no etcd node leads');
}

interface MemberStatus {
  readonly header: { readonly member_id: string };
  readonly leader: string;
}
