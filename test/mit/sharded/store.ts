import { expect } from 'vitest';
import { REGISTER, type SimRandom } from '../../../src/sim/index.ts';
import { type Histories, KvClient, type KvClients } from '../kv/client.ts';
import { expectLinearizable } from '../kv/rounds.ts';
import { mitTest } from '../seeds.ts';
import { KEYS, ShardedCluster, type ShardedOptions } from './cluster.ts';

/** The ten keys, or thirty of three to a shard: what the test knows of them. */
export class Store {
  readonly cluster: ShardedCluster;
  readonly client: KvClient;
  readonly histories: Histories = new Map();
  readonly values = new Map<string, string>();

  constructor(cluster: ShardedCluster) {
    this.cluster = cluster;
    this.client = new KvClient(cluster, { histories: this.histories });
  }

  get random(): SimRandom {
    return this.cluster.random;
  }

  /** Keys with a random value each: one key in each of ten shards, then any. */
  async fill(length: number, count = KEYS.length): Promise<void> {
    for (let i = 0; i < count; i++) {
      const key = i < KEYS.length ? (KEYS[i] as string) : `more ${i}`;
      const value = this.text(length);
      await this.client.put(key, value);
      this.values.set(key, value);
    }
  }

  async verify(count = this.values.size): Promise<void> {
    for (const [key, value] of [...this.values].slice(0, count)) {
      expect(await this.client.get(key)).toBe(value);
    }
  }

  async verifyAndAppend(length: number): Promise<void> {
    for (const [key, value] of this.values) {
      expect(await this.client.get(key)).toBe(value);
      const more = this.text(length);
      await this.client.append(key, more);
      this.values.set(key, value + more);
    }
  }

  /** One writer a key, each with a client of its own, until it is told to stop. */
  writers(length: number, pauseMs: number): { stop(): Promise<void> } {
    let stopped = false;
    const running = [...this.values.keys()].map(async (key) => {
      const client = new KvClient(this.cluster, { histories: this.histories });
      while (!stopped) {
        const more = this.text(length);
        await client.append(key, more);
        this.values.set(key, this.values.get(key) + more);
        await this.cluster.sleep(pauseMs);
      }
    });
    return {
      stop: async () => {
        stopped = true;
        await Promise.all(running);
      },
    };
  }

  /** How many keys fresh clients get an answer for, until two seconds pass without a new one. */
  async answered(clients: KvClients = this.cluster): Promise<number> {
    const { cluster } = this;
    let [answers, last] = [0, cluster.world.time.now];
    const wrong: string[] = [];
    for (const [key, value] of this.values) {
      void new KvClient(clients).get(key).then((got) => {
        if (got !== value) wrong.push(`${key}: ${got} is not ${value}`);
        answers++;
        last = cluster.world.time.now;
      });
    }
    while (cluster.world.time.now - last < 2000) await cluster.sleep(50);
    expect(wrong).toEqual([]);
    return answers;
  }

  text(length: number): string {
    return Array.from({ length }, () => String.fromCharCode(97 + this.random.below(26))).join('');
  }
}

/** A test of the suite on such a cluster. Whatever clients saw must be linearizable. */
export function sharded(
  name: string,
  options: Omit<ShardedOptions, 'seed'>,
  test: (cluster: ShardedCluster, store: Store) => Promise<void>,
): void {
  mitTest(name, async (seed) => {
    const cluster = new ShardedCluster({ ...options, seed });
    const store = new Store(cluster);
    await cluster.run(() => test(cluster, store));
    expectLinearizable(REGISTER, store.histories);
  });
}
