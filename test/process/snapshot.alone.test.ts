import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ClusterNode, call, ProcessCluster, until } from './processes.ts';
import { Writers } from './writers.ts';

let cluster: ProcessCluster;
afterEach(() => cluster.stop());

/** Twice what the log keeps, so that every group flushes and trims it more than once. */
const SHORT_LOG = ['--log-segment', '4'];
const ITEMS = 125;
const VALUE = 'x'.repeat(300 * 1024);
/** Of any of the others' clients. `npm run soak -- catch-up` holds it to a second, on a quiet machine. */
const GAP_MS_MAX = 3_000;

function item(i: number) {
  return { pk: { S: `large-${i}` }, n: { N: String(i) }, v: { S: VALUE } };
}

/** Names of files, the oldest first. */
function segmentsOf({ directory }: ClusterNode): string[] {
  return readdirSync(join(directory, 'log')).sort();
}

test('[E3] [L3] a node that was away while the log was trimmed catches up by snapshots, and the others serve on', async () => {
  cluster = await ProcessCluster.start(3, SHORT_LOG);
  await cluster.createTable('large');
  const [first, second, third] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  await cluster.process(third).end('SIGKILL');
  const others = [first, second].map((node) => ({ node, newest: segmentsOf(node).at(-1) ?? '' }));

  const put = async (i: number) => {
    const node = i % 2 === 0 ? first : second;
    const parameters = { TableName: 'large', Item: item(i) };
    await until(
      `item ${i} is written`,
      async () => (await call(node.httpPort, 'PutItem', parameters)).status === 200,
    );
  };
  let next = 0;
  const work = Array.from({ length: 8 }, async () => {
    for (let i = next++; i < ITEMS; i = next++) await put(i);
  });
  await Promise.all(work);
  // Large items at full speed are more than so short a log can make segments for: for a moment it refuses.
  await until('nobody is refused any more', async () => {
    const small = Array.from({ length: 32 }, (_, i) =>
      call((i % 2 === 0 ? first : second).httpPort, 'PutItem', {
        TableName: 'large',
        Item: { pk: { S: `small-${i}` } },
      }),
    );
    return (await Promise.all(small)).every(({ status }) => status === 200);
  });

  await until('the others have let go of what it lacks', () =>
    others.every(({ node, newest }) => (segmentsOf(node)[0] ?? '') > newest),
  );

  // The state moves on while its snapshots are made.
  const writers = new Writers([first, second], 'large', 16, 'meanwhile');
  const back = cluster.startNode(third);
  await cluster.ready();
  const caughtUp = () => back.stderr.match(/group \d+ caught up by a snapshot/g)?.length ?? 0;
  await until('every group has installed one', () => caughtUp() >= 3 || !back.isRunning, 120_000);
  expect(back.isRunning).toBe(true);
  const { acknowledged, failures, longestGapMs } = await writers.stop();
  expect(longestGapMs).toBeLessThan(GAP_MS_MAX);
  expect(acknowledged.size).toBeGreaterThan(100);
  expect(failures).toBe(0);

  // Alone with one other node it is needed for every majority, and serves what it was sent.
  await cluster.process(first).end('SIGKILL');
  await until('writes go on', async () => {
    const parameters = { TableName: 'large', Item: { pk: { S: 'after' } } };
    return (await call(third.httpPort, 'PutItem', parameters)).status === 200;
  });
  for (let i = 0; i < ITEMS; i += 7) {
    const { body } = await call(third.httpPort, 'GetItem', {
      TableName: 'large',
      Key: { pk: { S: `large-${i}` } },
      ProjectionExpression: 'n',
      ConsistentRead: true,
    });
    expect(body).toEqual({ Item: { n: { N: String(i) } } });
  }
});
