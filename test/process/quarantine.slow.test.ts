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

interface Said {
  /** By group; empty for a replica that counts. */
  readonly quarantined: readonly string[];
  /** Of the node's disk. */
  readonly damage: readonly string[];
  /** It votes in every group, and no change is under way. */
  readonly isWhole: boolean;
}

async function saidOf(node: ClusterNode, asked: ClusterNode): Promise<Said> {
  const answer = await fetch(`http://127.0.0.1:${asked.httpPort}/_flotilla/status`);
  const { nodes, groups } = (await answer.json()) as {
    nodes: { name: string; damage: string[] }[];
    groups: { quarantined: Record<string, string>; voters: string[]; learners: string[] }[];
  };
  return {
    quarantined: groups.map(({ quarantined }) => quarantined[node.name] ?? ''),
    damage: nodes.find(({ name }) => name === node.name)?.damage ?? [],
    isWhole: groups.every(
      ({ quarantined, voters, learners }) =>
        !quarantined[node.name] && voters.includes(node.name) && learners.length === 0,
    ),
  };
}

test('[L2] [F4] [R7] a flipped bit in the log is named and never served; what it struck counts for nothing and begins anew', async () => {
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
  for (const [key, value] of (await meanwhile.stop()).acknowledged) acknowledged.set(key, value);

  // One good disk and a damaged one acknowledge nothing, however often that starts.
  await cluster.process(second).end('SIGKILL');
  const put = (pk: string) =>
    call(first.httpPort, 'PutItem', { TableName: 'loads', Item: { pk: { S: pk } } });
  const words = `${file} is damaged at byte ${offset}`;
  const answers: ReturnType<typeof put>[] = [];
  for (let start = 1; start <= 2; start++) {
    const damaged = cluster.startNode(third);
    await until('it says where its log is damaged', () =>
      damaged.stderr.includes(`quarantined: ${words}`),
    );
    // Its peers know as soon as they are connected to it again.
    await until('the other says so, too, of each of its replicas', async () => {
      const { quarantined } = await saidOf(third, first);
      return quarantined.length > 1 && quarantined.every((reason) => reason.includes(words));
    });
    for (let i = 0; i < 8; i++) answers.push(put(`refused-${start}-${i}`));
    if (start === 1) await damaged.end('SIGTERM');
  }
  for (const { status } of await Promise.all(answers)) expect(status).toBeGreaterThanOrEqual(500);

  // With a majority each group has another replica made there; where the damage was is said on.
  cluster.startNode(second);
  await cluster.ready(cluster.nodes, 60_000);
  await until(
    'its replicas have begun anew',
    async () => {
      const { damage, isWhole } = await saidOf(third, first);
      expect(damage.join()).toContain(words);
      return isWhole;
    },
    60_000,
  );
  const found = await cluster.scan(third, 'loads');
  for (const [key, value] of acknowledged) expect(found.get(key)?.['v']).toEqual({ S: value });
  const [key, value] = [...acknowledged].at(-1) as [string, string];
  await until('an eventually consistent read through it is right', async () => {
    const parameters = { TableName: 'loads', Key: { pk: { S: key } } };
    const { body } = await call(third.httpPort, 'GetItem', parameters);
    return (body['Item'] as { v: { S: string } } | undefined)?.v.S === value;
  });

  // It counts again: with one of the others gone writes go on, and what was acknowledged is there.
  await cluster.process(second).end('SIGKILL');
  await until('writes go on', async () => (await put('after')).status === 200, 60_000);
  await cluster.ready([first, third], 60_000);
  const after = await cluster.scan(third, 'loads');
  expect(after.has('after')).toBe(true);
  for (const [key, value] of acknowledged) expect(after.get(key)?.['v']).toEqual({ S: value });
});
