import { describe, expect } from 'vitest';
import { KvClient } from '../kv/client.ts';
import { KEYS, type ShardedCluster } from './cluster.ts';
import { type Store, sharded } from './store.ts';

describe('[C2][C3][D1][S1] 4B: a sharded key/value store', () => {
  sharded('StaticShards', { stateBytesMax: -1 }, async (cluster, store) => {
    await cluster.join(0);
    await cluster.join(1);
    await store.fill(20);
    await store.verify();
    await cluster.sleep(1000);
    cluster.crash(1);
    expect(cluster.oversized).toEqual([]);
    expect(await store.answered()).toBe(5);
    await cluster.startAll();
    await store.verify();
  });

  sharded('JoinLeave', { stateBytesMax: -1 }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(5);
    await store.verify();
    await cluster.join(1);
    await store.verifyAndAppend(5);
    await cluster.leave(0);
    await store.verifyAndAppend(5);
    await cluster.sleep(1000);
    expect(cluster.oversized).toEqual([]);
    cluster.crash(0);
    await store.verify();
  });

  sharded('Snapshot', { stateBytesMax: 1000 }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(20, 30);
    await store.verify();
    await cluster.join(1);
    await cluster.join(2);
    await cluster.leave(0);
    await store.verifyAndAppend(20);
    await cluster.leave(1);
    await cluster.join(0);
    await store.verifyAndAppend(20);
    await cluster.sleep(1000);
    await store.verify();
    await cluster.sleep(1000);
    expect(cluster.oversized).toEqual([]);
    cluster.crash(0, 1, 2);
    await cluster.startAll();
    await store.verify();
  });

  sharded('MissChange', { stateBytesMax: 1000 }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(20);
    await store.verify();
    await cluster.join(1);
    for (const group of [0, 1, 2]) cluster.crashServer(group, 0);
    await cluster.join(2);
    await cluster.leave(1);
    await cluster.leave(0);
    await store.verifyAndAppend(20);
    await cluster.join(1);
    await store.verifyAndAppend(20);
    await cluster.startAll();
    await store.verifyAndAppend(20);
    await cluster.sleep(2000);
    for (const group of [0, 1, 2]) cluster.crashServer(group, 1);
    await cluster.join(0);
    await cluster.leave(2);
    await store.verifyAndAppend(20);
    await cluster.startAll();
    await store.verify();
  });

  sharded('Concurrent1', { stateBytesMax: 100 }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(5);
    const writers = store.writers(5, 10);
    await cluster.sleep(150);
    await cluster.join(1);
    await cluster.sleep(500);
    await cluster.join(2);
    await cluster.sleep(500);
    await cluster.leave(0);
    for (const group of [0, 1, 2]) {
      cluster.crash(group);
      await cluster.sleep(100);
    }
    await cluster.leave(2);
    await cluster.sleep(100);
    await cluster.startAll();
    await cluster.sleep(100);
    await cluster.join(0);
    await cluster.leave(1);
    await cluster.sleep(500);
    await cluster.join(1);
    await cluster.sleep(1000);
    await writers.stop();
    await store.verify();
  });

  sharded('Concurrent2', { stateBytesMax: -1 }, async (cluster, store) => {
    for (const group of [1, 0, 2]) await cluster.join(group);
    await store.fill(1);
    const writers = store.writers(1, 50);
    for (const group of [0, 2]) await cluster.leave(group);
    await cluster.sleep(3000);
    for (const group of [0, 2]) await cluster.join(group);
    await cluster.leave(1);
    await cluster.sleep(3000);
    await cluster.join(1);
    for (const group of [0, 2]) await cluster.leave(group);
    await cluster.sleep(3000);
    cluster.crash(1, 2);
    await cluster.sleep(1000);
    await cluster.startAll();
    await cluster.sleep(2000);
    await writers.stop();
    await store.verify();
  });

  const again = async (cluster: ShardedCluster, store: Store, controllers: boolean) => {
    const { random } = store;
    const end = cluster.world.time.now + 12_000;
    while (cluster.world.time.now < end) {
      for (const group of [2, 1]) await cluster.join(group);
      await cluster.sleep(random.below(900));
      cluster.crash(0, 1, 2);
      if (controllers) cluster.crashControllers();
      await cluster.startAll();
      await cluster.sleep(random.below(900));
      for (const group of [1, 2]) await cluster.leave(group);
      await cluster.sleep(random.below(900));
    }
    await cluster.sleep(2000);
  };

  sharded('Concurrent3', { stateBytesMax: 300 }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(1);
    const writers = store.writers(1, 0);
    await again(cluster, store, false);
    await writers.stop();
    await store.verify();
  });

  // §13: the original's controllers never crash.
  sharded('Concurrent3, controllers crash too', { stateBytesMax: 300 }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(1);
    const writers = store.writers(1, 20);
    await again(cluster, store, true);
    await writers.stop();
    await store.verify();
  });

  sharded('Unreliable1', { stateBytesMax: 100, unreliable: true }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(5);
    await cluster.join(1);
    await cluster.join(2);
    await cluster.leave(0);
    for (let i = 0; i < 2; i++) await store.verifyAndAppend(5);
    await cluster.join(0);
    await cluster.leave(1);
    for (let i = 0; i < 2; i++) await store.verify();
  });

  const changes = async (cluster: ShardedCluster) => {
    await cluster.sleep(150);
    await cluster.join(1);
    await cluster.sleep(500);
    await cluster.join(2);
    await cluster.sleep(500);
    await cluster.leave(0);
    await cluster.sleep(500);
    await cluster.leave(1);
    await cluster.sleep(500);
    await cluster.join(1);
    await cluster.join(0);
    await cluster.sleep(2000);
  };

  sharded('Unreliable2', { stateBytesMax: 100, unreliable: true }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(5);
    const writers = store.writers(5, 0);
    await changes(cluster);
    const stopped = writers.stop();
    cluster.setReliable();
    await stopped;
    await store.verify();
  });

  sharded('Unreliable3', { stateBytesMax: 100, unreliable: true }, async (cluster, store) => {
    const { random, histories } = store;
    await cluster.join(0);
    await store.fill(5);
    let stopped = false;
    const running = KEYS.map(async () => {
      const client = new KvClient(cluster, { histories });
      while (!stopped) {
        const key = random.pick(KEYS);
        const choice = random.below(100);
        if (choice < 50) await client.append(key, store.text(5));
        else if (choice < 55) await client.put(key, store.text(5));
        else await client.get(key);
      }
    });
    await changes(cluster);
    stopped = true;
    cluster.setReliable();
    await Promise.all(running);
  });

  sharded('Challenge1Delete', { stateBytesMax: 1 }, async (cluster, store) => {
    await cluster.join(0);
    await store.fill(1000, 30);
    await store.verify(3);
    for (let i = 0; i < 2; i++) {
      await cluster.join(1);
      await cluster.leave(0);
      await cluster.join(2);
      await cluster.sleep(3000);
      await store.verify(3);
      await cluster.leave(1);
      await cluster.join(0);
      await cluster.leave(2);
      await cluster.sleep(3000);
      await store.verify(3);
    }
    await cluster.join(1);
    await cluster.join(2);
    for (let i = 0; i < 3; i++) {
      await cluster.sleep(1000);
      await store.verify(3);
    }
    expect(cluster.storedBytes).toBeLessThanOrEqual(117_000);
    await store.verify();
  });

  sharded(
    'Challenge2Unaffected',
    { stateBytesMax: 100, unreliable: true },
    async (cluster, store) => {
      await cluster.join(0);
      for (const key of KEYS) await store.client.put(key, '100');
      await cluster.join(1);
      await cluster.sleep(1000);
      await cluster.settled();
      const own = cluster.ownedBy(1);
      expect(own).toHaveLength(5);
      for (const key of own) await store.client.put(key, '101');
      cluster.crash(0);
      await cluster.leave(0);
      await cluster.sleep(1000);
      for (const key of own) {
        expect(await store.client.get(key)).toBe('101');
        await store.client.put(key, '101-1');
        expect(await store.client.get(key)).toBe('101-1');
      }
    },
  );

  sharded('Challenge2Partial', { stateBytesMax: 100, unreliable: true }, async (cluster, store) => {
    await cluster.join(0, 1, 2);
    await cluster.sleep(1000);
    for (const key of KEYS) await store.client.put(key, '100');
    const own = cluster.ownedBy(2);
    expect(own.length).toBeGreaterThanOrEqual(3);
    cluster.crash(0);
    await cluster.leave(0, 2);
    await cluster.sleep(1000);
    for (const key of own) {
      expect(await store.client.get(key)).toBe('100');
      await store.client.put(key, '100-2');
      expect(await store.client.get(key)).toBe('100-2');
    }
  });

  // 2023, 2024: a server must not serve a shard that it does not own, whatever a client believes.
  sharded('Rejection', { stateBytesMax: -1 }, async (cluster, store) => {
    await cluster.join(0);
    await cluster.join(1);
    await store.fill(20);
    await cluster.settled();
    expect(await store.answered(cluster.misled(0))).toBe(5);
  });
});
