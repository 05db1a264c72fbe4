import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { utf8, utf8Text } from '../../src/bytes/index.ts';
import type { ControllerOutcome } from '../../src/controller/index.ts';
import { type Administration, administer } from '../../src/http/administration.ts';
import type { HeaderName, HttpRequest, OperatorCommand } from '../../src/http/index.ts';
import { isAnswered, RawClient, startTestServer, type TestServer } from './helpers.ts';

/** Answers every command alike, and keeps what it was asked. */
class FakeNode implements Administration {
  readonly commands: OperatorCommand[] = [];
  readonly outcome: ControllerOutcome | undefined;

  constructor(outcome: ControllerOutcome | undefined) {
    this.outcome = outcome;
  }

  status(): Promise<unknown> {
    return Promise.resolve({ cluster: 'aa' });
  }

  command(command: OperatorCommand): Promise<ControllerOutcome | undefined> {
    this.commands.push(command);
    return Promise.resolve(this.outcome);
  }
}

const JSON_HEADERS = { 'content-type': 'application/json' };

function post(
  body: string | Uint8Array,
  headers: Readonly<Partial<Record<HeaderName, string>>> = JSON_HEADERS,
): HttpRequest {
  return {
    method: 'POST',
    path: '/_flotilla/commands',
    query: '',
    header: (name) => headers[name],
    body: typeof body === 'string' ? utf8(body) : body,
  };
}

async function answerTo(request: HttpRequest, node: Administration) {
  const { status, contentType, body } = await administer(request, node);
  expect(contentType).toBe('application/json');
  return { status, ...(JSON.parse(utf8Text(body)) as { outcome: string; reason: string }) };
}

const KINDS =
  'kind must be join, leave, move-shard, split-shard, merge-shards, drain-node, remove-node or forget-nodes';
const HASH = 'split-shard takes at: a hash, 16 hex digits in lower case';
const LEAVE = '{"kind":"leave","groups":[1,2]}';

describe('commands of operators', () => {
  test.each([
    [LEAVE, { kind: 'leave', groups: [1, 2] }],
    [
      '{"kind":"join","groups":[{"id":4,"nodes":["a","b.c-d"]},{"id":5}]}',
      {
        kind: 'join',
        groups: [
          { id: 4, nodes: ['a', 'b.c-d'] },
          { id: 5, nodes: [] },
        ],
      },
    ],
    ['{"kind":"move-shard","shard":7,"to":2}', { kind: 'move-shard', shard: 7, to: 2 }],
    ['{"kind":"split-shard","shard":7}', { kind: 'split-shard', shard: 7 }],
    [
      '{"kind":"split-shard","shard":7,"at":"00000000000000af"}',
      { kind: 'split-shard', shard: 7, at: '00000000000000af' },
    ],
    ['{"kind":"merge-shards","shard":7,"next":8}', { kind: 'merge-shards', shard: 7, next: 8 }],
    [
      '{"kind":"forget-nodes","nodes":["b","c"]}',
      { kind: 'forget-nodes', nodes: ['b', 'c'], loseData: false },
    ],
    [
      '{"kind":"forget-nodes","nodes":["b"],"loseData":true}',
      { kind: 'forget-nodes', nodes: ['b'], loseData: true },
    ],
    // What does not belong there goes no further.
    ['{"kind":"leave","groups":[1],"request":"mine","version":9}', { kind: 'leave', groups: [1] }],
  ])('%s reaches the controller', async (body, command) => {
    const node = new FakeNode({ kind: 'done' });
    expect(await answerTo(post(body), node)).toEqual({ status: 200, outcome: 'done', reason: '' });
    expect(node.commands).toEqual([command]);
  });

  test('what the controller refuses is told with its reason', async () => {
    const node = new FakeNode({ kind: 'refused', reason: 'there is no group 2' });
    const refused = { status: 409, outcome: 'refused', reason: 'there is no group 2' };
    expect(await answerTo(post(LEAVE), node)).toEqual(refused);
  });

  test('[F34] without an answer of the controller it is not said to be done, nor not to be', async () => {
    const { status, outcome, reason } = await answerTo(post(LEAVE), new FakeNode(undefined));
    expect([status, outcome]).toEqual([503, 'unavailable']);
    expect(reason).toMatch(/may be done or not/);
  });

  test.each([
    ['', 'the body is not JSON'],
    ['{', 'the body is not JSON'],
    ['[1]', 'the body is not an object'],
    ['null', 'the body is not an object'],
    ['{}', KINDS],
    ['{"kind":"form","clusterId":"x","nodes":[]}', KINDS],
    ['{"kind":"constructor"}', KINDS],
    ['{"kind":"leave","groups":[]}', 'leave needs groups: a list of their numbers'],
    ['{"kind":"leave","groups":[0]}', 'leave needs groups: a list of their numbers'],
    ['{"kind":"leave","groups":["1"]}', 'leave needs groups: a list of their numbers'],
    ['{"kind":"join","groups":[4]}', 'join needs groups: a list of {id, nodes}'],
    ['{"kind":"join","groups":[{"id":1.5}]}', 'join needs the id of each group: a number'],
    ['{"kind":"join","groups":[{"id":4294967296}]}', 'join needs the id of each group: a number'],
    [
      '{"kind":"join","groups":[{"id":4,"nodes":["a\\nb"]}]}',
      'join needs the nodes of group 4: a list of their names',
    ],
    ['{"kind":"move-shard","shard":1}', 'move-shard needs shard and to: two numbers'],
    ['{"kind":"split-shard","at":"8000000000000000"}', 'split-shard needs shard: a number'],
    ['{"kind":"split-shard","shard":1,"at":"8"}', HASH],
    ['{"kind":"split-shard","shard":1,"at":9}', HASH],
    ['{"kind":"forget-nodes","nodes":"b"}', 'forget-nodes needs nodes: a list of their names'],
    ['{"kind":"merge-shards","shard":1}', 'merge-shards needs shard and next: two numbers'],
  ])('[B4] [J1] %s is refused as malformed', async (body, reason) => {
    const node = new FakeNode({ kind: 'done' });
    expect(await answerTo(post(body), node)).toEqual({ status: 400, outcome: 'malformed', reason });
    expect(node.commands).toEqual([]);
  });

  test('[B4] whatever is sent is answered in one line and reaches nobody unless it is well formed', async () => {
    const kinds = fc.constantFrom(
      'join',
      'leave',
      'move-shard',
      'split-shard',
      'merge-shards',
      'form',
    );
    const almost = fc.record(
      {
        kind: kinds,
        groups: fc.oneof(
          fc.jsonValue(),
          fc.array(fc.record({ id: fc.nat(), nodes: fc.jsonValue() })),
        ),
        shard: fc.jsonValue(),
        to: fc.jsonValue(),
      },
      { requiredKeys: ['kind'] },
    );
    const bodies = fc.oneof(
      fc.uint8Array(),
      fc.json().map(utf8),
      almost.map((value) => utf8(JSON.stringify(value))),
    );
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const node = new FakeNode({ kind: 'done' });
        const { status, reason } = await answerTo(post(body), node);
        expect([200, 400]).toContain(status);
        expect(node.commands).toHaveLength(status === 200 ? 1 : 0);
        expect(reason).not.toContain('\n');
      }),
    );
  });

  test('[B1] a long one is refused unread, and a deep one harms nothing', async () => {
    const node = new FakeNode({ kind: 'done' });
    expect((await answerTo(post(' '.repeat(64 * 1024 + 1)), node)).status).toBe(413);
    expect((await answerTo(post('['.repeat(64 * 1024)), node)).status).toBe(400);
    expect(node.commands).toEqual([]);
  });

  test.each([
    [{}, 415],
    [{ 'content-type': 'text/plain' }, 415],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 415],
    [{ ...JSON_HEADERS, origin: 'https://elsewhere.example' }, 403],
    [{ ...JSON_HEADERS, origin: 'http://127.0.0.1:8000' }, 403],
    [{ ...JSON_HEADERS, origin: 'null' }, 403],
    [{ 'content-type': 'Application/JSON; charset=utf-8' }, 200],
  ])(
    '[W1] a page in a browser can not send one: %j is answered with %i',
    async (headers, status) => {
      const node = new FakeNode({ kind: 'done' });
      expect((await answerTo(post(LEAVE, headers), node)).status).toBe(status);
      expect(node.commands).toHaveLength(status === 200 ? 1 : 0);
    },
  );
});

describe('on the port of the API', () => {
  let server: TestServer;
  afterEach(() => server.close());

  async function send(method: string, path: string, headers: readonly string[], body = '') {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      'Host: localhost',
      `Content-Length: ${body.length}`,
      ...headers,
    ];
    const client = new RawClient(server.port).send(`${lines.join('\r\n')}\r\n\r\n${body}`);
    const text = await client.until(isAnswered);
    client.socket.destroy();
    return text;
  }

  test('a command is taken by POST, and a browser is given no leave to send one', async () => {
    const node = new FakeNode({ kind: 'done' });
    server = await startTestServer({ administration: node, cors: true });
    const type = 'Content-Type: application/json';
    const path = '/_flotilla/commands';
    expect(await send('POST', path, [type], LEAVE)).toMatch(/^HTTP\/1\.1 200[\s\S]*"done"/);
    expect(await send('GET', path, [])).toMatch(/^HTTP\/1\.1 405/);
    const origin = 'Origin: http://localhost:3000';
    const asked = await send('OPTIONS', path, [origin, 'Access-Control-Request-Method: POST']);
    expect(asked).toMatch(/^HTTP\/1\.1 405/);
    expect(await send('POST', path, [type, origin], LEAVE)).toMatch(/^HTTP\/1\.1 403/);
    expect(node.commands).toHaveLength(1);
  });

  test('[O2] where the node fails, the text is constant', async () => {
    const node = new FakeNode({ kind: 'done' });
    node.command = () => Promise.reject(new TypeError('/secret/path'));
    server = await startTestServer({ administration: node });
    const text = await send(
      'POST',
      '/_flotilla/commands',
      ['Content-Type: application/json'],
      LEAVE,
    );
    expect(text).toMatch(/^HTTP\/1\.1 500/);
    expect(text).not.toContain('secret');
  });

  test('a listener without administration has nothing there', async () => {
    server = await startTestServer();
    const text = await send(
      'POST',
      '/_flotilla/commands',
      ['Content-Type: application/json'],
      LEAVE,
    );
    expect(text).toMatch(/^HTTP\/1\.1 404/);
  });
});
