import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { KvClient } from './client.ts';
import { KvCluster } from './cluster.ts';
import { generic, speed } from './generic.ts';
import { matrix, snapshotRpc, WITH_SNAPSHOTS } from './matrices.ts';

const M = 1000;
const SNAPSHOT_BYTES_MAX = 500;

describe('[D1][S1][G12] 3B: a replicated key/value store with snapshots', () => {
  matrix(WITH_SNAPSHOTS, '', M, generic);
  mitTest('Speed', speed(M));

  mitTest(
    'SnapshotRPC',
    snapshotRpc(M, (cluster, reaches) => new KvClient(cluster, reaches && { reaches })),
  );

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
});
