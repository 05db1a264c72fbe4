import { describe, expect } from 'vitest';
import { KvClient } from '../kv/client.ts';
import type { ShardedCluster } from './cluster.ts';
import { type Store, sharded } from './store.ts';

const SHARDS = 12;
const KEYS = 60;
const BETWEEN_MS = 200;
const BASE = { stateBytesMax: 1000, shards: SHARDS } as const;

/** A change is over when its moves are. */
async function join(cluster: ShardedCluster, ...groups: readonly number[]): Promise<void> {
  await cluster.join(...groups);
  await cluster.settled();
}

async function leave(cluster: ShardedCluster, ...groups: readonly number[]): Promise<void> {
  await cluster.leave(...groups);
  await cluster.settled();
}

/** Group 0 owns everything, and all keys have values. */
async function begin(cluster: ShardedCluster, store: Store, length = 20): Promise<void> {
  await join(cluster, 0);
  await store.fill(length, KEYS);
}

/** Without the group some keys have no answer. */
async function down(cluster: ShardedCluster, store: Store, group: number): Promise<void> {
  cluster.crash(group);
  expect(await store.answered()).toBeLessThan(KEYS);
  await cluster.startAll();
}

async function joinsAndLeaves(cluster: ShardedCluster, groups: readonly number[]): Promise<void> {
  for (const group of groups) {
    await join(cluster, group);
    await cluster.sleep(BETWEEN_MS);
  }
  for (const group of groups) {
    await leave(cluster, group);
    await cluster.sleep(BETWEEN_MS);
  }
}

/** The controller's leader, as its nodes know. */
function controllerOf(cluster: ShardedCluster): string {
  return cluster.world.leader(0)?.name ?? 'n1';
}

describe('[C2][C3][C4][D1] sharded key/value with controllers that come and go (2025)', () => {
  sharded('StaticOneShardGroup', { ...BASE, groups: 1 }, async (cluster, store) => {
    await begin(cluster, store);
    await store.verify();
    cluster.world.powerOff(cluster.world.leader(100)?.name ?? 'n4');
    await store.verify();
  });

  sharded('JoinBasic', { ...BASE, groups: 2 }, async (cluster, store) => {
    await begin(cluster, store);
    const { number } = cluster;
    await join(cluster, 1);
    expect(cluster.number).toBeGreaterThan(number);
    expect(cluster.hasJoined(1)).toBe(true);
    await down(cluster, store, 0);
    await store.verify();
    await down(cluster, store, 1);
    await store.verify();
  });

  sharded('DeleteBasic', { ...BASE, groups: 2 }, async (cluster, store) => {
    await begin(cluster, store, 1000);
    await cluster.sleep(2000);
    const before = cluster.storedBytes;
    await join(cluster, 1);
    for (let i = 0; i < 5; i++) await store.verify();
    await cluster.sleep(2000);
    expect(cluster.storedBytes).toBeLessThanOrEqual(before + 3 * 10_000);
  });

  sharded('JoinLeaveBasic', { ...BASE, groups: 2 }, async (cluster, store) => {
    await begin(cluster, store);
    await join(cluster, 1);
    await down(cluster, store, 0);
    await store.verify();
    await leave(cluster, 0);
    expect(cluster.hasJoined(0)).toBe(false);
    cluster.crash(0);
    await store.verify();
    await cluster.startAll();
    await join(cluster, 0);
    await store.verify();
    await down(cluster, store, 1);
    await store.verify();
  });

  for (const unreliable of [false, true]) {
    const on = unreliable ? 'Unreliable' : 'Reliable';
    sharded(`ManyJoinLeave${on}`, { ...BASE, groups: 5, unreliable }, async (cluster, store) => {
      await begin(cluster, store);
      for (const group of [1, 2, 3, 4]) await join(cluster, group);
      await down(cluster, store, 0);
      await store.verify();
      for (const group of [1, 2, 3, 4]) await leave(cluster, group);
      await store.verify();
    });

    for (const clients of [1, 10]) {
      const name = `${clients === 1 ? 'One' : 'Many'}ConcurrentClerk${on}`;
      sharded(name, { ...BASE, groups: 4, unreliable }, async (cluster, store) => {
        await begin(cluster, store);
        let stopped = false;
        const keys = [...store.values.keys()];
        const running = Array.from({ length: clients }, async () => {
          const client = new KvClient(cluster, { histories: store.histories });
          while (!stopped) {
            const key = store.random.pick(keys);
            if (store.random.once(2)) await client.put(key, store.text(20));
            else await client.get(key);
          }
        });
        await joinsAndLeaves(cluster, [1, 2, 3]);
        stopped = true;
        await Promise.all(running);
      });
    }
  }

  sharded('Shutdown', { ...BASE, groups: 3 }, async (cluster, store) => {
    await begin(cluster, store);
    await join(cluster, 1, 2);
    await down(cluster, store, 1);
    await store.verify();
    cluster.crash(0, 1, 2);
    await cluster.startAll();
    await store.verify();
  });

  sharded('ProgressShutdown', { ...BASE, groups: 5 }, async (cluster, store) => {
    await begin(cluster, store);
    await join(cluster, 1, 2, 3, 4);
    cluster.crash(3, 4);
    const living = [...store.values].filter(([key]) => ![3, 4].includes(cluster.ownerOf(key)));
    const began = cluster.world.time.now;
    await Promise.all(
      living.map(async ([key, value]) => expect(await new KvClient(cluster).get(key)).toBe(value)),
    );
    expect(cluster.world.time.now - began).toBeLessThan(2000);
  });

  sharded('ProgressJoin', { ...BASE, groups: 6 }, async (cluster, store) => {
    await begin(cluster, store);
    await join(cluster, 1, 2, 3, 4);
    const before = new Map([...store.values.keys()].map((key) => [key, cluster.ownerOf(key)]));
    await join(cluster, 5);
    const still = [...before].filter(([key, owner]) => cluster.ownerOf(key) === owner);
    await leave(cluster, 5);
    let stopped = false;
    const changing = (async () => {
      while (!stopped) await joinsAndLeaves(cluster, [5]);
    })();
    const end = cluster.world.time.now + 4000;
    let reads = 0;
    while (cluster.world.time.now < end) {
      const [key] = store.random.pick(still);
      await store.client.get(key);
      reads++;
    }
    expect(reads).toBeGreaterThanOrEqual(100);
    stopped = true;
    await changing;
  });

  sharded('JoinLeave5B', { ...BASE, groups: 2 }, async (cluster, store) => {
    await begin(cluster, store);
    cluster.crash(0);
    await cluster.join(1);
    await cluster.sleep(2000);
    expect(cluster.isSettled).toBe(false);
    await cluster.startAll();
    await cluster.settled(5000);
    cluster.crash(1);
    await cluster.leave(0);
    await cluster.sleep(2000);
    expect(cluster.isSettled).toBe(false);
    await cluster.startAll();
    await cluster.settled(5000);
    await store.verify();
  });

  // A controller that hangs in a change is lost; the next one has to finish it, and the first, when it is back, does no harm.
  const interrupted = async (cluster: ShardedCluster, store: Store, back: boolean) => {
    for (let round = 0; round < 3; round++) {
      const leader = controllerOf(cluster);
      cluster.crash(0);
      const joined = cluster.hasJoined(1);
      if (joined) await cluster.leave(1);
      else await cluster.join(1);
      await cluster.sleep(1000);
      if (back) cluster.world.isolate(leader);
      else cluster.world.powerOff(leader);
      await cluster.sleep(1000 + store.random.below(400));
      await cluster.startAll();
      if (back) {
        await cluster.sleep(3000);
        cluster.world.heal();
      }
      await cluster.settled();
      expect(cluster.hasJoined(1)).toBe(!joined);
      await store.verify();
    }
  };

  sharded('RecoverCtrler5B', { ...BASE, groups: 2 }, async (cluster, store) => {
    await begin(cluster, store);
    await interrupted(cluster, store, false);
  });

  for (const unreliable of [false, true]) {
    const on = unreliable ? 'Unreliable' : 'Reliable';
    const options = { ...BASE, groups: 2, unreliable };
    sharded(`PartitionRecovery${on}5C`, options, async (cluster, store) => {
      await begin(cluster, store);
      await interrupted(cluster, store, true);
    });
  }

  sharded('PartitionRecoveryClerks5C', { ...BASE, groups: 2 }, async (cluster, store) => {
    await begin(cluster, store);
    const key = [...store.values.keys()][0] as string;
    let stopped = false;
    const running = Array.from({ length: 5 }, async () => {
      const client = new KvClient(cluster, { histories: store.histories });
      while (!stopped) {
        if (store.random.once(2)) await client.append(key, store.text(2));
        else await client.get(key);
        await cluster.sleep(50);
      }
    });
    store.values.delete(key);
    await interrupted(cluster, store, true);
    stopped = true;
    await Promise.all(running);
  });

  for (const unreliable of [false, true]) {
    const name = unreliable ? 'AcquireLockConcurrentUnreliable5C' : 'ConcurrentReliable5C';
    sharded(name, { ...BASE, groups: 5, unreliable }, async (cluster, store) => {
      await begin(cluster, store);
      const end = cluster.world.time.now + 2000;
      const administrators = [1, 2, 3, 4].map(async (group) => {
        while (cluster.world.time.now < end) {
          await cluster.join(group);
          if (cluster.hasJoined(group)) await cluster.leave(group);
        }
      });
      await Promise.all(administrators);
      await cluster.settled();
      await store.verify();
    });
  }
});
