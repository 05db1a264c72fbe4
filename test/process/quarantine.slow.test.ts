import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ClusterNode, call, ProcessCluster, until } from './processes.ts';
import { Writers } from './writers.ts';

let cluster: ProcessCluster;
afterEach(() => cluster.stop());

/** Flips a bit in the header of a batch in the middle of the log, where nobody can tell whose it was. */
function damageLog(node: ClusterNode): { readonly file: string; readonly offset: number } {
  const directory = join(node.directory, 'log');
  const file = readdirSync(directory).sort()[0] as string;
  const bytes = readFileSync(join(directory, file));
  const batches: number[] = [];
  for (let at = 0; at < bytes.length; at += 512) {
    if (bytes.toString('latin1', at, at + 4) === 'FLT2') batches.push(at);
  }
  expect(batches.length).toBeGreaterThan(20);
  const offset = batches[batches.length >> 1] as number;
  bytes[offset + 9] = (bytes[offset + 9] as number) ^ 4;
  writeFileSync(join(directory, file), bytes);
  return { file: `log/${file}`, offset };
}

async function quarantinedOn(asked: ClusterNode, node: ClusterNode): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${asked.httpPort}/_flotilla/status`);
  const { groups } = (await answer.json()) as {
    groups: { quarantined: Record<string, string> }[];
  };
  return groups.map(({ quarantined }) => quarantined[node.name] ?? '');
}

test('[L2] [F4] a flipped bit in the log is named, never served, and its node counts for nothing while the cluster goes on', async () => {
  cluster = await ProcessCluster.start();
  await cluster.createTable('loads');
  const [first, second, third] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const before = new Writers(cluster.nodes, 'loads', 16, 'before');
  await until('the log has something in it', () => before.count > 1_000, 60_000);
  await cluster.process(third).end('SIGKILL');
  const { acknowledged } = await before.stop(third);
  const { file, offset } = damageLog(third);
  const meanwhile = new Writers([first, second], 'loads', 16, 'meanwhile');
  await until('writes go on', () => meanwhile.count > 300, 60_000);

  const words = `quarantined: ${file} is damaged at byte ${offset}`;
  for (let start = 1; start <= 2; start++) {
    const damaged = cluster.startNode(third);
    await cluster.ready();
    await until('it says where its log is damaged', () => damaged.stderr.includes(words));
    // Its peers know as soon as they are connected to it again.
    await until('the others say so, too, of each of its replicas', async () => {
      const said = await quarantinedOn(first, third);
      return said.length > 1 && said.every((reason) => reason.includes(words));
    });
    if (start === 1) await damaged.end('SIGTERM');
  }
  const during = await meanwhile.stop();
  for (const [key, value] of during.acknowledged) acknowledged.set(key, value);

  // It serves what it is sent by the others, itself.
  const found = await cluster.scan(third, 'loads');
  for (const [key, value] of acknowledged) expect(found.get(key)?.['v']).toEqual({ S: value });
  const [key, value] = [...during.acknowledged].at(-1) as [string, string];
  await until('an eventually consistent read through it is right', async () => {
    const parameters = { TableName: 'loads', Key: { pk: { S: key } } };
    const { body } = await call(third.httpPort, 'GetItem', parameters);
    return (body['Item'] as { v: { S: string } } | undefined)?.v.S === value;
  });

  // One good disk and a quarantined one acknowledge nothing.
  await cluster.process(second).end('SIGKILL');
  const put = (pk: string) =>
    call(first.httpPort, 'PutItem', { TableName: 'loads', Item: { pk: { S: pk } } });
  await until('the leaders have noticed', async () => (await put('noticed')).status !== 200);
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => put(`refused-${i}`)));
  for (const { status } of answers) expect(status).toBeGreaterThanOrEqual(500);
  cluster.startNode(second);
  await cluster.ready(cluster.nodes, 60_000);
  await until('writes go on', async () => (await put('after')).status === 200);
  expect((await cluster.scan(third, 'loads')).has('after')).toBe(true);
});
