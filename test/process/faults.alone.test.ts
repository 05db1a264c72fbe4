import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { Fault, Step } from './faulty-node.ts';
import { type ClusterNode, call, ProcessCluster, until } from './processes.ts';
import { Writers } from './writers.ts';

const FAULTY = [
  process.execPath,
  '--import',
  'tsx',
  fileURLToPath(new URL('./faulty-node.ts', import.meta.url)),
];

let cluster: ProcessCluster;
afterEach(() => cluster.stop());

/** Three nodes, the first of which takes faults, under load. */
async function loaded(): Promise<{ victim: ClusterNode; writers: Writers }> {
  cluster = await ProcessCluster.create();
  const [victim, ...others] = cluster.nodes as [ClusterNode, ...ClusterNode[]];
  startFaulty(victim);
  for (const node of others) cluster.startNode(node);
  await cluster.ready();
  await cluster.createTable('loads');
  const writers = new Writers(cluster.nodes, 'loads', 24, 'k');
  await until('the load runs', () => writers.count > 500, 60_000);
  return { victim, writers };
}

function startFaulty(node: ClusterNode): void {
  cluster.startNode(node, undefined, FAULTY);
}

function inject(node: ClusterNode, fault: Fault): void {
  cluster.process(node).child.send(fault);
}

async function goesOn(writers: Writers, more = 500): Promise<void> {
  const before = writers.count;
  await until('writes go on', () => writers.count > before + more, 60_000);
}

interface Group {
  readonly id: number;
  readonly leader: string;
}

async function groupsLedBy(node: ClusterNode, asked: ClusterNode): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${asked.httpPort}/_flotilla/status`);
  const { groups } = (await response.json()) as { groups: Group[] };
  return groups.filter(({ leader }) => leader === node.name).length;
}

/** Every acknowledged write is there, read through every node. */
async function expectAll(acknowledged: ReadonlyMap<string, string>): Promise<void> {
  for (const node of cluster.nodes) {
    expect(await cluster.lost(node, 'loads', acknowledged)).toEqual([]);
  }
}

test('[F6] [L1] a write to the log that fails ends the process, which says why; after its restart nothing is lost', async () => {
  const { victim, writers } = await loaded();
  inject(victim, { kind: 'fail-log' });
  const { code, stderr } = await cluster.process(victim).finished;
  expect(code).toBe(1);
  expect(stderr).toMatch(/log\/\S+: EIO/);
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop(victim);
  expect(longestGapMs).toBeLessThan(3_000);
  startFaulty(victim);
  await cluster.ready();
  await expectAll(acknowledged);
});

test('[F9] [R8] [F45] a node whose disk takes 300 ms a write leads nothing, and the others do not wait for it', async () => {
  const { victim, writers } = await loaded();
  const [, other] = cluster.nodes as [ClusterNode, ClusterNode];
  await until('the first node leads', async () => (await groupsLedBy(victim, other)) > 0);
  inject(victim, { kind: 'slow-log', ms: 300 });
  await until('it leads nothing', async () => (await groupsLedBy(victim, other)) === 0);
  await goesOn(writers, 1_000);
  expect(await groupsLedBy(victim, other)).toBe(0);
  expect(cluster.process(victim).stderr).toMatch(
    /others shall lead for a while: (a write to the log takes|the log has been writing for) \d+ ms/,
  );
  inject(victim, { kind: 'slow-log', ms: 0 });
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop();
  expect(longestGapMs).toBeLessThan(4_000);
  await expectAll(acknowledged);
});

test('[F9] [R8] a disk that stalls for four seconds under a leader', async () => {
  const { victim, writers } = await loaded();
  inject(victim, { kind: 'slow-log', ms: 4_000 });
  await goesOn(writers, 1_000);
  inject(victim, { kind: 'slow-log', ms: 0 });
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop(victim);
  expect(longestGapMs).toBeLessThan(3_000);
  await expectAll(acknowledged);
});

describe('killed at a step', () => {
  test.each<[Step, 'before' | 'after', number]>([
    ['log-write', 'before', 50],
    ['log-write', 'after', 50],
    ['log-create', 'after', 1],
    ['log-remove', 'before', 1],
    ['log-remove', 'after', 1],
    ['engine-commit', 'before', 2],
    ['engine-commit', 'after', 2],
  ])('[F17] %s, %s', async (at, when, count) => {
    const { victim, writers } = await loaded();
    inject(victim, { kind: 'kill', at, when, count });
    const { signal } = await cluster.process(victim).finished;
    expect(signal).toBe('SIGKILL');
    await goesOn(writers, 300);
    startFaulty(victim);
    await cluster.ready([victim]);
    await goesOn(writers, 300);
    const { acknowledged } = await writers.stop();
    await cluster.ready();
    await expectAll(acknowledged);
  });
});

test('[F20] a node that dies again and again, each time in the middle of its work', async () => {
  const { victim, writers } = await loaded();
  for (let i = 0; i < 4; i++) {
    inject(victim, { kind: 'kill', at: 'log-write', when: i % 2 ? 'after' : 'before', count: 20 });
    await cluster.process(victim).finished;
    startFaulty(victim);
    await cluster.ready([victim]);
  }
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop(victim);
  expect(longestGapMs).toBeLessThan(3_000);
  await expectAll(acknowledged);
  expect((await call(victim.httpPort, 'ListTables', {})).status).toBe(200);
});
