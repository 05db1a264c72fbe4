import { rm } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { type ClusterNode, call, ProcessCluster, until } from './processes.ts';

const clusters: ProcessCluster[] = [];
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
});

async function made(start: Promise<ProcessCluster>): Promise<ProcessCluster> {
  const cluster = await start;
  clusters.push(cluster);
  return cluster;
}

/** The process ended by itself, with one line that says why. */
async function expectRefusal(cluster: ProcessCluster, node: ClusterNode, why: RegExp) {
  const { code, stderr } = await cluster.process(node).finished;
  const lines = stderr.split('\n').filter((line) => line.startsWith('flotilla: '));
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(why);
}

test.each([0, 2])(
  '[C7] node %i of the list, with its directory wiped, is refused, and the cluster goes on',
  async (i) => {
    const cluster = await made(ProcessCluster.start());
    await cluster.createTable('kept');
    const victim = cluster.nodes[i] as ClusterNode;
    await cluster.process(victim).end('SIGTERM');
    await rm(victim.directory, { recursive: true });
    cluster.startNode(victim);
    await expectRefusal(cluster, victim, /had another data directory/);
    const Item = { pk: { S: `without ${victim.name}` } };
    for (const node of cluster.nodes) {
      if (node === victim) continue;
      const { status } = await call(node.httpPort, 'PutItem', { TableName: 'kept', Item });
      expect(status).toBe(200);
    }
  },
);

test('[C7] nodes whose lists differ say so and end, and nothing is formed', async () => {
  const cluster = await made(ProcessCluster.create());
  const [first, second, third] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const reversed = cluster.initialCluster.split(',').reverse().join(',');
  cluster.startNode(first);
  cluster.startNode(second, reversed);
  await expectRefusal(cluster, first, /--initial-cluster differs/);
  await expectRefusal(cluster, second, /--initial-cluster differs/);
  // The same directories form a cluster once the lists agree.
  for (const node of [first, second, third]) cluster.startNode(node);
  await cluster.ready();
});

test('[C7] a node that meets a foreign cluster says so and harms nothing', async () => {
  const cluster = await made(ProcessCluster.start(1));
  await cluster.createTable('kept');
  const [local] = cluster.nodes as [ClusterNode];
  const other = await made(ProcessCluster.create(1));
  const [stranger] = other.nodes as [ClusterNode];
  // The stranger believes that the first cluster's node belongs to its own list.
  const list = `${local.name}x=127.0.0.1:${local.peerPort},${stranger.name}=127.0.0.1:${stranger.peerPort}`;
  other.startNode(stranger, list);
  await expectRefusal(other, stranger, /refuses this node|was expected here|formed already/);
  const { body } = await call(local.httpPort, 'ListTables', {});
  expect(body).toEqual({ TableNames: ['kept'] });
});

test('[C7] a node alone says whom it waits for', async () => {
  const cluster = await made(ProcessCluster.create());
  const [first] = cluster.nodes as [ClusterNode];
  const process = cluster.startNode(first);
  await until('the notice', () => process.stderr.includes('waits for n2, n3 to form the cluster'));
  const { code } = await process.end('SIGTERM');
  expect(code).toBe(0);
});
