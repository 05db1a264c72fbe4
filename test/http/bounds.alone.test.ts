import { afterEach, describe, expect, test } from 'vitest';
import {
  answersIn,
  isAnswered,
  post,
  RawClient,
  startTestServer,
  type TestServer,
} from './helpers.ts';

let server: TestServer;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await server.close();
});

function connectClient(): RawClient {
  const client = new RawClient(server.port);
  clients.push(client);
  return client;
}

async function ask(text: string): Promise<string> {
  const client = connectClient().send(text);
  await client.until(isAnswered);
  client.socket.destroy();
  return client.text;
}

/** A handler whose answers wait until they are released. */
function heldHandler() {
  const held: (() => void)[] = [];
  const order: number[] = [];
  const handle = ({ body }: { body: Uint8Array }) => {
    const text = new TextDecoder().decode(body);
    order.push(Number(/\d+/.exec(text)?.[0]));
    return new Promise<{ status: number; body: Uint8Array; error: undefined }>((resolve) => {
      const answer = new TextEncoder().encode(text.slice(0, 20));
      held.push(() => resolve({ status: 200, body: answer, error: undefined }));
    });
  };
  return { held, order, handle };
}

const WAYS = [
  ['the fast path', true],
  ['node:http', false],
] as const;

describe.each(WAYS)('[H2] on %s', (_, fastPath) => {
  test('[B3] a connection that says nothing is timed out', async () => {
    server = await startTestServer({ fastPath, limits: { headersTimeoutMs: 100 } });
    expect(await connectClient().untilClosed()).toContain('408 Request Timeout');
  });

  test('[B3] a slow head is timed out', async () => {
    server = await startTestServer({
      fastPath,
      limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 },
    });
    const client = connectClient().send(post('ListTables', '{}').slice(0, 60));
    expect(await client.untilClosed()).toContain('408 Request Timeout');
  });

  test('[B3] a slow body is timed out', async () => {
    server = await startTestServer({
      fastPath,
      limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 },
    });
    const client = connectClient().send(post('ListTables', '{"Limit":5}').slice(0, -3));
    expect(await client.untilClosed()).not.toContain('200 OK');
  });

  test('[B3] an idle connection is closed without a word', async () => {
    server = await startTestServer({ fastPath, limits: { keepAliveTimeoutMs: 100 } });
    const client = connectClient().send(post('ListTables', '{}'));
    await client.untilClosed();
    expect(answersIn(client.text)).toHaveLength(1);
    expect(client.text).toMatch(/"TableNames":\[\]}$/);
  });

  test('[B3] [F13] a client that does not read its answer is dropped, and its bytes are given back', async () => {
    const answers = ['x'.repeat(16_000_000), '{}'].map((text) => new TextEncoder().encode(text));
    server = await startTestServer({
      fastPath,
      limits: { inFlightBytes: 4_000_000, stallTimeoutMs: 300, tightStallTimeoutMs: 300 },
      handle: () =>
        Promise.resolve({
          status: 200,
          body: (answers.length > 1 ? answers.shift() : answers[0]) as Uint8Array,
          error: undefined,
        }),
    });
    const slow = connectClient();
    slow.socket.pause();
    slow.send(post('Scan', '{}'));
    // Others are refused, with an error that passes, as long as its answer lies in memory.
    let refused = 0;
    for (let text = ''; !text.includes('200 OK'); refused++) text = await ask(post('Scan', '{}'));
    expect(refused).toBeGreaterThan(1);
    slow.socket.resume();
    await slow.untilClosed();
    expect(slow.text.length).toBeLessThan(16_000_000);
  });

  test('a client has less time to read when others need the room', async () => {
    const answers = ['x'.repeat(16_000_000), '{}'].map((text) => new TextEncoder().encode(text));
    server = await startTestServer({
      fastPath,
      limits: { inFlightBytes: 4_000_000, stallTimeoutMs: 60_000, tightStallTimeoutMs: 100 },
      handle: () =>
        Promise.resolve({
          status: 200,
          body: (answers.length > 1 ? answers.shift() : answers[0]) as Uint8Array,
          error: undefined,
        }),
    });
    const slow = connectClient();
    slow.socket.pause();
    slow.send(post('Scan', '{}'));
    await turnsUntil(() => answers.length === 1);
    for (let text = ''; !text.includes('200 OK'); ) text = await ask(post('Scan', '{}'));
  });

  test('what one client sends ahead is not read until earlier requests are answered', async () => {
    const { held, order, handle } = heldHandler();
    server = await startTestServer({ fastPath, handle, limits: { pipelineRequests: 8 } });
    const client = connectClient();
    const count = 300;
    for (let i = 0; i < count; i++)
      client.send(post('PutItem', `{"n":${i},"v":"${'x'.repeat(3_000)}"}`));
    await quiet();
    expect(held).toHaveLength(8);
    for (let answered = 0; answered < count; answered++) {
      await turnsUntil(() => held.length > answered);
      expect(held.length - answered).toBeLessThanOrEqual(8);
      held[answered]?.();
    }
    await client.until((text) => answersIn(text).length === count);
    expect(order).toEqual(Array.from({ length: count }, (_, i) => i));
    const bodies = answersIn(client.text).map(({ body }) => Number(/\d+/.exec(body)?.[0]));
    expect(bodies).toEqual(order);
  });

  test('nor are more bytes than one connection may hold', async () => {
    const { held, handle } = heldHandler();
    server = await startTestServer({ fastPath, handle, limits: { pipelineBytes: 100_000 } });
    const client = connectClient();
    for (let i = 0; i < 10; i++)
      client.send(post('PutItem', `{"n":${i},"v":"${'x'.repeat(90_000)}"}`));
    await quiet();
    expect(held).toHaveLength(2);
    for (let answered = 0; answered < 10; answered++) {
      await turnsUntil(() => held.length > answered);
      held[answered]?.();
    }
    await client.until((text) => answersIn(text).length === 10);
  });

  test('answers that are ready out of order are written in order', async () => {
    const { held, handle } = heldHandler();
    server = await startTestServer({ fastPath, handle });
    const client = connectClient();
    client.send([1, 2, 3, 4].map((n) => post('PutItem', `{"n":${n}}`)).join(''));
    await turnsUntil(() => held.length === 4);
    for (const place of [2, 1, 3]) held[place]?.();
    await quiet();
    expect(client.text).toBe('');
    held[0]?.();
    await client.until((text) => answersIn(text).length === 4);
    expect(answersIn(client.text).map(({ body }) => body)).toEqual(
      [1, 2, 3, 4].map((n) => `{"n":${n}}`),
    );
  });

  test('[B2] hundreds of half-open posts of 16 MB cost what they sent, and others are served after them', async () => {
    server = await startTestServer({ fastPath, limits: { inFlightBytes: 4_000_000 } });
    const [head = ''] = post('PutItem', '').split('Content-Length');
    const half = `${head}Content-Length: 16777216\r\n\r\n${'x'.repeat(40_000)}`;
    const before = process.memoryUsage().arrayBuffers;
    const many = Array.from({ length: 200 }, () => connectClient().send(half));
    // Less than 100 fit; those who came too late are told so.
    await turnsUntil(() => many.filter(({ text }) => text.includes('Throttling')).length >= 100);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60_000_000);
    for (const { socket } of many) socket.destroy();
    let text = '';
    while (!text.includes('200 OK')) text = await ask(post('ListTables', '{}'));
  });

  test('[F13] clients that go away at any moment leave nothing behind', async () => {
    const { held, handle } = heldHandler();
    server = await startTestServer({ fastPath, handle, limits: { inFlightBytes: 100_000 } });
    const request = post('PutItem', `{"n":1,"v":"${'x'.repeat(50_000)}"}`);
    for (let i = 0; i < 30; i++) {
      const client = connectClient().send(request);
      await turnsUntil(() => held.length > 2 * i);
      client.socket.destroy();
      await client.untilClosed();
      held[2 * i]?.();
      // It fits only if the one before was given back, when the server has seen it go.
      for (let answered = false; !answered; ) {
        const next = connectClient().send(request);
        await turnsUntil(() => held.length > 2 * i + 1 || next.text.includes('Throttling'));
        held[2 * i + 1]?.();
        answered = held.length > 2 * i + 1;
        await next.until(isAnswered);
        next.socket.destroy();
      }
    }
    expect(held).toHaveLength(60);
  });

  test('connections beyond the limit are closed at once', async () => {
    server = await startTestServer({ fastPath, limits: { connections: 3 } });
    const open = Array.from({ length: 3 }, () => connectClient().send(post('ListTables', '{}')));
    for (const client of open) await client.until(isAnswered);
    await connectClient().send(post('ListTables', '{}')).untilClosed();
    for (const client of open) {
      client.text = '';
      client.send(post('ListTables', '{}'));
      await client.until(isAnswered);
    }
  });

  test('[F44] hundreds of clients at once are all served, again and again', async () => {
    server = await startTestServer({ fastPath });
    for (let round = 0; round < 2; round++) {
      const all = Array.from({ length: 150 }, () => connectClient().send(post('ListTables', '{}')));
      for (const client of all) expect(await client.until(isAnswered)).toContain('200 OK');
      for (const { socket } of all) socket.destroy();
    }
    expect(server.events).toEqual([]);
  });

  test('close lets answers under way finish, however many, and drops what is idle', async () => {
    const { held, handle } = heldHandler();
    server = await startTestServer({ fastPath, handle });
    const idle = connectClient().send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await idle.until(isAnswered);
    const half = connectClient().send(post('PutItem', '{"n":00}').slice(0, -2));
    const busy = connectClient().send(post('PutItem', '{"n":1}') + post('PutItem', '{"n":2}'));
    await turnsUntil(() => held.length === 2);
    const closed = server.close();
    await idle.untilClosed();
    half.send('0}');
    await turnsUntil(() => held.length === 3);
    for (const answer of held) answer();
    await closed;
    expect(await half.untilClosed()).toContain('{"n":00}');
    expect(await busy.untilClosed()).toContain('Connection: close');
    expect(answersIn(busy.text).map(({ body }) => body)).toEqual(['{"n":1}', '{"n":2}']);
  });
});

describe('[H3] a connection that changes its way', () => {
  const chunked =
    'POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n' +
    'Transfer-Encoding: chunked\r\n\r\n8\r\n{"n":99}\r\n0\r\n\r\n';

  test('waits until every earlier answer is written, and loses nothing that came behind', async () => {
    const { held, order, handle } = heldHandler();
    server = await startTestServer({ handle });
    const client = connectClient();
    const before = [1, 2, 3].map((n) => post('PutItem', `{"n":${n}}`)).join('');
    const after = post('PutItem', `{"n":4,"v":"${'x'.repeat(200_000)}"}`);
    client.send(before + chunked + after);
    await quiet();
    expect(order).toEqual([1, 2, 3]);
    held[2]?.();
    held[1]?.();
    await quiet();
    expect(order).toEqual([1, 2, 3]);
    held[0]?.();
    await turnsUntil(() => order.length === 5);
    expect(order).toEqual([1, 2, 3, 99, 4]);
    for (const answer of held.slice(3)) answer();
    await client.until((text) => answersIn(text).length === 5);
    expect(answersIn(client.text).map(({ body }) => body.slice(0, 7))).toEqual([
      '{"n":1}',
      '{"n":2}',
      '{"n":3}',
      '{"n":99',
      '{"n":4,',
    ]);
  });

  test('is held to the same limits of time', async () => {
    server = await startTestServer({
      limits: { headersTimeoutMs: 100, requestTimeoutMs: 200, keepAliveTimeoutMs: 100 },
    });
    const plain = post('ListTables', '{}');
    const cut = chunked.slice(0, -6);
    const [idle, slow] = [connectClient().send(plain + chunked), connectClient().send(plain + cut)];
    await idle.untilClosed();
    expect(answersIn(idle.text)).toHaveLength(2);
    await slow.untilClosed();
    expect(answersIn(slow.text)).toHaveLength(1);
  });

  test('goes on to be served for hundreds of requests', async () => {
    server = await startTestServer();
    const client = connectClient();
    client.send(chunked);
    for (let i = 0; i < 300; i++) client.send(i % 7 === 0 ? chunked : post('ListTables', '{}'));
    await client.until((text) => answersIn(text).length === 301);
    expect(answersIn(client.text).filter(({ body }) => body.includes('TableNames'))).toHaveLength(
      257,
    );
  });
});

async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Whatever was sent has been read, as far as it is going to be. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 3; i++) await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
}
