import { crc32, gunzipSync, gzipSync } from 'node:zlib';
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
afterEach(() => server.close());

async function send(text: string | Uint8Array): Promise<{ head: string; body: string }> {
  const client = new RawClient(server.port).send(text);
  await client.until(isAnswered);
  client.socket.destroy();
  const [answer] = answersIn(client.text);
  if (!answer) throw new Error(`no answer: ${client.text}`);
  return answer;
}

describe('answers', () => {
  test('carry a request id, the checksum and the content type', async () => {
    server = await startTestServer();
    const { head, body } = await send(post('ListTables', '{}'));
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(body).toBe('{"TableNames":[]}');
    expect(head).toMatch(/x-amzn-RequestId: [A-Z0-9]{52}\r\n/);
    expect(head).toContain(`x-amz-crc32: ${crc32(body)}`);
    expect(head).toContain('Content-Type: application/x-amz-json-1.0');
  });

  test('GET / is the health text', async () => {
    server = await startTestServer();
    const { head, body } = await send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(head).toContain('200 OK');
    expect(body).toMatch(/^healthy: 127\.0\.0\.1:\d+ $/);
  });

  test('a client that asks before it sends its body is told to go on, or not to', async () => {
    server = await startTestServer({ limits: { bodyBytes: 100 } });
    const [head = '', body = ''] = post('ListTables', '{"Limit":5}', [
      'Expect: 100-continue',
    ]).split(/(?<=\r\n\r\n)/);
    const client = new RawClient(server.port).send(head);
    await client.until((text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
    client.send(body);
    await client.until((text) => text.endsWith('{"TableNames":[]}'));
    client.socket.destroy();
    const tooMuch = head.replace('Content-Length: 11', 'Content-Length: 1000');
    expect((await send(tooMuch)).head).toMatch(/^HTTP\/1.1 413 /);
  });

  test('HEAD has no body', async () => {
    server = await startTestServer();
    const client = new RawClient(server.port).send(
      'HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(await client.untilClosed()).toMatch(/200 OK[\s\S]*\r\n\r\n$/);
  });

  test('administration is served under its prefix, and nowhere else', async () => {
    server = await startTestServer({
      administration: {
        status: () => Promise.resolve({ cluster: 'aa' }),
        command: () => Promise.resolve(undefined),
      },
    });
    const found = await send('GET /_flotilla/status?v=1 HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(found.body).toBe('{"cluster":"aa"}');
    for (const [request, status] of [
      ['GET /_flotilla/other', '404'],
      ['GET /elsewhere', '404'],
      ['POST /elsewhere', '404'],
      ['PUT /', '405'],
      ['OPTIONS /', '405'],
      ['POST /_flotilla/status', '405'],
    ] as const) {
      const { head, body } = await send(
        `${request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
      );
      expect(head).toContain(`HTTP/1.1 ${status}`);
      expect(JSON.parse(body)).toHaveProperty('__type');
    }
  });

  test('[J2] a pipelined burst is answered in order', async () => {
    server = await startTestServer();
    const client = new RawClient(server.port);
    const bodies = Array.from({ length: 50 }, (_, i) => `{"Limit":${i - 25}}`);
    client.send(bodies.map((body) => post('ListTables', body)).join(''));
    await client.until((text) => answersIn(text).length === 50 && text.endsWith('}'));
    client.socket.destroy();
    const answers = answersIn(client.text);
    expect(answers).toHaveLength(50);
    for (const [i, { body }] of answers.entries()) {
      if (i - 25 >= 1) expect(body).toBe('{"TableNames":[]}');
      else expect(body).toContain(`Value '${i - 25}' at 'limit'`);
    }
  });

  test('[W1] a form of another site cannot call the API', async () => {
    server = await startTestServer();
    const request = post('ListTables', '{}').replace('application/x-amz-json-1.0', 'text/plain');
    expect((await send(request)).head).toContain('404');
  });

  test('[W2] CORS is off by default and for loopback origins only when on', async () => {
    server = await startTestServer();
    const origin = ['Origin: http://localhost:5173'];
    expect((await send(post('ListTables', '{}', origin))).head).not.toContain('Access-Control');
    await server.close();
    server = await startTestServer({ cors: true });
    const answer = await send(post('ListTables', '{}', origin));
    expect(answer.head).toContain('Access-Control-Allow-Origin: http://localhost:5173');
    const other = await send(post('ListTables', '{}', ['Origin: http://localhost.evil.example']));
    expect(other.head).not.toContain('Access-Control');
    const preflight = await send(
      'OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: http://127.0.0.1:8080\r\n' +
        'Access-Control-Request-Headers: x-amz-target\r\n\r\n',
    );
    expect(preflight.head).toContain('Access-Control-Allow-Headers: x-amz-target');
  });
});

describe('[O2] errors of the node', () => {
  test('have constant text, and a broken invariant is fatal', async () => {
    let thrown: Error = new TypeError('secret path /a/b');
    server = await startTestServer({ handle: () => Promise.reject(thrown) });
    const { head, body } = await send(post('ListTables', '{}'));
    expect(head).toContain('500');
    expect(JSON.parse(body)).toEqual({
      __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError',
      message: 'The request could not be processed: try again',
    });
    expect(server.events).toHaveLength(1);
    expect(server.fatal).toEqual([]);
    thrown = new Error('commit moved back');
    await send(post('ListTables', '{}'));
    expect(server.fatal).toEqual([thrown]);
  });

  test('an exception that is thrown at once is no different', async () => {
    server = await startTestServer({
      handle: () => {
        throw new TypeError('at once');
      },
    });
    expect((await send(post('ListTables', '{}'))).head).toContain('500');
  });
});

describe('[B1] bodies', () => {
  test('a declared length above the limit is refused before the body is sent', async () => {
    server = await startTestServer();
    const head = post('PutItem', '').replace('Content-Length: 0', 'Content-Length: 16777217');
    const { head: answer, body } = await send(head);
    expect(answer).toContain('413');
    expect(JSON.parse(body).__type).toContain('RequestEntityTooLargeException');
  });

  test('a chunked body that does not end is refused, and the client sees why', async () => {
    server = await startTestServer({ limits: { bodyBytes: 100_000 } });
    const client = new RawClient(server.port);
    client.send(
      'POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    for (let i = 0; i < 20; i++) client.send(chunk);
    await client.until(isAnswered);
    expect(client.text).toContain('413');
    expect(client.text).toContain('Connection: close');
    // What is still sent is read and dropped, then the connection ends.
    client.send(`${chunk}0\r\n\r\n`);
    await client.untilClosed();
  });

  test('gzip is inflated, a bomb only up to the limit', async () => {
    server = await startTestServer();
    const headers = ['Content-Encoding: gzip'];
    const withBody = (content: Uint8Array) => {
      const head = post('ListTables', '', headers).replace(
        'Content-Length: 0',
        `Content-Length: ${content.length}`,
      );
      return Buffer.concat([Buffer.from(head), content]);
    };
    expect((await send(withBody(gzipSync('{"Limit":5}')))).body).toBe('{"TableNames":[]}');
    expect((await send(withBody(gzipSync(Buffer.alloc(40_000_000))))).head).toContain('413');
    expect((await send(withBody(Buffer.from('not gzip')))).head).toContain('400');
    expect((await send(post('ListTables', '{}', ['Content-Encoding: br']))).head).toContain('400');
  });

  test('[DB52] answers above 4 KB are compressed for those who ask', async () => {
    server = await startTestServer();
    for (let i = 0; i < 60; i++) await send(post('CreateTable', table(`${'t'.repeat(90)}${i}`)));
    const client = new RawClient(server.port).send(
      post('ListTables', '{}', ['Accept-Encoding: gzip, deflate']),
    );
    await client.until(isAnswered);
    client.socket.destroy();
    const [answer] = answersIn(client.text);
    expect(answer?.head).toContain('Content-Encoding: gzip');
    const content = gunzipSync(Buffer.from(answer?.body ?? '', 'latin1'));
    expect(JSON.parse(String(content)).TableNames).toHaveLength(60);
  });
});

describe('[B3] time and size of requests', () => {
  test('a head that does not come is timed out', async () => {
    server = await startTestServer({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } });
    const client = new RawClient(server.port).send('POST / HTTP/1.1\r\nHost: x\r\n');
    expect(await client.untilClosed()).toContain('408');
  });

  test('a body that does not come is timed out', async () => {
    server = await startTestServer({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } });
    const whole = post('ListTables', '{"Limit":5}');
    const client = new RawClient(server.port).send(whole.slice(0, -3));
    await client.untilClosed();
    expect(client.closed).toBe(true);
    expect(client.text).not.toContain('200 OK');
  });

  test('an idle connection is closed', async () => {
    server = await startTestServer({ limits: { keepAliveTimeoutMs: 100 } });
    const client = new RawClient(server.port).send(post('ListTables', '{}'));
    expect(await client.untilClosed()).toContain('200 OK');
  });

  test('a head above 16 KB is 400', async () => {
    server = await startTestServer();
    const answer = await send(post('ListTables', '{}', [`X-Filler: ${'x'.repeat(17_000)}`]));
    expect(answer.head).toContain('400 Bad Request');
    expect(JSON.parse(answer.body).__type).toContain('MalformedHttpRequestException');
  });

  test.each([
    'GARBAGE\r\n\r\n',
    'POST / HTTP/9.9\r\n\r\n',
    'POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n',
  ])('what is not HTTP is 400 and the end of the connection: %j', async (text) => {
    server = await startTestServer();
    const client = new RawClient(server.port).send(text);
    expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  });

  test('a client that goes away in the middle of its request disturbs nobody', async () => {
    server = await startTestServer();
    for (const length of [10, 80, 190]) {
      const client = new RawClient(server.port);
      await new Promise((resolve) =>
        client.socket.write(post('ListTables', '{"Limit":5}').slice(0, length), resolve),
      );
      client.socket.destroy();
    }
    expect((await send(post('ListTables', '{}'))).body).toBe('{"TableNames":[]}');
    expect(server.events).toEqual([]);
  });
});

describe('[B2] [H2] bytes in flight', () => {
  test('beyond the bound requests are refused with a retryable error, and room is given back', async () => {
    const waiting: (() => void)[] = [];
    server = await startTestServer({
      limits: { inFlightBytes: 20_000 },
      handle: () =>
        new Promise((resolve) => {
          waiting.push(() => resolve({ status: 200, body: new Uint8Array(), error: undefined }));
        }),
    });
    const first = new RawClient(server.port).send(post('PutItem', `"${'x'.repeat(12_000)}"`));
    await turnsUntil(() => waiting.length === 1);
    const refused = await send(post('PutItem', `"${'x'.repeat(12_000)}"`));
    expect(refused.head).toContain('400');
    expect(refused.body).toContain('ThrottlingException');
    for (const answer of waiting) answer();
    await first.until(isAnswered);
    first.socket.destroy();
    const second = new RawClient(server.port).send(post('PutItem', `"${'x'.repeat(12_000)}"`));
    await turnsUntil(() => waiting.length === 2);
    waiting[1]?.();
    expect(await second.until(isAnswered)).toContain('200 OK');
    second.socket.destroy();
  });
});

describe('close', () => {
  test('lets answers under way finish and drops idle connections', async () => {
    const answers: (() => void)[] = [];
    server = await startTestServer({
      handle: () =>
        new Promise((resolve) => {
          const body = new TextEncoder().encode('{}');
          answers.push(() => resolve({ status: 200, body, error: undefined }));
        }),
    });
    const idle = new RawClient(server.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await idle.until(isAnswered);
    const busy = new RawClient(server.port).send(post('ListTables', '{}'));
    await turnsUntil(() => answers.length === 1);
    const closed = server.close();
    await idle.untilClosed();
    answers[0]?.();
    expect(await busy.untilClosed()).toContain('200 OK');
    await closed;
  });

  test('does not wait for ever', async () => {
    server = await startTestServer({
      limits: { closeTimeoutMs: 100 },
      handle: () => new Promise(() => {}),
    });
    const stuck = new RawClient(server.port).send(post('ListTables', '{}'));
    await new Promise((resolve) => stuck.socket.once('connect', resolve));
    await server.close();
    await stuck.untilClosed();
  });
});

test('an address that is taken is an error', async () => {
  server = await startTestServer();
  await expect(startTestServer({ address: server.address })).rejects.toThrow('EADDRINUSE');
});

function table(name: string): string {
  return JSON.stringify({
    TableName: name,
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
}

async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
