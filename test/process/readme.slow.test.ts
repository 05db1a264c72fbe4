import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, FlotillaProcess, freePorts, PROGRAM, until } from './processes.ts';

/** What the README says, as pasted, against a cluster that `flotilla dev` started. */
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const hasAwsCli = spawnSync('aws', ['--version']).status === 0;

let root: string;
let readme: string;
let ports: number[];
let dev: FlotillaProcess;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flotilla-readme-'));
  readme = await readFile(join(REPOSITORY, 'README.md'), 'utf8');
  ports = await freePorts(3);
  dev = startDev();
  await until(`ready; it said: ${dev.stdout}`, () => dev.stdout.includes('Ctrl-C stops'));
});
afterAll(async () => {
  if (dev.isRunning) await dev.end('SIGINT');
  await rm(root, { recursive: true, force: true });
});

function startDev(): FlotillaProcess {
  return new FlotillaProcess(['dev', '--port', String(ports[0]), '--data', join(root, 'data')]);
}

/** The first fenced block of a language that holds `mark`, with the ports of this run. */
function block(language: string, mark: string): string {
  const blocks = readme.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'));
  const found = [...blocks].map((match) => match[1] as string).find((text) => text.includes(mark));
  if (found === undefined) throw new Error(`the README has no ${language} block with ${mark}`);
  return found.replaceAll(/127\.0\.0\.1:800([012])/g, (_, i) => `127.0.0.1:${ports[Number(i)]}`);
}

test('dev prints the endpoint of each node and a first command, which works', async () => {
  for (const port of ports) expect(dev.stdout).toContain(`http://127.0.0.1:${port}`);
  expect(dev.stdout).toContain(
    `aws dynamodb list-tables --endpoint-url http://127.0.0.1:${ports[0]}`,
  );
  const status = execFileSync(process.execPath, [
    PROGRAM,
    'status',
    '--endpoint',
    `http://127.0.0.1:${ports[2]}`,
  ]).toString();
  expect(status).toContain('controller');
});

test('a second one on the same ports, or in the same directory, is refused in one line', async () => {
  const others = await freePorts(3);
  for (const [port, data, why] of [
    [ports[1], 'other', /^flotilla: port \d+ of 127\.0\.0\.1 is in use\n$/],
    [others[0], 'data', /^flotilla: the cluster in .*data runs already.*\n$/],
  ] as const) {
    const second = new FlotillaProcess(['dev', '--port', `${port}`, '--data', join(root, data)]);
    const { code, stdout, stderr } = await second.finished;
    expect(stderr).toMatch(why);
    expect([code, stdout]).toEqual([1, '']);
  }
});

test.skipIf(!hasAwsCli)('the AWS CLI session works as pasted', () => {
  const session = block('sh', 'ddb create-table');
  const output = execFileSync('bash', ['-euo', 'pipefail', '-c', session], {
    env: { ...process.env, AWS_PAGER: '', AWS_MAX_ATTEMPTS: '1' },
  }).toString();
  expect(output).toContain('"guns"');
  expect(output).toContain('"64"');
  expect(output).toContain('"72"');
});

test('the AWS SDK session works as pasted', async () => {
  // Beside the project's node_modules, as it would be beside its own.
  const cache = join(REPOSITORY, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const path = join(cache, 'readme-ships.mjs');
  await writeFile(path, block('js', 'waitUntilTableExists'));
  const output = execFileSync(process.execPath, [path]).toString();
  expect(output).toContain("name: 'Kon-Tiki'");
  expect(output).toContain('crew: 6');
});

test('the library session works as pasted', async () => {
  const code = block('js', "from 'flotilla'").replace(
    "'flotilla'",
    JSON.stringify(new URL('../../dist/index.js', import.meta.url).href),
  );
  const path = join(root, 'library.mjs');
  await writeFile(path, `${code}\nconsole.log('stopped');\n`);
  expect(execFileSync(process.execPath, [path]).toString()).toBe('stopped\n');
});

test('Ctrl-C leaves no process behind, and the data is there at the next start', async () => {
  const Item = { pk: { S: 'k' }, v: { S: 'kept' } };
  await call(ports[0] as number, 'CreateTable', {
    TableName: 'kept',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
  await until('the table is active', async () => {
    const put = await call(ports[1] as number, 'PutItem', { TableName: 'kept', Item });
    return put.status === 200;
  });
  const { code } = await dev.end('SIGINT');
  expect(code).toBe(0);
  const left = spawnSync('pgrep', ['-f', join(root, 'data')]).stdout.toString();
  expect(left).toBe('');

  dev = startDev();
  await until(`ready again; it said: ${dev.stdout}`, () => dev.stdout.includes('Ctrl-C stops'));
  const { body } = await call(ports[2] as number, 'GetItem', {
    TableName: 'kept',
    Key: { pk: { S: 'k' } },
    ConsistentRead: true,
  });
  expect(body).toEqual({ Item });
});
