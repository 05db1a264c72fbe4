import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type ClusterNode,
  call,
  FlotillaProcess,
  freePorts,
  PROGRAM,
  ProcessCluster,
  until,
} from './processes.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flotilla-usage-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function run(...args: string[]) {
  return new FlotillaProcess(args).finished;
}

async function startArguments(directory: string, change: Record<string, string> = {}) {
  const [http, peer] = await freePorts(2);
  const options: Record<string, string> = {
    '--node': 'a',
    '--data': directory,
    '--http': `127.0.0.1:${http}`,
    '--peer': `127.0.0.1:${peer}`,
    '--initial-cluster': `a=127.0.0.1:${peer}`,
    ...change,
  };
  return ['start', ...Object.entries(options).flat()];
}

/** To run the product in: `command` has it as its arguments. */
function inShell(command: string): string[] {
  return ['sh', '-c', command, 'sh', process.execPath, PROGRAM];
}

/** Of the API, in what {@link startArguments} returns. */
function portIn(args: readonly string[]): number {
  return Number(args[args.indexOf('--http') + 1]?.split(':')[1]);
}

async function isServed(port: number): Promise<boolean> {
  const answer = await call(port, 'ListTables', {}).catch(() => undefined);
  return answer?.status === 200;
}

test.each([
  [['dev', '--nonsense'], /unknown option '--nonsense'/],
  [['sail'], /unknown command 'sail'/],
  [['start'], /required option '--node/],
  [['dev', '--nodes', 'many'], /whole number/],
  [['dev', '--port', '99999'], /whole number/],
  [['status', '--endpoint', 'http://127.0.0.1:1'], /no node answers at http:\/\/127\.0\.0\.1:1/],
])('bad usage %j is one clear line and a non-zero exit', async (args, why) => {
  const { code, stderr } = await run(...args);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(why);
  // One line; commander adds a second one only where it has a suggestion.
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
});

test.each([
  ['--http', '127.0.0.1', /HOST:PORT/],
  ['--http', '127.0.0.1:0', /HOST:PORT/],
  ['--peer', '0.0.0.0:7000', /cannot reach this one at 0\.0\.0\.0/],
  ['--node', 'no spaces', /letters, digits/],
  ['--initial-cluster', 'a', /NAME=HOST:PORT/],
  ['--initial-cluster', 'b=127.0.0.1:7000', /does not name this node/],
  ['--initial-cluster', 'a=127.0.0.1:7000', /and --peer is/],
  ['--join', '127.0.0.1:7000', /give one of them/],
])('start with %s %s is refused in one line and touches nothing', async (flag, value, why) => {
  const directory = join(root, `untouched-${flag}-${value.replaceAll(/\W/g, '-')}`);
  const { code, stderr } = await run(...(await startArguments(directory, { [flag]: value })));
  expect(code).toBe(1);
  expect(stderr.split('\n')[0]).toMatch(why);
  expect(stderr).not.toMatch(/\n {4}at /);
  await expect(stat(directory)).rejects.toThrow('ENOENT');
});

test.each(['--http', '--peer', '--admin'])(
  'a port in use (%s) is one line and touches nothing',
  async (flag) => {
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', () => resolve()));
    const address = `127.0.0.1:${(taken.address() as net.AddressInfo).port}`;
    const directory = join(root, `port${flag}`);
    const change: Record<string, string> = { [flag]: address };
    if (flag === '--peer') change['--initial-cluster'] = `a=${address}`;
    const { code, stderr } = await run(...(await startArguments(directory, change)));
    expect(code).toBe(1);
    expect(stderr).toBe(`flotilla: can not listen on ${address}: the port is in use\n`);
    await expect(stat(directory)).rejects.toThrow('ENOENT');
    await new Promise((resolve) => taken.close(resolve));
  },
);

test('a foreign data directory is refused and left as it was', async () => {
  const directory = join(root, 'foreign');
  await mkdir(directory);
  await writeFile(join(directory, 'letters.txt'), 'mine');
  const { code, stderr } = await run(...(await startArguments(directory)));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^flotilla: .*not empty and not Flotilla's.*\n$/);
  expect(await readdir(directory)).toEqual(['letters.txt']);
});

test('a file in place of the data directory is refused', async () => {
  const path = join(root, 'file');
  await writeFile(path, '');
  const { code, stderr } = await run(...(await startArguments(path)));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^flotilla: .*not a directory\n$/);
});

test('a data directory that can not be made is refused with the reason, also where Node.js itself would try for ever', async () => {
  const { code, stderr } = await run(...(await startArguments('/proc/flotilla/a')));
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^flotilla: can not use the data directory \/proc\/flotilla\/a: ENOENT.*\n$/,
  );
});

test('a directory without --initial-cluster that belongs to no cluster is refused', async () => {
  const directory = join(root, 'alone');
  const args = await startArguments(directory);
  const { code, stderr } = await run(...args.slice(0, -2));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^flotilla: .*needs --initial-cluster.* or --join\n$/);
  await expect(stat(directory)).rejects.toThrow('ENOENT');
});

test('a second process, another name, and a graceful stop on one data directory', async () => {
  const cluster = await ProcessCluster.start(1);
  try {
    const [node] = cluster.nodes as [ClusterNode];
    const [http, peer] = await freePorts(2);
    const second = await run(
      ...(await startArguments(node.directory, {
        '--node': node.name,
        '--http': `127.0.0.1:${http}`,
        '--peer': `127.0.0.1:${peer}`,
        '--initial-cluster': `${node.name}=127.0.0.1:${peer}`,
      })),
    );
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^flotilla: .*in use by another process\n$/);
    expect((await call(node.httpPort, 'ListTables', {})).status).toBe(200);

    // As when the terminal of a node under nohup is closed.
    const { child } = cluster.process(node);
    child.kill('SIGHUP');
    await until('it has noticed', () => cluster.process(node).stderr.includes('SIGHUP'));
    expect((await call(node.httpPort, 'ListTables', {})).status).toBe(200);

    const { code, signal } = await cluster.process(node).end('SIGTERM');
    expect({ code, signal }).toEqual({ code: 0, signal: null });

    const renamed = await run(...(await startArguments(node.directory)));
    expect(renamed.code).toBe(1);
    expect(renamed.stderr).toMatch(/belongs to node n1, not to a/);
  } finally {
    await cluster.stop();
  }
});

test('[F7] a node whose logs find no room on their disk serves, and stops when it is told to', async () => {
  const args = await startArguments(join(root, 'mute'));
  const mute = new FlotillaProcess(args, inShell('exec "$@" 2>/dev/full'));
  await until('it serves', () => isServed(portIn(args)));
  expect(await mute.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
});

test('[B3] more connections than a process may open files do a node no harm', async () => {
  const args = await startArguments(join(root, 'crowd'));
  const few = await new FlotillaProcess(args, inShell('ulimit -n 511; exec "$@"')).finished;
  expect(few.code).toBe(1);
  expect(few.stderr).toBe(
    'flotilla: this process may open 511 files, and at least 512 are needed (ulimit -n)\n',
  );

  const node = new FlotillaProcess(args, inShell('ulimit -n 600; exec "$@"'));
  await until('it serves', () => isServed(portIn(args)));
  expect(node.stderr).toContain('clients may have 344 connections at a time');
  const crowd = Array.from({ length: 1_000 }, () => {
    const socket = net.connect(portIn(args), '127.0.0.1');
    return socket.on('error', () => {});
  });
  await until('it has turned away many', () => crowd.filter((one) => one.closed).length >= 600);
  for (const socket of crowd) socket.destroy();
  await until('it serves again', () => isServed(portIn(args)));
  expect(await node.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
});

test('status shows a cluster as a table and as the document that scripts rely on', async () => {
  const cluster = await ProcessCluster.start();
  try {
    await cluster.createTable('ships');
    const endpoint = `http://127.0.0.1:${cluster.nodes[1]?.httpPort}`;
    const shown = await run('status', '--endpoint', endpoint);
    expect(shown.code).toBe(0);
    for (const word of ['n1', 'n2', 'n3', 'controller', 'ships', 'ACTIVE', 'serving']) {
      expect(shown.stdout).toContain(word);
    }
    const { stdout } = await run('status', '--endpoint', endpoint, '--json');
    const status = JSON.parse(stdout);
    expect(Object.keys(status)).toEqual(['cluster', 'configNumber', 'nodes', 'groups', 'tables']);
    expect(status.nodes.map((node: { name: string }) => node.name)).toEqual(['n1', 'n2', 'n3']);
    for (const group of status.groups) {
      expect(group.voters).toContain(group.leader);
      expect(group.voters).toHaveLength(3);
      expect(group.learners).toEqual([]);
    }
    expect(status.groups.map((group: { id: number }) => group.id)).toEqual([0, 1, 2, 3]);
    expect(status.tables[0].shards).toHaveLength(3);
    expect(Object.keys(status.tables[0].shards[0])).toEqual(
      expect.arrayContaining(['id', 'hashStart', 'hashEnd', 'group', 'state', 'items', 'bytes']),
    );
  } finally {
    await cluster.stop();
  }
});

test('--admin has a listener of its own: status there and not with the API, and the API not there', async () => {
  const [http, peer, admin] = await freePorts(3);
  const args = await startArguments(join(root, 'admin'), {
    '--http': `127.0.0.1:${http}`,
    '--peer': `127.0.0.1:${peer}`,
    '--initial-cluster': `a=127.0.0.1:${peer}`,
    '--admin': `127.0.0.1:${admin}`,
  });
  const node = new FlotillaProcess(args);
  try {
    await until('the node is ready', () =>
      call(http as number, 'ListTables', {}).then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    const there = await run('status', '--endpoint', `http://127.0.0.1:${admin}`);
    expect(there.stdout).toContain('controller');
    // Nothing but plain text for whoever reads a pipe.
    expect(there.stdout).not.toContain('\u001b');
    const elsewhere = await run('status', '--endpoint', `http://127.0.0.1:${http}`);
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.stderr).toContain('answers 404');
    const misled = await call(admin as number, 'ListTables', {});
    expect(misled.status).toBe(400);
    expect(JSON.stringify(misled.body)).toMatch(/UnknownOperationException.*for administration/);
    expect(node.stderr).not.toContain('no authentication');
  } finally {
    expect((await node.end('SIGTERM')).code).toBe(0);
  }
});

test('[T1] off loopback without authentication there is one warning line', async () => {
  const [http, peer] = await freePorts(2);
  const args = await startArguments(join(root, 'open'), {
    '--http': `0.0.0.0:${http}`,
    '--peer': `127.0.0.1:${peer}`,
    '--initial-cluster': `a=127.0.0.1:${peer}`,
  });
  const node = new FlotillaProcess(args);
  try {
    await until('the node listens', () => node.stderr.includes('the DynamoDB API is on'));
    const warnings = node.stderr.split('\n').filter((line) => line.includes('"level":40'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('there is no authentication yet');
  } finally {
    await node.end('SIGTERM');
  }
});
