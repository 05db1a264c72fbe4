import { afterEach, expect, test } from 'vitest';
import type { ClusterStatus } from '../../src/node/index.ts';
import { type ClusterNode, FlotillaProcess, ProcessCluster, until } from './processes.ts';
import { Writers } from './writers.ts';

/** Nodes that come and go, as an operator sees them: real processes, under a small load that goes on all the time. */
let cluster: ProcessCluster;
afterEach(() => cluster.stop());

const REPLACE_AFTER = ['--replace-after', '5s'];
const PATIENCE_MS = 90_000;

function ask(args: readonly string[], via: ClusterNode) {
  return new FlotillaProcess([...args, '--endpoint', `http://127.0.0.1:${via.httpPort}`]).finished;
}

async function statusOf(via: ClusterNode): Promise<ClusterStatus> {
  const answer = await fetch(`http://127.0.0.1:${via.httpPort}/_flotilla/status`);
  return (await answer.json()) as ClusterStatus;
}

/** How many replicas are on each node, those that come or are still to go included. */
function replicas({ nodes, groups }: ClusterStatus): Record<string, number> {
  const on = (name: string) => groups.filter(({ lag }) => name in lag).length;
  return Object.fromEntries(nodes.map(({ name }) => [name, on(name)]));
}

/** Each of these nodes has as many replicas as any other, give or take one, and nothing is on its way. */
function isEven(status: ClusterStatus, names: readonly string[]): boolean {
  const counts = names.map((name) => replicas(status)[name] ?? 0);
  const isAtRest =
    status.groups.every(
      ({ leader, voters, learners, lag }) =>
        leader !== '' && learners.length === 0 && voters.length === Object.keys(lag).length,
    ) && status.tables.every(({ shards }) => shards.every(({ state }) => state === 'serving'));
  return isAtRest && Math.max(...counts) - Math.min(...counts) <= 1;
}

test('[C5] [C6] [C7] [F26] two join, one is drained and removed, one is killed and replaced, and every acknowledged write is there', async () => {
  cluster = await ProcessCluster.create(5);
  const [n1, n2, n3, n4, n5] = cluster.nodes as [
    ClusterNode,
    ClusterNode,
    ClusterNode,
    ClusterNode,
    ClusterNode,
  ];
  const first = [n1, n2, n3];
  const list = first.map(({ name, peerPort }) => `${name}=127.0.0.1:${peerPort}`).join(',');
  cluster.nodeArguments = REPLACE_AFTER;
  for (const node of first) cluster.startNode(node, list);
  await cluster.ready(first);
  await cluster.createTable('ships');
  const writers = new Writers([n2, n3], 'ships', 4, 'w');

  cluster.nodeArguments = ['--join', `127.0.0.1:${n2.peerPort}`, ...REPLACE_AFTER];
  const joined: string[] = first.map(({ name }) => name);
  for (const node of [n4, n5]) {
    cluster.startNode(node, '');
    joined.push(node.name);
    await cluster.ready([node]);
    await until(
      `${node.name} has its share`,
      async () =>
        isEven(await statusOf(n2), joined) &&
        joined.length + 1 === (await statusOf(n2)).groups.length,
      PATIENCE_MS,
    );
  }

  const early = await ask(['nodes', 'remove', 'n1'], n3);
  expect(early.code).toBe(1);
  expect(early.stderr).toMatch(/^flotilla: refused: node n1 holds replicas of groups .*\n$/);
  expect((await ask(['nodes', 'drain', 'n1'], n5)).code).toBe(0);
  await until('n1 is empty', async () => replicas(await statusOf(n2))['n1'] === 0, PATIENCE_MS);
  const listed = await ask(['nodes', 'list'], n4);
  expect(listed.stdout).toMatch(/^n1 +draining/m);
  expect((await ask(['nodes', 'remove', 'n1'], n4)).code).toBe(0);
  const gone = await cluster.process(n1).finished;
  expect(gone.code).toBe(1);
  expect(gone.stderr).toMatch(/^flotilla: .*n1 was removed from cluster/m);
  cluster.nodeArguments = REPLACE_AFTER;
  const back = await cluster.startNode(n1, '').finished;
  expect(back.code).toBe(1);
  expect(back.stderr).toMatch(/^flotilla: .*n1 was removed from cluster/m);

  await cluster.process(n5).end('SIGKILL');
  await until(
    'n5 is replaced',
    async () => {
      const status = await statusOf(n2);
      return replicas(status)['n5'] === 0 && isEven(status, ['n2', 'n3', 'n4']);
    },
    PATIENCE_MS,
  );

  const { acknowledged } = await writers.stop();
  expect(await cluster.lost(n4, 'ships', acknowledged)).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(100);
}, 300_000);

test('[C7] a directory that is empty needs a list or somebody to join, and not both', async () => {
  cluster = await ProcessCluster.create(1);
  const [node] = cluster.nodes as [ClusterNode];
  const neither = await cluster.startNode(node, '').finished;
  expect(neither).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^flotilla: .* needs --initial-cluster, to form one, or --join\n$/,
    ),
  });
  cluster.nodeArguments = ['--join', '127.0.0.1:1'];
  const both = await cluster.startNode(node).finished;
  expect(both).toMatchObject({ code: 1, stderr: expect.stringMatching(/give one of them\n$/) });
});
