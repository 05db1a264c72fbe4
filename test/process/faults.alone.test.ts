import { afterEach, beforeEach, expect, test } from 'vitest';
import { FaultyCluster, goesOn } from './faulty-cluster.ts';
import { type ClusterNode, call, until } from './processes.ts';

let faulty: FaultyCluster;
beforeEach(async () => {
  faulty = await FaultyCluster.start();
});
afterEach(() => faulty.cluster.stop());

interface Group {
  readonly id: number;
  readonly leader: string;
}

async function groupsLedBy(node: ClusterNode, asked: ClusterNode): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${asked.httpPort}/_flotilla/status`);
  const { groups } = (await response.json()) as { groups: Group[] };
  return groups.filter(({ leader }) => leader === node.name).length;
}

test('[F6] [L1] a write to the log that fails ends the process, which says why; after its restart nothing is lost', async () => {
  const { cluster, victim } = faulty;
  const writers = await faulty.load('k');
  faulty.inject({ kind: 'fail-log' });
  const { code, stderr } = await cluster.process(victim).finished;
  expect(code).toBe(1);
  expect(stderr).toMatch(/log\/\S+: EIO/);
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop(victim);
  expect(longestGapMs).toBeLessThan(3_000);
  faulty.startVictim();
  await cluster.ready();
  await faulty.expectAll(acknowledged);
});

test('[F9] [R8] [F45] a node whose disk takes 300 ms a write leads nothing, and the others do not wait for it', async () => {
  const { cluster, victim } = faulty;
  const writers = await faulty.load('k');
  const [, other] = cluster.nodes as [ClusterNode, ClusterNode];
  await until('the first node leads', async () => (await groupsLedBy(victim, other)) > 0);
  faulty.inject({ kind: 'slow-log', ms: 300 });
  await until('it leads nothing', async () => (await groupsLedBy(victim, other)) === 0);
  await goesOn(writers, 1_000);
  expect(await groupsLedBy(victim, other)).toBe(0);
  expect(cluster.process(victim).stderr).toMatch(
    /others shall lead for a while: (a write to the log takes|the log has been writing for) \d+ ms/,
  );
  faulty.inject({ kind: 'slow-log', ms: 0 });
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop();
  expect(longestGapMs).toBeLessThan(4_000);
  await faulty.expectAll(acknowledged);
});

test('[F9] [R8] a disk that stalls for four seconds under a leader', async () => {
  const writers = await faulty.load('k');
  faulty.inject({ kind: 'slow-log', ms: 4_000 });
  await goesOn(writers, 1_000);
  faulty.inject({ kind: 'slow-log', ms: 0 });
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop(faulty.victim);
  expect(longestGapMs).toBeLessThan(3_000);
  await faulty.expectAll(acknowledged);
});

test('[F20] a node that dies again and again, each time in the middle of its work', async () => {
  const { cluster, victim } = faulty;
  const writers = await faulty.load('k');
  for (let i = 0; i < 4; i++) {
    faulty.inject({ kind: 'kill', at: 'log-write', when: i % 2 ? 'after' : 'before', count: 20 });
    await cluster.process(victim).finished;
    faulty.startVictim();
    await cluster.ready([victim]);
  }
  await goesOn(writers);
  const { acknowledged, longestGapMs } = await writers.stop(victim);
  expect(longestGapMs).toBeLessThan(3_000);
  await faulty.expectAll(acknowledged);
  expect((await call(victim.httpPort, 'ListTables', {})).status).toBe(200);
});
