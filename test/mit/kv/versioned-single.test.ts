import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { VERSIONED } from '../../../src/sim/index.ts';
import { mitTest } from '../seeds.ts';
import { KvClient } from './client.ts';
import { KvCluster } from './cluster.ts';
import { expectLinearizable } from './rounds.ts';
import { VersionedClient, type VersionedHistories } from './versioned-client.ts';

const M = -1;
/** §11.2: one server, and nothing but the versions keeps a put from happening twice. */
const BARE = { by: 'bare' } as const;

function on(
  unreliable: boolean,
  body: (cluster: KvCluster) => Promise<void>,
): (seed: number) => Promise<void> {
  return async (seed) => {
    const cluster = new KvCluster({ servers: 1, seed, unreliable, stateBytesMax: M });
    await cluster.run(() => body(cluster));
  };
}

describe('[D1] versioned puts on a single server (2025)', () => {
  mitTest(
    'ReliablePut',
    on(false, async (cluster) => {
      const client = new VersionedClient(cluster, BARE);
      expect(await client.put('k', 'v', 0)).toBe('ok');
      expect(await client.get('k')).toEqual({ value: 'v', version: 1 });
      expect(await client.put('k', 'v', 0)).toBe('wrong-version');
      expect(await client.put('y', 'v', 1)).toBe('no-key');
      expect(await client.get('y')).toEqual({ value: '', version: 0 });
    }),
  );

  mitTest(
    'PutConcurrentReliable',
    on(false, async (cluster) => {
      const histories: VersionedHistories = new Map();
      let stopped = false;
      let oks = 0;
      const racing = Array.from({ length: 10 }, async (_, i) => {
        const client = new VersionedClient(cluster, { ...BARE, histories });
        for (let version = 0; !stopped; version = (await client.get('k')).version) {
          if ((await client.put('k', `${i}`, version)) === 'ok') oks++;
        }
      });
      await cluster.sleep(1000);
      stopped = true;
      await Promise.all(racing);
      const { version } = await new VersionedClient(cluster, BARE).get('k');
      expect(version).toBe(oks);
      expectLinearizable(VERSIONED, histories);
    }),
  );

  mitTest(
    'UnreliableNet',
    on(true, async (cluster) => {
      const histories: VersionedHistories = new Map();
      const client = new VersionedClient(cluster, { ...BARE, histories });
      let maybes = 0;
      for (let version = 0; version < 100; version++) {
        let result = await client.put('k', `${version}`, version);
        while (result === 'maybe') {
          maybes++;
          if ((await client.get('k')).version > version) break;
          result = await client.put('k', `${version}`, version);
        }
        expect(['wrong-version', 'maybe']).toContain(await client.put('k', 'again', version));
        expect(await client.get('k')).toEqual({ value: `${version}`, version: version + 1 });
      }
      expect(maybes).toBeGreaterThan(0);
      expectLinearizable(VERSIONED, histories);
    }),
  );

  for (const [name, clients, unreliable] of [
    ['OneClientReliable', 1, false],
    ['ManyClientsReliable', 10, false],
    ['OneClientUnreliable', 1, true],
    ['ManyClientsUnreliable', 10, true],
  ] as const) {
    mitTest(
      `Lock, ${name}`,
      on(unreliable, async (cluster) => {
        let stopped = false;
        let held = 0;
        const locking = Array.from({ length: clients }, async (_, i) => {
          const client = new VersionedClient(cluster, BARE);
          const lock = new Lock(cluster, client, `holder ${i}`);
          while (!stopped) {
            await lock.acquire();
            const found = await client.get('l0');
            expect(found.value, 'two hold the lock').toBe('');
            const put = await putResolved(client, 'l0', `${i}`, found.version);
            await cluster.sleep(10);
            await putResolved(client, 'l0', '', put);
            await lock.release();
            held++;
          }
        });
        await cluster.sleep(2000);
        stopped = true;
        await Promise.all(locking);
        expect(held).toBeGreaterThan(0);
      }),
    );
  }

  // Clients of the product share the routers of its nodes; what the database keeps of each is the token of its request, for a minute.
  test('MemPutManyClientsReliable', { timeout: 240_000 }, async () => {
    const clients = Number(process.env['MIT_CLIENTS'] ?? 100_000);
    const value = 'v'.repeat(1000);
    const cluster = new KvCluster({ servers: 1, seed: 1, stateBytesMax: 1_000_000 });
    const body = async () => {
      await cluster.start(0);
      const client = new KvClient(cluster);
      let count = 0;
      while (count++ < clients / 10) await client.put('k', value);
      const before = heapBytes();
      while (count++ < clients) await client.put('k', value);
      expect((heapBytes() - before) / (0.9 * clients)).toBeLessThanOrEqual(200);
    };
    await cluster.time.settle(body(), Number.POSITIVE_INFINITY);
  });
});

/** Puts in the knowledge that nobody else does; returns the version that is there then. */
async function putResolved(
  client: VersionedClient,
  key: string,
  value: string,
  version: number,
): Promise<number> {
  const result = await client.put(key, value, version);
  expect(['ok', 'maybe']).toContain(result);
  const found = await client.get(key);
  expect(found).toEqual({ value, version: version + 1 });
  return found.version;
}

/** Of versioned puts alone: whoever wrote its own name over "" holds it. */
class Lock {
  readonly #cluster: KvCluster;
  readonly #client: VersionedClient;
  readonly #name: string;
  #times = 0;

  constructor(cluster: KvCluster, client: VersionedClient, name: string) {
    this.#cluster = cluster;
    this.#client = client;
    this.#name = name;
  }

  async acquire(): Promise<void> {
    // Unique each time, so that a `maybe` can be resolved by reading.
    const id = `${this.#name}, ${++this.#times}`;
    for (;;) {
      const { value, version } = await this.#client.get('lock');
      if (value === '') {
        const result = await this.#client.put('lock', id, version);
        if (result === 'ok') return;
        if (result === 'maybe' && (await this.#client.get('lock')).value === id) return;
      }
      await this.#cluster.sleep(10);
    }
  }

  async release(): Promise<void> {
    const { version } = await this.#client.get('lock');
    // Whatever a try of it did, nobody else writes while the name is there.
    await this.#client.put('lock', '', version);
  }
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
