import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { KvClient } from './client.ts';
import { KvCluster } from './cluster.ts';
import { generic, speed } from './generic.ts';

const M = 1000;
const SNAPSHOT_BYTES_MAX = 500;

describe('[D1][S1][G12] 3B: a replicated key/value store with snapshots', () => {
  mitTest('SnapshotRPC', async (seed) => {
    const cluster = new KvCluster({ servers: 3, seed, stateBytesMax: M });
    await cluster.run(async () => {
      const first = new KvClient(cluster);
      await first.put('a', 'A');
      expect(await first.get('a')).toBe('A');
      cluster.partition([0, 1], [2]);
      const one = new KvClient(cluster, { reaches: [0, 1] });
      for (let i = 0; i < 50; i++) await one.put(`${i}`, `${i}`);
      await cluster.sleep(1000);
      await one.put('b', 'B');
      expect(cluster.logSize).toBeLessThanOrEqual(8 * M);

      cluster.partition([0, 2], [1]);
      const two = new KvClient(cluster, { reaches: [0, 2] });
      await two.put('c', 'C');
      await two.put('d', 'D');
      for (const [key, value] of [
        ['a', 'A'],
        ['b', 'B'],
        ['1', '1'],
        ['49', '49'],
      ] as const) {
        expect(await two.get(key)).toBe(value);
      }

      cluster.connectAll();
      await first.put('e', 'E');
      for (const [key, value] of [
        ['c', 'C'],
        ['e', 'E'],
        ['1', '1'],
      ] as const) {
        expect(await first.get(key)).toBe(value);
      }
    });
  });

  mitTest('SnapshotSize', async (seed) => {
    const cluster = new KvCluster({ servers: 3, seed, stateBytesMax: M });
    await cluster.run(async () => {
      const client = new KvClient(cluster, { tokens: false });
      for (let i = 0; i < 200; i++) {
        for (const value of ['0', '1']) {
          await client.put('x', value);
          expect(await client.get('x')).toBe(value);
        }
      }
      expect(cluster.logSize).toBeLessThanOrEqual(8 * M);
      expect(cluster.snapshotSize).toBeLessThanOrEqual(SNAPSHOT_BYTES_MAX);
    });
  });

  mitTest('Speed', speed(M));
  const five = { servers: 5, stateBytesMax: M };
  mitTest('SnapshotRecover', generic({ ...five, clients: 1, crash: true }));
  mitTest('SnapshotRecoverManyClients', generic({ ...five, clients: 20, crash: true }));
  mitTest('SnapshotUnreliable', generic({ ...five, clients: 5, unreliable: true }));
  mitTest(
    'SnapshotUnreliableRecover',
    generic({ ...five, clients: 5, unreliable: true, crash: true }),
  );
  mitTest(
    'SnapshotUnreliableRecoverConcurrentPartition',
    generic({ ...five, clients: 5, unreliable: true, crash: true, partitions: true }),
  );
  mitTest(
    'SnapshotUnreliableRecoverConcurrentPartitionLinearizable',
    generic({
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
