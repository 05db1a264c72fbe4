import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ClusterNode, call, ProcessCluster, until } from './processes.ts';
import { Writers } from './writers.ts';

let cluster: ProcessCluster;
afterEach(() => cluster.stop());

test('[F4] a flipped bit in the engine of a node is named with file and key, ends the node each time, and the cluster goes on', async () => {
  cluster = await ProcessCluster.start();
  await cluster.createTable('loads');
  const [first, second, third] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const before = new Writers(cluster.nodes, 'loads', 16, 'before');
  await until('there is something', () => before.count > 1_000, 60_000);
  // A stop makes everything durable in the engine.
  const { acknowledged } = await before.stop();
  expect((await cluster.process(third).end('SIGTERM')).code).toBe(0);

  const file = join(third.directory, 'engine', 'data.mdb');
  const bytes = readFileSync(file);
  const [key] = [...acknowledged].at(-1) as [string, string];
  // Its JSON, in whichever version of the page.
  const places: number[] = [];
  const json = Buffer.from(`{"S":"${key}"}`);
  for (let at = bytes.indexOf(json); at >= 0; at = bytes.indexOf(json, at + 1)) places.push(at);
  expect(places.length).toBeGreaterThan(0);
  for (const at of places) bytes[at + 7] = (bytes[at + 7] as number) ^ 1;
  writeFileSync(file, bytes);

  const meanwhile = new Writers([first, second], 'loads', 16, 'meanwhile');
  for (const words of [/is damaged: .*data\.mdb is damaged at key [0-9a-f]+: /, /found earlier/]) {
    const damaged = cluster.startNode(third);
    const { code, stderr } = await damaged.finished;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(words);
    expect(stderr).toContain('data.mdb is damaged at key ');
  }
  await until('writes go on', () => meanwhile.count > 500, 60_000);
  const during = await meanwhile.stop();
  for (const [key, value] of [...acknowledged, ...during.acknowledged].slice(-200)) {
    const parameters = { TableName: 'loads', Key: { pk: { S: key } }, ConsistentRead: true };
    const { body } = await call(first.httpPort, 'GetItem', parameters);
    expect((body['Item'] as { v: { S: string } } | undefined)?.v.S).toBe(value);
  }
});

// An empty file is a new engine: then the log replays everything, or says what it has not any more (F31).
test('[F4] [F8] an engine’s file without a head, or cut short, is refused in one line', async () => {
  cluster = await ProcessCluster.start();
  const [, , third] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  expect((await cluster.process(third).end('SIGTERM')).code).toBe(0);
  const file = join(third.directory, 'engine', 'data.mdb');
  const bytes = readFileSync(file);
  const { size } = statSync(file);
  const damages: [Buffer, RegExp][] = [
    [Buffer.concat([Buffer.alloc(40), bytes.subarray(40)]), /page 0 is damaged/],
    [bytes.subarray(0, 5000), /it ends after 5000 bytes/],
  ];
  expect(size).toBeGreaterThan(5000);
  for (const [content, words] of damages) {
    writeFileSync(file, content);
    const { code, stderr } = await cluster.startNode(third).finished;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(words);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3);
  }
});
