import { afterEach, expect, test } from 'vitest';
import { type ClusterNode, ProcessCluster, until } from './processes.ts';
import { Writers } from './writers.ts';

const CONNECTIONS = 64;
const GAP_MS_MAX = 3_000;

let cluster: ProcessCluster;
afterEach(() => cluster.stop());

async function writing(): Promise<Writers> {
  cluster = await ProcessCluster.start();
  await cluster.createTable('loads');
  const writers = new Writers(cluster.nodes, 'loads', CONNECTIONS, 'k');
  await until('the load runs', () => writers.count > 2_000, 60_000);
  return writers;
}

/** Every acknowledged write is there, read through every node. */
async function expectAll(acknowledged: ReadonlyMap<string, string>): Promise<void> {
  for (const node of cluster.nodes) {
    expect(await cluster.lost(node, 'loads', acknowledged)).toEqual([]);
  }
}

/** More writes are acknowledged than now. */
async function goesOn(writers: Writers): Promise<void> {
  const before = writers.count;
  await until('writes go on', () => writers.count > before + 2_000, 60_000);
}

test('[F17] [D1] one process is killed while 64 connections write: no gap over 3 s, nothing acknowledged is lost', async () => {
  const writers = await writing();
  const [, victim] = cluster.nodes as [ClusterNode, ClusterNode];
  await cluster.process(victim).end('SIGKILL');
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop(victim);
  expect(longestGapMs).toBeLessThan(GAP_MS_MAX);
  cluster.startNode(victim);
  await cluster.ready();
  await expectAll(acknowledged);
});

test('[F18] [R10] one process is stopped for 5 s while 64 connections write: no gap over 3 s elsewhere, nothing is lost', async () => {
  const writers = await writing();
  const [, , victim] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  cluster.process(victim).child.kill('SIGSTOP');
  const resumeAt = performance.now() + 5_000;
  await until('five seconds are over', () => performance.now() > resumeAt);
  cluster.process(victim).child.kill('SIGCONT');
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop(victim);
  expect(longestGapMs).toBeLessThan(GAP_MS_MAX);
  await cluster.ready();
  await expectAll(acknowledged);
});

test('[F2] [F20] all processes are killed at once: they serve within 5 s of their start, nothing acknowledged is lost', async () => {
  const writers = await writing();
  for (const node of cluster.nodes) cluster.process(node).child.kill('SIGKILL');
  await Promise.all(cluster.nodes.map((node) => cluster.process(node).finished));
  const { acknowledged } = await writers.stop();
  const started = performance.now();
  for (const node of cluster.nodes) cluster.startNode(node);
  await cluster.ready();
  const again = new Writers(cluster.nodes, 'loads', 3, 'after');
  await until('a write through each node', () => again.count > 30);
  expect(performance.now() - started).toBeLessThan(5_000);
  await again.stop();
  await expectAll(acknowledged);
});
