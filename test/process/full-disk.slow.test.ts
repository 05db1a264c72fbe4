import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { makeSmallFileSystem } from '../engine/small-file-system.ts';
import { type ClusterNode, call, ProcessCluster, until } from './processes.ts';

const fileSystem = makeSmallFileSystem('nodes', 900);
const home = process.env['TMPDIR'];
let cluster: ProcessCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});
afterAll(() => {
  fileSystem?.destroy();
  if (home === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = home;
});

const RETRYABLE = ['ThrottlingException', 'InternalServerError', 'ServiceUnavailable'];
const CONNECTIONS = 8;
const TEXT = 'x'.repeat(30_000);

/**
 * The first segment of a log is short; with the next one, which is made beside the work, there is room for a while. What there is of
 * one that is not finished is given back when the disk is full.
 */
const SEGMENTS_BYTES = (8 + 64) * 1024 * 1024;

function logBytes({ directory }: ClusterNode): number {
  const log = join(directory, 'log');
  return readdirSync(log).reduce((sum, name) => sum + statSync(join(log, name)).size, 0);
}

it.runIf(fileSystem).each([
  ['the logs find no room first', 0],
  ['the states find no room first', SEGMENTS_BYTES],
])(
  '[F7] [L4] a disk that is full under all nodes, where %s: writes are refused, reads go on, room heals it without a restart',
  async (_, logBytesLeast) => {
    const { directory, fill, free } = fileSystem as NonNullable<typeof fileSystem>;
    process.env['TMPDIR'] = directory;
    cluster = await ProcessCluster.start();
    await cluster.createTable('loads');
    const [first, second] = cluster.nodes as [ClusterNode, ClusterNode];
    const put = (key: string, node = first) =>
      call(node.httpPort, 'PutItem', {
        TableName: 'loads',
        Item: { pk: { S: key }, v: { S: TEXT + key } },
      });
    const get = async (key: string, consistent = true, node = second) => {
      const parameters = {
        TableName: 'loads',
        Key: { pk: { S: key } },
        ConsistentRead: consistent,
      };
      const { status, body } = await call(node.httpPort, 'GetItem', parameters);
      expect(status).toBe(200);
      return (body['Item'] as { v: { S: string } } | undefined)?.v.S;
    };
    const written: string[] = [];
    expect((await put('before')).status).toBe(200);
    written.push('before');
    for (const node of cluster.nodes) {
      await until('the logs have room', () => logBytes(node) >= logBytesLeast);
    }
    fill();

    let refusals = 0;
    const refused: { status: number; body: Record<string, unknown> }[] = [];
    const writeOn = async (connection: number) => {
      for (let i = 0; refusals < 100; i++) {
        const key = `k${connection}-${i}`;
        const { status, body } = await put(key);
        if (status === 200) {
          written.push(key);
          refusals = 0;
        } else {
          refused.push({ status, body });
          refusals++;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => writeOn(i)));
    // What SDKs send again by themselves.
    const kinds = new Set(refused.map(({ body }) => String(body['__type']).split('#')[1]));
    for (const kind of kinds) expect(RETRYABLE).toContain(kind);
    expect(kinds).toContain('ThrottlingException');
    for (const node of cluster.nodes) expect(cluster.process(node).isRunning).toBe(true);
    if (logBytesLeast > 0) {
      const said = cluster.nodes.map((node) => cluster?.process(node).stderr).join('');
      expect(said).toContain('no room to write its state');
    }
    // What was acknowledged is applied, whatever else is under way, and read consistently from any node.
    for (const node of cluster.nodes) {
      expect(await get('before', true, node)).toBe(`${TEXT}before`);
      expect(await get('before', false, node)).toBe(`${TEXT}before`);
    }
    for (const [i, key] of written.slice(-20).entries()) {
      expect(await get(key, true, cluster.nodes[i % 3])).toBe(TEXT + key);
    }

    free();
    // Each group finds out at its next try; from then on nothing is refused.
    const goesOn = async () => {
      for (let i = 0; i < 50; i++) if ((await put(`after-${i}`)).status !== 200) return false;
      return true;
    };
    await until('writes go on in every group', goesOn, 60_000);
    expect(await goesOn()).toBe(true);
    expect((await put('after')).status).toBe(200);
    for (const node of cluster.nodes) expect(cluster.process(node).isRunning).toBe(true);
    for (const key of ['after', ...written]) expect(await get(key)).toBe(TEXT + key);
  },
);
