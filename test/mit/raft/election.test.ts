import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { ET } from './cluster.ts';
import { on } from './on.ts';

describe('[R2] 2A: leader election', () => {
  mitTest(
    'InitialElection',
    on({ servers: 3 }, async (c) => {
      await c.oneLeader();
      await c.sleep(50);
      expect(c.sameTerm()).toBeGreaterThanOrEqual(1);
      await c.sleep(2 * ET);
      c.sameTerm();
      await c.oneLeader();
    }),
  );

  mitTest(
    'ReElection',
    on({ servers: 3 }, async (c) => {
      const first = await c.oneLeader();
      c.disconnect(first);
      await c.oneLeader();
      c.connect(first);
      const second = await c.oneLeader();
      c.disconnect(second);
      c.disconnect(c.after(second, 1));
      await c.sleep(2 * ET);
      c.noLeader();
      c.connect(c.after(second, 1));
      await c.oneLeader();
      c.connect(second);
      await c.oneLeader();
    }),
  );

  mitTest(
    'ManyElections',
    on({ servers: 7 }, async (c) => {
      await c.oneLeader();
      for (let round = 0; round < 9; round++) {
        const cut = [0, 1, 2].map(() => c.random.below(c.n));
        for (const i of cut) c.disconnect(i);
        await c.oneLeader();
        for (const i of cut) c.connect(i);
      }
      await c.oneLeader();
    }),
  );
});
