import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { KvCluster } from './cluster.ts';
import { matrix, snapshotRpc, WITH_SNAPSHOTS, WITHOUT_SNAPSHOTS } from './matrices.ts';
import { VersionedClient } from './versioned-client.ts';
import { putAtLeastOnce, versionedGeneric, versionedSpeed } from './versioned-generic.ts';

const BY_ROUTER = { by: 'router' } as const;
const M = 1000;

describe('[D1][S1] 4B of 2025: versioned puts, replicated, without snapshots', () => {
  matrix(WITHOUT_SNAPSHOTS, '4B', -1, versionedGeneric);
  mitTest('Speed4B', versionedSpeed(-1));

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
});

describe('[D1][S1][G12] 4C of 2025: versioned puts, replicated, with snapshots', () => {
  matrix(WITH_SNAPSHOTS, '4C', M, versionedGeneric);
  mitTest('Speed4C', versionedSpeed(M));

  mitTest(
    'SnapshotRPC4C',
    snapshotRpc(M, (cluster, reaches) => {
      const client = new VersionedClient(cluster, { ...BY_ROUTER, ...(reaches && { reaches }) });
      return {
        put: (key, value) => putAtLeastOnce(client, key, value),
        get: async (key) => (await client.get(key)).value,
      };
    }),
  );

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
});
