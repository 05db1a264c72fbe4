import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { KvClient } from './client.ts';
import { KvCluster } from './cluster.ts';
import { generic, speed } from './generic.ts';
import { matrix, WITHOUT_SNAPSHOTS } from './matrices.ts';

const M = -1;

describe('[D1][S1] 3A: a replicated key/value store without snapshots', () => {
  matrix(WITHOUT_SNAPSHOTS, '', M, generic);
  mitTest('Speed', speed(M));

  mitTest('UnreliableOneKey', async (seed) => {
    const cluster = new KvCluster({ servers: 3, seed, unreliable: true, stateBytesMax: M });
    await cluster.run(async () => {
      const checker = new KvClient(cluster);
      await checker.put('k', '');
      const appending = async (c: number) => {
        const client = new KvClient(cluster);
        for (let r = 0; r < 10; r++) await client.append('k', `x ${c} ${r} y`);
      };
      await Promise.all([0, 1, 2, 3, 4].map(appending));
      const value = await checker.get('k');
      for (let c = 0; c < 5; c++) {
        const places = Array.from({ length: 10 }, (_, r) => {
          const element = `x ${c} ${r} y`;
          expect(value.split(element), element).toHaveLength(2);
          return value.indexOf(element);
        });
        expect(places.toSorted((a, b) => a - b)).toEqual(places);
      }
    });
  });

  mitTest('OnePartition', async (seed) => {
    const cluster = new KvCluster({ servers: 5, seed, stateBytesMax: M });
    await cluster.run(async () => {
      const first = new KvClient(cluster);
      await first.put('1', '13');
      const [majority, minority] = await cluster.splitWithLeaderInMinority();
      const a = new KvClient(cluster, { reaches: majority });
      const b = new KvClient(cluster, { reaches: minority });
      const c = new KvClient(cluster, { reaches: minority });
      await a.put('1', '14');
      expect(await a.get('1')).toBe('14');

      let [put, got] = [false, ''];
      void b.put('1', '15').then(() => {
        put = true;
      });
      void c.get('1').then((value) => {
        got = value;
      });
      await cluster.sleep(1000);
      expect([put, got]).toEqual([false, '']);
      expect(await a.get('1')).toBe('14');
      await a.put('1', '16');
      expect(await a.get('1')).toBe('16');

      cluster.connectAll();
      b.reach();
      c.reach();
      await cluster.sleep(1000);
      expect(await cluster.comesToHold(() => put, 3000)).toBe(true);
      expect(await cluster.comesToHold(() => got !== '', 3000)).toBe(true);
      expect(['14', '15', '16']).toContain(got);
      expect(await first.get('1')).toBe('15');
    });
  });
});
