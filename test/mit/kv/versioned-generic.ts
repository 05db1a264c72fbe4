import { expect } from 'vitest';
import { VERSIONED } from '../../../src/sim/index.ts';
import { KvCluster } from './cluster.ts';
import type { Generic } from './generic.ts';
import { expectLinearizable, trouble } from './rounds.ts';
import { type PutResult, VersionedClient, type VersionedHistories } from './versioned-client.ts';

const ROUNDS = 3;
const ROUND_MS = 1000;
const RANDOM_KEYS = 100;

/** How puts on each key ended. */
class Tally {
  readonly #counts = new Map<string, Record<PutResult, number>>();

  add(key: string, result: PutResult): void {
    const counts = this.of(key);
    counts[result]++;
    this.#counts.set(key, counts);
  }

  of(key: string): Record<PutResult, number> {
    return this.#counts.get(key) ?? { ok: 0, maybe: 0, 'wrong-version': 0, 'no-key': 0 };
  }

  get keys(): readonly string[] {
    return [...this.#counts.keys()];
  }
}

/** Procedure G with versions (§11.4): clients race to put on one key or on a hundred. */
export function versionedGeneric(options: Generic): (seed: number) => Promise<void> {
  return async (seed) => {
    const { servers, unreliable = false, stateBytesMax } = options;
    const cluster = new KvCluster({ servers, seed, unreliable, stateBytesMax });
    const histories: VersionedHistories = new Map();
    const tally = new Tally();
    await cluster.run(async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await oneRound(cluster, options, histories, tally);
        expectLinearizable(VERSIONED, histories);
      }
    });
  };
}

async function oneRound(
  cluster: KvCluster,
  { clients, unreliable, crash, partitions, randomKeys, stateBytesMax }: Generic,
  histories: VersionedHistories,
  tally: Tally,
): Promise<void> {
  const { random } = cluster;
  const flags = { stopped: false };
  const racing = Array.from({ length: clients }, async () => {
    const client = new VersionedClient(cluster, { by: 'router', histories });
    const versions = new Map<string, number>();
    for (let i = 0; !flags.stopped; i++) {
      const key = randomKeys ? `k${random.below(RANDOM_KEYS)}` : 'k';
      const result = await client.put(key, `${client.name} ${i}`, versions.get(key) ?? 0);
      tally.add(key, result);
      versions.set(key, (await client.get(key)).version);
    }
  });
  await trouble(cluster, { crash, partitions }, ROUND_MS, flags);
  await Promise.all(racing);
  const checker = new VersionedClient(cluster, { by: 'router', histories });
  for (const key of tally.keys) {
    const { ok, maybe } = tally.of(key);
    const { version } = await checker.get(key);
    expect(version, key).toBeGreaterThanOrEqual(ok);
    expect(version, key).toBeLessThanOrEqual(ok + maybe);
    if (!unreliable && !crash && !partitions) expect(version, key).toBe(ok);
  }
  if (stateBytesMax < 0) expect(cluster.hasSnapshots).toBe(false);
  else expect(cluster.logSize).toBeLessThanOrEqual(8 * stateBytesMax);
}

const PUTS = 1000;
const SPEED_MS_MAX = (PUTS * 100) / 3;

export function versionedSpeed(stateBytesMax: number): (seed: number) => Promise<void> {
  return async (seed) => {
    const cluster = new KvCluster({ servers: 3, seed, stateBytesMax });
    await cluster.run(async () => {
      const client = new VersionedClient(cluster, { by: 'router' });
      await client.get('x');
      const began = cluster.time.now;
      for (let version = 0; version < PUTS; version++) {
        expect(await client.put('x', `${version}`, version)).toBe('ok');
      }
      expect(cluster.time.now - began).toBeLessThanOrEqual(SPEED_MS_MAX);
    });
  };
}

/** Puts until it is known to have happened once at least (§11.4). */
export async function putAtLeastOnce(
  client: VersionedClient,
  key: string,
  value: string,
): Promise<void> {
  for (;;) {
    const { version } = await client.get(key);
    const result = await client.put(key, value, version);
    if (result === 'ok') return;
  }
}
