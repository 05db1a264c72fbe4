import { expect } from 'vitest';
import { REGISTER } from '../../../src/sim/index.ts';
import { type Histories, KvClient } from './client.ts';
import { KvCluster } from './cluster.ts';
import { expectLinearizable, trouble } from './rounds.ts';

const ROUNDS = 3;
const ROUND_MS = 5000;
/** So that clients which do one thing after the other do about as many as with the original's servers. */
const LATENCY_MS = [4, 10] as const;

export interface Generic {
  readonly clients: number;
  readonly servers: number;
  readonly unreliable?: boolean;
  readonly crash?: boolean;
  readonly partitions?: boolean;
  readonly randomKeys?: boolean;
  /** M, in bytes; -1: never a snapshot. */
  readonly stateBytesMax: number;
}

/** Procedure G of §5.2. */
export function generic(options: Generic): (seed: number) => Promise<void> {
  return async (seed) => {
    const { servers, unreliable = false, stateBytesMax } = options;
    const cluster = new KvCluster({
      servers,
      seed,
      unreliable,
      stateBytesMax,
      latencyMs: LATENCY_MS,
    });
    const histories: Histories = new Map();
    await cluster.run(async () => {
      for (let round = 0; round < ROUNDS; round++) await oneRound(cluster, options, histories);
    });
    expectLinearizable(REGISTER, histories);
  };
}

async function oneRound(
  cluster: KvCluster,
  { clients, unreliable = false, crash, partitions = false, randomKeys, stateBytesMax }: Generic,
  histories: Histories,
): Promise<void> {
  // Where nothing takes longer than a router tries, its session alone makes an operation happen once.
  const tokens = unreliable || partitions;
  const flags = { stopped: false };
  const checker = new KvClient(cluster, { histories });
  const running = Array.from({ length: clients }, (_, j) => {
    const client = new KvClient(cluster, { histories, tokens });
    return randomKeys
      ? onRandomKeys(cluster, client, j, clients, flags)
      : onOwnKey(cluster, client, j, flags);
  });
  await trouble(cluster, { crash, partitions }, ROUND_MS, flags);
  for (const [j, client] of running.entries()) {
    const written = await client;
    const value = await checker.get(`${j}`);
    if (!randomKeys) expect(value).toBe(written);
  }
  if (stateBytesMax < 0) expect(cluster.hasSnapshots).toBe(false);
  else expect(cluster.logSize).toBeLessThanOrEqual(8 * stateBytesMax);
}

/** Appends and reads one key that nobody else writes; returns what it wrote in this round. */
async function onOwnKey(
  { random }: KvCluster,
  client: KvClient,
  j: number,
  flags: { readonly stopped: boolean },
): Promise<string> {
  const key = `${j}`;
  let written = '';
  let appends = 0;
  await client.put(key, '');
  while (!flags.stopped) {
    if (random.once(2)) {
      const value = `x ${j} ${appends++} y`;
      await client.append(key, value);
      written += value;
    } else {
      expectSame(await client.get(key), written);
    }
  }
  return written;
}

/** An `expect` for each of thousands of reads takes longer than some of the reads. */
function expectSame(read: string, written: string): void {
  if (read !== written) expect(read).toBe(written);
}

async function onRandomKeys(
  { random }: KvCluster,
  client: KvClient,
  j: number,
  clients: number,
  flags: { readonly stopped: boolean },
): Promise<string> {
  for (let r = 0; !flags.stopped; r++) {
    const key = `${random.below(clients)}`;
    const value = `x ${j} ${r} y`;
    if (random.once(2)) await client.append(key, value);
    else if (random.below(10) === 0) await client.put(key, value);
    else await client.get(key);
  }
  return '';
}

const APPENDS = 1000;
/** Three operations in the time of a heartbeat, at least (§5.2). */
const SPEED_MS_MAX = (APPENDS * 100) / 3;

/** Procedure S of §5.2. */
export function speed(stateBytesMax: number): (seed: number) => Promise<void> {
  return async (seed) => {
    const cluster = new KvCluster({ servers: 3, seed, stateBytesMax });
    await cluster.run(async () => {
      const client = new KvClient(cluster);
      await client.get('x');
      const began = cluster.time.now;
      let written = '';
      for (let i = 0; i < APPENDS; i++) {
        const value = `x 0 ${i} y`;
        await client.append('x', value);
        written += value;
      }
      expect(cluster.time.now - began).toBeLessThanOrEqual(SPEED_MS_MAX);
      expect(await client.get('x')).toBe(written);
    });
  };
}
