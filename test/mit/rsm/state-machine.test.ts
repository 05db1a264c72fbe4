import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { CounterCluster, type Submitted } from './counter.ts';

const on = (body: (c: CounterCluster) => Promise<void>, stateBytesMax?: number) => {
  return async (seed: number) => {
    const cluster = new CounterCluster(seed, stateBytesMax);
    await cluster.run(() => body(cluster));
  };
};

const SUBMITS = 100;

/** Follows submits that may not return for a while. */
function watch(submits: readonly Promise<Submitted>[]) {
  const answers: Submitted[] = [];
  for (const submit of submits) void submit.then((answer) => answers.push(answer));
  return answers;
}

const submitMany = (c: CounterCluster, request: 'null' | 'dec', server?: number) =>
  watch(Array.from({ length: SUBMITS }, (_, i) => c.submit(server ?? i % c.n, request)));

describe('[S1][R2] a replicated state machine on Raft (2025)', () => {
  mitTest(
    'RSMBasic',
    on(async (c) => {
      for (let i = 1; i <= 10; i++) {
        expect(await c.increment()).toBe(i);
        await c.expectCounter(i, 3);
      }
    }),
  );

  mitTest(
    'RSMConcurrent',
    on(async (c) => {
      await c.findLeader();
      await Promise.all(Array.from({ length: 50 }, () => c.increment()));
      await c.expectCounter(50, 3);
    }),
  );

  mitTest(
    'RSMLeaderFailure',
    on(async (c) => {
      await c.increment();
      await c.expectCounter(1, 3);
      const leader = await c.findLeader();
      const others = [0, 1, 2].filter((i) => i !== leader);
      c.partition([leader], others);
      const value = await c.increment(others);
      await c.expectCounter(value, 2);
      c.connectAll();
      await c.expectCounter(value, 3);
    }),
  );

  mitTest(
    'RSMLeaderPartition',
    on(async (c) => {
      await c.increment();
      const leader = await c.findLeader();
      const [majority] = await c.splitWithLeaderInMinority();
      const decs = submitMany(c, 'dec', leader);
      await c.sleep(10);
      const value = await c.increment(majority);
      await c.sleep(1000);
      expect(decs.filter((answer) => answer !== 'wrong-leader')).toEqual([]);
      c.connectAll();
      await c.sleep(1000);
      expect(decs).toHaveLength(SUBMITS);
      expect(decs.filter((answer) => answer !== 'wrong-leader')).toEqual([]);
      await c.expectCounter(value, 3);
    }),
  );

  mitTest(
    'RSMRestartReplay',
    on(async (c) => {
      for (let i = 1; i <= 100; i++) {
        expect(await c.increment()).toBe(i);
        await c.expectCounter(i, 3);
      }
      await c.shutDownAll();
      await c.sleep(1000);
      await c.startAll();
      expect(await c.increment()).toBe(101);
      await c.sleep(1000);
      await c.expectCounter(101, 3);
    }),
  );

  mitTest(
    'RSMShutdown',
    on(async (c) => {
      await c.findLeader();
      const nulls = submitMany(c, 'null');
      await c.sleep(20);
      await c.shutDownAll();
      expect(await c.comesToHold(() => nulls.length === SUBMITS, 11_000)).toBe(true);
    }),
  );

  mitTest(
    'RSMRestartSubmit',
    on(async (c) => {
      for (let i = 1; i <= 100; i++) await c.increment();
      await c.shutDownAll();
      await c.sleep(1000);
      await c.startAll();
      expect(await c.increment()).toBe(101);
      await c.sleep(1000);
      const nulls = submitMany(c, 'null');
      await c.sleep(20);
      await c.shutDownAll();
      expect(await c.comesToHold(() => nulls.length === SUBMITS, 11_000)).toBe(true);
      await c.startAll();
      const value = await c.increment();
      expect(value).toBe(102);
      await c.expectCounter(value, 3);
    }),
  );

  mitTest(
    'RSMSnapshot',
    on(async (c) => {
      for (let i = 1; i <= 100; i++) await c.increment();
      await c.expectCounter(100, 3);
      expect(c.logSize).toBeLessThanOrEqual(2000);
      await c.shutDownAll();
      await c.startAll();
      expect(await c.increment()).toBe(101);
      await c.expectCounter(101, 3);
    }, 1000),
  );
});
