import { describe, expect } from 'vitest';
import { type Model, REGISTER, type RegisterInput } from '../../../src/sim/index.ts';
import { mitTest } from '../seeds.ts';
import { type Histories, KvClient } from './client.ts';
import { KvCluster } from './cluster.ts';
import { expectLinearizable } from './rounds.ts';

const ROUNDS = 3;
const ROUND_MS = 1000;

/** An append answers with the value before it (§11.1). */
const RETURNING: Model<string, RegisterInput, string> = {
  ...REGISTER,
  onlyReadsSee: false,
  step: (state, input, output) =>
    input.kind === 'append' && output !== undefined && output !== state
      ? undefined
      : REGISTER.step(state, input, output),
};

function newCluster(seed: number, unreliable: boolean): KvCluster {
  return new KvCluster({ servers: 1, seed, unreliable, stateBytesMax: -1 });
}

/** Clients append to keys of their own and look at what each append returns. */
function rounds(clients: number, unreliable: boolean) {
  return async (seed: number): Promise<void> => {
    const cluster = newCluster(seed, unreliable);
    const { random } = cluster;
    const histories: Histories = new Map();
    await cluster.run(async () => {
      for (let round = 0; round < ROUNDS; round++) {
        let stopped = false;
        const running = Array.from({ length: clients }, async (_, j) => {
          const client = new KvClient(cluster, { histories, returnsOld: true });
          const key = `${j}`;
          const written: string[] = [];
          await client.put(key, '');
          while (!stopped) {
            if (random.once(2)) {
              const value = `x ${j} ${written.length} y`;
              const before = await client.append(key, value);
              expect(before).toBe(written.join(''));
              written.push(value);
            } else {
              expect(await client.get(key)).toBe(written.join(''));
            }
          }
        });
        await cluster.sleep(ROUND_MS);
        stopped = true;
        await Promise.all(running);
      }
    });
    expectLinearizable(RETURNING, histories);
  };
}

describe('[D1][S1] a single server whose appends return what was there (2023, 2024)', () => {
  mitTest('Basic', rounds(1, false));
  mitTest('Concurrent', rounds(5, false));
  mitTest('Unreliable', rounds(5, true));

  mitTest('UnreliableOneKey', async (seed) => {
    const cluster = newCluster(seed, true);
    const histories: Histories = new Map();
    await cluster.run(async () => {
      const checker = new KvClient(cluster, { histories, returnsOld: true });
      await checker.put('k', '');
      const appending = async (c: number) => {
        const client = new KvClient(cluster, { histories, returnsOld: true });
        for (let r = 0; r < 10; r++) {
          const before = await client.append('k', `x ${c} ${r} y`);
          expect(before.includes(`x ${c} ${r} y`)).toBe(false);
          if (r > 0) expect(before.includes(`x ${c} ${r - 1} y`)).toBe(true);
        }
      };
      await Promise.all([0, 1, 2, 3, 4].map(appending));
      const value = await checker.get('k');
      for (let c = 0; c < 5; c++) {
        for (let r = 0; r < 10; r++) expect(value.split(`x ${c} ${r} y`)).toHaveLength(2);
      }
    });
    expectLinearizable(RETURNING, histories);
  });
});
