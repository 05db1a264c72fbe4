import { afterEach, expect, test } from 'vitest';
import { WRONG_VALUE } from '../../bench/soak/load/loader.ts';
import { notRetryable, summaryOf } from '../../bench/soak/load/summary.ts';
import { anonymousMib } from '../../bench/soak/vitals.ts';
import { TestLoad } from './load.ts';
import { ProcessCluster, until } from './processes.ts';

const TABLE = 'crowded';
const ITEMS = 500;
const FILLED = { order: 'random', first: 0, count: ITEMS } as const;

let cluster: ProcessCluster;
afterEach(() => cluster.stop());

async function filled(): Promise<void> {
  cluster = await ProcessCluster.start();
  await cluster.createTable(TABLE);
  const fill = new TestLoad(TABLE, {
    nodes: cluster.nodes,
    connections: 16,
    work: 'put',
    keys: { ...FILLED, order: 'once' },
    pace: { kind: 'full' },
  });
  await fill.ended;
}

function memoryMib(): number {
  const pids = cluster.nodes.map((node) => cluster.process(node).child.pid ?? 0);
  return Math.max(...pids.map(anonymousMib));
}

test('[F42] [S4] ten times the load for 5 s: retryable errors at most, nothing acknowledged is lost, latency comes back', async () => {
  await filled();
  const { nodes } = cluster;
  const full = {
    nodes,
    connections: 64,
    work: 'put',
    keys: FILLED,
    pace: { kind: 'full' },
  } as const;
  const measuring = new TestLoad(TABLE, full);
  await measuring.go(1);
  const { perSecond: capacity } = await measuring.go(2);
  await measuring.stop();

  const pace = { kind: 'paced', perSecond: 0.3 * capacity } as const;
  const normal = { ...full, work: 'mix', pace } as const;
  const calm = new TestLoad(TABLE, normal);
  const before = await calm.go(3);
  await calm.stop();

  const once = { order: 'once', first: ITEMS, count: 1e8 } as const;
  const open = { kind: 'open', perSecond: 10 * capacity, depth: 16 } as const;
  const crowd = new TestLoad(TABLE, { ...full, connections: 300, keys: once, pace: open });
  let memory = 0;
  for (let second = 0; second < 5; second++) {
    await crowd.go(1);
    memory = Math.max(memory, memoryMib());
  }
  const drained = crowd.stop();
  const after = new TestLoad(TABLE, normal);
  await until('latency is back', () => {
    const window = after.seconds.slice(-2);
    const { p50, p99 } = summaryOf(window);
    const isBack = p50 <= 2 * before.p50 + 5 && p99 <= 2 * before.p99 + 100;
    return window.length === 2 && isBack;
  });
  await after.stop();
  await drained;

  const during = summaryOf(crowd.seconds);
  expect(notRetryable(during.failures)).toBe(0);
  expect(notRetryable(summaryOf(after.seconds).failures)).toBe(0);
  expect(during.unsent).toBeGreaterThan(0);
  expect(crowd.acknowledged.count).toBeGreaterThan(capacity);
  expect(memory).toBeLessThan(700);
  const check = { ...full, work: 'get', keys: { ...once, order: 'acknowledged' } } as const;
  const reading = new TestLoad(TABLE, check, crowd.acknowledged);
  await reading.ended;
  const read = summaryOf(reading.seconds);
  expect(read.failures[WRONG_VALUE] ?? 0).toBe(0);
  expect(read.successes).toBe(crowd.acknowledged.count);
});

test('[F44] all nodes are killed and started again: 500 clients that come back at once are served within 10 s', async () => {
  await filled();
  const { nodes } = cluster;
  const pace = { kind: 'paced', perSecond: 500 } as const;
  const clients = { nodes, connections: 500, work: 'mix', keys: FILLED, pace } as const;
  const load = new TestLoad(TABLE, clients);
  await load.go(2);
  for (const node of nodes) cluster.process(node).child.kill('SIGKILL');
  await Promise.all(nodes.map((node) => cluster.process(node).finished));
  for (const node of nodes) cluster.startNode(node);
  load.mark();
  await cluster.ready();
  await until('every client is served', () => load.seconds.at(-1)?.served === 500, 10_000);
  // And then everybody is served as if nothing had been.
  await load.go(1);
  const after = await load.go(2);
  await load.stop();
  expect(notRetryable(after.failures)).toBe(0);
  expect(after.perSecond).toBeGreaterThan(400);
});
