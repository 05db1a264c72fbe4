import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { KvCluster } from './cluster.ts';
import { VersionedClient } from './versioned-client.ts';
import { putAtLeastOnce, versionedGeneric, versionedSpeed } from './versioned-generic.ts';

const BY_ROUTER = { by: 'router' } as const;
const M = 1000;

describe('[D1][S1] 4B of 2025: versioned puts, replicated, without snapshots', () => {
  const five = { servers: 5, stateBytesMax: -1 };
  mitTest('Basic4B', versionedGeneric({ ...five, clients: 1 }));
  mitTest('Speed4B', versionedSpeed(-1));
  mitTest('Concurrent4B', versionedGeneric({ ...five, clients: 5 }));
  mitTest('Unreliable4B', versionedGeneric({ ...five, clients: 5, unreliable: true }));

  mitTest('OnePartition4B', async (seed) => {
    const cluster = new KvCluster({ servers: 5, seed, stateBytesMax: -1 });
    await cluster.run(async () => {
      const first = new VersionedClient(cluster, BY_ROUTER);
      await putAtLeastOnce(first, '1', '13');
      const { version } = await first.get('1');
      const [majority, minority] = await cluster.splitWithLeaderInMinority();
      const a = new VersionedClient(cluster, { ...BY_ROUTER, reaches: majority });
      const b = new VersionedClient(cluster, { ...BY_ROUTER, reaches: minority });
      const c = new VersionedClient(cluster, { ...BY_ROUTER, reaches: minority });
      await putAtLeastOnce(a, '1', '14');
      expect((await a.get('1')).value).toBe('14');
      let put: string | undefined;
      let got: string | undefined;
      void b.put('1', '15', version).then((result) => {
        put = result;
      });
      void c.get('1').then(({ value }) => {
        got = value;
      });
      await cluster.sleep(1000);
      expect([put, got]).toEqual([undefined, undefined]);
      await putAtLeastOnce(a, '1', '16');
      cluster.connectAll();
      b.reach();
      c.reach();
      await cluster.sleep(1000);
      expect(await cluster.comesToHold(() => put !== undefined, 3000)).toBe(true);
      expect(await cluster.comesToHold(() => got !== undefined, 3000)).toBe(true);
      // The version that it was written for is gone.
      expect(['wrong-version', 'maybe']).toContain(put);
      expect((await first.get('1')).value).toBe('16');
    });
  });

  mitTest('ManyPartitionsOneClient4B', versionedGeneric({ ...five, clients: 1, partitions: true }));
  mitTest(
    'ManyPartitionsManyClients4B',
    versionedGeneric({ ...five, clients: 5, partitions: true }),
  );
  mitTest('PersistOneClient4B', versionedGeneric({ ...five, clients: 1, crash: true }));
  mitTest('PersistConcurrent4B', versionedGeneric({ ...five, clients: 5, crash: true }));
  mitTest(
    'PersistConcurrentUnreliable4B',
    versionedGeneric({ ...five, clients: 5, unreliable: true, crash: true }),
  );
  mitTest(
    'PersistPartition4B',
    versionedGeneric({ ...five, clients: 5, crash: true, partitions: true }),
  );
  mitTest(
    'PersistPartitionUnreliable4B',
    versionedGeneric({ ...five, clients: 5, unreliable: true, crash: true, partitions: true }),
  );
  mitTest(
    'PersistPartitionUnreliableLinearizable4B',
    versionedGeneric({
      clients: 15,
      servers: 7,
      unreliable: true,
      crash: true,
      partitions: true,
      randomKeys: true,
      stateBytesMax: -1,
    }),
  );
});

describe('[D1][S1][G12] 4C of 2025: versioned puts, replicated, with snapshots', () => {
  const five = { servers: 5, stateBytesMax: M };

  mitTest('SnapshotRPC4C', async (seed) => {
    const cluster = new KvCluster({ servers: 3, seed, stateBytesMax: M });
    await cluster.run(async () => {
      const first = new VersionedClient(cluster, BY_ROUTER);
      await putAtLeastOnce(first, 'a', 'A');
      cluster.partition([0, 1], [2]);
      const one = new VersionedClient(cluster, { ...BY_ROUTER, reaches: [0, 1] });
      for (let i = 0; i < 50; i++) await putAtLeastOnce(one, `${i}`, `${i}`);
      await cluster.sleep(1000);
      await putAtLeastOnce(one, 'b', 'B');
      expect(cluster.logSize).toBeLessThanOrEqual(8 * M);
      cluster.partition([0, 2], [1]);
      const two = new VersionedClient(cluster, { ...BY_ROUTER, reaches: [0, 2] });
      await putAtLeastOnce(two, 'c', 'C');
      await putAtLeastOnce(two, 'd', 'D');
      for (const [key, value] of Object.entries({ a: 'A', b: 'B', 1: '1', 49: '49' })) {
        expect((await two.get(key)).value).toBe(value);
      }
      cluster.connectAll();
      await putAtLeastOnce(first, 'e', 'E');
      for (const [key, value] of Object.entries({ c: 'C', e: 'E', 1: '1' })) {
        expect((await first.get(key)).value).toBe(value);
      }
    });
  });

  mitTest('SnapshotSize4C', async (seed) => {
    const cluster = new KvCluster({ servers: 3, seed, stateBytesMax: M });
    await cluster.run(async () => {
      const client = new VersionedClient(cluster, BY_ROUTER);
      for (let i = 0; i < 400; i++) {
        expect(await client.put('x', `${i % 2}`, i)).toBe('ok');
        expect((await client.get('x')).value).toBe(`${i % 2}`);
      }
      expect(cluster.logSize).toBeLessThanOrEqual(8 * M);
      expect(cluster.snapshotSize).toBeLessThanOrEqual(500);
    });
  });

  mitTest('Speed4C', versionedSpeed(M));
  mitTest('SnapshotRecover4C', versionedGeneric({ ...five, clients: 1, crash: true }));
  mitTest('SnapshotRecoverManyClients4C', versionedGeneric({ ...five, clients: 20, crash: true }));
  mitTest('SnapshotUnreliable4C', versionedGeneric({ ...five, clients: 5, unreliable: true }));
  mitTest(
    'SnapshotUnreliableRecover4C',
    versionedGeneric({ ...five, clients: 5, unreliable: true, crash: true }),
  );
  mitTest(
    'SnapshotUnreliableRecoverConcurrentPartition4C',
    versionedGeneric({ ...five, clients: 5, unreliable: true, crash: true, partitions: true }),
  );
  mitTest(
    'SnapshotUnreliableRecoverConcurrentPartitionLinearizable4C',
    versionedGeneric({
      clients: 15,
      servers: 7,
      unreliable: true,
      crash: true,
      partitions: true,
      randomKeys: true,
      stateBytesMax: M,
    }),
  );
});
