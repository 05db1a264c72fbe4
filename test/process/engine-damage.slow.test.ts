import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ClusterNode, ProcessCluster, until } from './processes.ts';
import { Writers } from './writers.ts';

let cluster: ProcessCluster;
afterEach(() => cluster.stop());

test('[F4] a flipped bit in the engine of a node is named with file and key and never served; its node begins anew, and the cluster goes on', async () => {
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
  const damaged = cluster.startNode(third);
  const { code, stderr } = await damaged.finished;
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/is damaged: .*data\.mdb is damaged at key [0-9a-f]+: /);

  // Whoever starts it again gets a node that has nothing of its own, takes no part in votes, and catches up.
  const again = cluster.startNode(third);
  await cluster.ready([third]);
  expect(again.stderr).toMatch(/data\.mdb is damaged at key .*: it is set aside/);
  expect(again.stderr).toContain('quarantined: ');
  expect(existsSync(join(third.directory, 'engine.damaged', 'data.mdb'))).toBe(true);
  await until('writes go on', () => meanwhile.count > 500, 60_000);
  const during = await meanwhile.stop();
  const all = new Map([...acknowledged, ...during.acknowledged]);
  for (const node of [first, third]) {
    expect(await cluster.lost(node, 'loads', all)).toEqual([]);
  }
  // Its replicas begin anew, and a later start finds nothing wrong.
  await until(
    'the replicas count again',
    async () => {
      const answer = await fetch(`http://127.0.0.1:${first.httpPort}/_flotilla/status`);
      const { groups } = (await answer.json()) as {
        groups: { quarantined: Record<string, string> }[];
      };
      return groups.every(({ quarantined }) => Object.keys(quarantined).length === 0);
    },
    60_000,
  );
  expect((await cluster.process(third).end('SIGTERM')).code).toBe(0);
  const later = cluster.startNode(third);
  await cluster.ready([third]);
  expect(later.stderr).not.toContain('quarantined');
  expect(later.stderr).not.toContain('set aside');
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
