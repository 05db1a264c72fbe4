import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { notRetryable, summaryOf } from '../../bench/soak/load/summary.ts';
import { anonymousMib } from '../../bench/soak/vitals.ts';
import { TestLoad } from './load.ts';
import { type ClusterNode, call, ProcessCluster, until } from './processes.ts';

const TABLE = 'shared';
const ITEMS = 500;
const FILLED = { order: 'random', first: 0, count: ITEMS } as const;

let cluster: ProcessCluster;
afterEach(() => cluster.stop());

/** A light load on some of the nodes, over items that are there. */
async function lightLoad(nodes: readonly ClusterNode[]): Promise<TestLoad> {
  const clients = { nodes, connections: 16 };
  const once = { ...FILLED, order: 'once' } as const;
  const fill = { ...clients, work: 'put', keys: once, pace: { kind: 'full' } } as const;
  await new TestLoad(TABLE, fill).ended;
  const pace = { kind: 'paced', perSecond: 200 } as const;
  return new TestLoad(TABLE, { ...clients, work: 'mix', keys: FILLED, pace });
}

/** Whether `node` leads any group; true while that is not known. */
async function leads(asked: ClusterNode, node: ClusterNode): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${asked.httpPort}/_flotilla/status`);
  const { groups } = (await answer.json()) as { readonly groups: readonly { leader: string }[] };
  return groups.some(({ leader }) => leader === '' || leader === node.name);
}

test('[F45] [R8] a node that stands still most of the time leaves leading to others, whose clients then do not notice', async () => {
  cluster = await ProcessCluster.start();
  await cluster.createTable(TABLE);
  const [first, second, victim] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const load = await lightLoad([first, second]);
  const before = await load.go(3);

  // It runs for 100 ms, then it does not for 400: too short for an election, too long for whoever waits for it.
  const { child } = cluster.process(victim);
  const slow = setInterval(() => {
    child.kill('SIGSTOP');
    setTimeout(() => child.kill('SIGCONT'), 400);
  }, 500);
  try {
    await until('it leads nothing', async () => !(await leads(first, victim)));
    await load.go(1);
    const during = await load.go(3);
    expect(during.p99).toBeLessThan(2 * before.p99 + 200);
    expect(during.gapMs).toBeLessThan(1_000);
    expect(notRetryable(during.failures)).toBe(0);
  } finally {
    clearInterval(slow);
    await load.stop();
  }
});

/** Large answers are asked for on many connections, and nobody reads them. */
const DEAF_CONNECTIONS = 150;
const LARGE_BYTES = 300 * 1024;
/** 150 connections have asked for 16 answers of 300 KiB each: 700 MiB. */
const GROWTH_MIB_MAX = 450;

test('[F13] [H2] [S4] clients that never read their answers neither fill the memory nor hold up others for long', async () => {
  cluster = await ProcessCluster.start();
  await cluster.createTable(TABLE);
  const [target] = cluster.nodes as [ClusterNode];
  const Item = { pk: { S: 'large' }, v: { S: 'x'.repeat(LARGE_BYTES) } };
  expect((await call(target.httpPort, 'PutItem', { TableName: TABLE, Item })).status).toBe(200);
  const load = await lightLoad([target]);
  await load.go(2);
  const pid = cluster.process(target).child.pid ?? 0;
  const memoryBefore = anonymousMib(pid);

  const body = JSON.stringify({ TableName: TABLE, Key: { pk: { S: 'large' } } });
  const request =
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.0\r\n' +
    `X-Amz-Target: DynamoDB_20120810.GetItem\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const deaf = Array.from({ length: DEAF_CONNECTIONS }, () => {
    const socket = net.connect({ host: '127.0.0.1', port: target.httpPort }).pause();
    socket.on('error', () => {});
    socket.write(request.repeat(16));
    return socket;
  });
  let memory = 0;
  const from = load.seconds.length;
  await until('the others are served although nobody reads', () => {
    memory = Math.max(memory, anonymousMib(pid));
    const last = load.seconds.at(-1);
    return load.seconds.length > from + 3 && last !== undefined && last.successes > 150;
  });
  for (const socket of deaf) socket.destroy();
  const after = await load.go(2);
  await load.stop();
  expect(notRetryable(summaryOf(load.seconds).failures)).toBe(0);
  expect(memory - memoryBefore).toBeLessThan(GROWTH_MIB_MAX);
  expect(after.perSecond).toBeGreaterThan(150);
});
