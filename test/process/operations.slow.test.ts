import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClusterNode, FlotillaProcess, ProcessCluster, until } from './processes.ts';

/** The commands of operators, as typed, against three node processes. */
let cluster: ProcessCluster;
let endpoints: string[];

interface ListedGroup {
  readonly id: number;
  readonly joined: boolean;
  readonly leader: string;
  readonly voters: readonly string[];
}

interface ListedShard {
  readonly id: number;
  readonly table: string;
  readonly group: number;
  readonly movingTo: number;
  readonly hashStart: string;
}

beforeAll(async () => {
  cluster = await ProcessCluster.start(3);
  endpoints = cluster.nodes.map(({ httpPort }) => `http://127.0.0.1:${httpPort}`);
  await cluster.createTable('ships');
  await cluster.createTable('boats');
});
afterAll(() => cluster.stop());

/** Any node takes any command: each call asks the next one. */
let turn = 0;
async function run(...args: string[]) {
  const endpoint = endpoints[turn++ % endpoints.length] as string;
  return new FlotillaProcess([...args, '--endpoint', endpoint]).finished;
}

async function say(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function groups(): Promise<ListedGroup[]> {
  return JSON.parse(await say('groups', 'list', '--json')) as ListedGroup[];
}

async function shards(...args: string[]): Promise<ListedShard[]> {
  return JSON.parse(await say('shards', 'list', '--json', ...args)) as ListedShard[];
}

/** Where it is, or is going. */
function destination({ group, movingTo }: ListedShard): number {
  return movingTo === 0 ? group : movingTo;
}

describe('groups', () => {
  test('are listed for a person and for a program', async () => {
    const shown = await say('groups', 'list');
    expect(shown.split('\n')[0]).toMatch(/^group +state +leader +voters +shards$/);
    expect(shown.trimEnd().split('\n')).toHaveLength(4);
    const listed = await groups();
    expect(listed.map(({ id, joined }) => [id, joined])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
    for (const { leader, voters } of listed) expect(voters).toContain(leader);
  });

  test('join: the nodes make its replicas, and it gets its share', async () => {
    const joined = await say('groups', 'join', '7', '--nodes', 'n2,n3,n1');
    expect(joined).toBe('group 7 has joined\n');
    await until('group 7 has a leader', async () =>
      (await groups()).some(({ id, leader }) => id === 7 && leader !== ''),
    );
    const seventh = (await groups()).find(({ id }) => id === 7);
    expect(seventh?.voters.toSorted()).toEqual(['n1', 'n2', 'n3']);
    // Six shards on four groups.
    expect((await shards()).filter((shard) => destination(shard) === 7)).toHaveLength(1);
  });

  test('leave: its shards go to the others', async () => {
    expect(await say('groups', 'leave', '3')).toBe('group 3 has left\n');
    expect((await groups()).find(({ id }) => id === 3)?.joined).toBe(false);
    const shown = await say('groups', 'list');
    expect(shown).toMatch(/^ *3 +left /m);
    await until('no shard stays there', async () =>
      (await shards()).every((shard) => shard.group !== 3 || shard.movingTo !== 0),
    );
    expect(await say('groups', 'join', '3')).toBe('group 3 has joined\n');
    expect(await say('groups', 'leave', '3', '7')).toBe('groups 3, 7 have left\n');
  });
});

describe('shards', () => {
  test('are listed with their ranges, all or those of one table', async () => {
    expect((await shards()).map(({ table }) => table).toSorted()).toEqual([
      ...['boats', 'boats', 'boats', 'ships', 'ships', 'ships'],
    ]);
    expect(await shards('--table', 'ships')).toHaveLength(3);
    const shown = await say('shards', 'list', '--table', 'ships');
    expect(shown).toMatch(/^shard +table +from hash +to hash +group +state +items +bytes +per s$/m);
    expect(shown).toMatch(/ships +0000000000000000 +5555555555555555 /);
    expect(shown).toMatch(/ships +aaaaaaaaaaaaaaaa +end /);
    const { code, stderr } = await run('shards', 'list', '--table', 'planes');
    expect([code, stderr]).toEqual([1, 'flotilla: there is no table planes\n']);
  });

  test('move to where they are wanted, and are shown on their way', async () => {
    const [first] = (await shards()) as [ListedShard];
    const to = destination(first) === 1 ? 2 : 1;
    const said = await say('shards', 'move', `${first.id}`, '--to', `${to}`);
    expect(said).toBe(`shard ${first.id} is to be on group ${to}\n`);
    await until('it moves, or is there', async () => {
      const { group, movingTo } = (await shards()).find(({ id }) => id === first.id) as ListedShard;
      if (movingTo !== to && group !== to) return false;
      const status = await say('status');
      const list = await say('shards', 'list');
      for (const text of [status, list]) {
        expect(text).toMatch(
          new RegExp(`(-> group ${to} \\[[#-]{10}\\] \\d+ %|\\b${to}) +serving`),
        );
      }
      return true;
    });
  });

  test('are split in the middle, or where they are told to be', async () => {
    const ofShips = async () =>
      (await shards('--table', 'ships')).map(({ hashStart }) => hashStart);
    const [, , last] = (await shards('--table', 'ships')) as [
      ListedShard,
      ListedShard,
      ListedShard,
    ];
    const at = 'c000000000000000';
    expect(await say('shards', 'split', `${last.id}`, '--at', at)).toBe(
      `shard ${last.id} is to be split at ${at}\n`,
    );
    await until('there are four', async () => (await ofShips()).length === 4);
    expect(await ofShips()).toEqual([
      '0000000000000000',
      '5555555555555555',
      'aaaaaaaaaaaaaaaa',
      at,
    ]);
    const { code, stderr } = await run('shards', 'split', `${last.id}`);
    expect([code, stderr]).toEqual([1, `flotilla: refused: there is no shard ${last.id}\n`]);
  });
});

test.each([
  [['groups', 'join', '9'], 'refused: there is no group 9, and a new one needs nodes'],
  [['groups', 'join', '9', '--nodes', 'n1,n8'], 'refused: there is no node n8'],
  [['groups', 'leave', '12'], 'refused: there is no group 12'],
  [['shards', 'move', '99', '--to', '1'], 'refused: there is no shard 99'],
  [['shards', 'move', '1', '--to', '8'], 'refused: group 8 does not exist'],
])('%j is refused in one line that names what is wrong', async (args, reason) => {
  const { code, stdout, stderr } = await run(...args);
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: `flotilla: ${reason}\n`,
  });
});

test.each([
  [['groups', 'join', 'x'], /whole number/],
  [['groups', 'join'], /missing required argument 'id'/],
  [['groups', 'join', '4', '--nodes', 'a,,b'], /letters, digits/],
  [['groups', 'leave'], /missing required argument 'ids'/],
  [['shards', 'move', '1'], /required option '--to/],
  [['shards', 'move', '1', '--to', '0'], /whole number/],
  [['groups', 'sail'], /unknown command 'sail'/],
  [['groups', 'list', '--endpoint', 'localhost'], /http:\/\/HOST:PORT/],
  [['groups', 'leave', '1', '--endpoint', 'http://127.0.0.1:9'], /no node answers at/],
])('bad usage %j is one clear line and a non-zero exit', async (args, why) => {
  const { code, stderr } = await new FlotillaProcess(args).finished;
  expect(code).toBe(1);
  expect(stderr).toMatch(why);
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
});

test('[F34] with most of the cluster away a command says that it is not known whether it was done', async () => {
  const [first, ...others] = cluster.nodes as [ClusterNode, ...ClusterNode[]];
  for (const node of others) await cluster.process(node).end('SIGKILL');
  const endpoint = `http://127.0.0.1:${first.httpPort}`;
  const args = ['groups', 'leave', '2', '--endpoint', endpoint];
  const { code, stderr } = await new FlotillaProcess(args).finished;
  expect([code, stderr]).toEqual([
    1,
    'flotilla: unavailable: the controller gave no answer: it may be done or not\n',
  ]);
});
