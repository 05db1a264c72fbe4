import http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ERRORS, OPERATIONS } from '../../src/dynamodb/index.ts';
import { answersIn, post } from '../http/helpers.ts';
import { drawFrom, mutatedRequest, pieces, plainRequest, render } from '../http/mutations.ts';
import { type BadRequest, badRequest } from './bad-requests.ts';
import { type ClusterNode, call, ProcessCluster } from './processes.ts';

// Names of Object.prototype are dangerous where somebody assigns to them: here that throws (J1).
process.env['NODE_OPTIONS'] = '--disable-proto=throw';

let cluster: ProcessCluster;
let port: number;
beforeAll(async () => {
  cluster = await ProcessCluster.start();
  await cluster.createTable('ships');
  await cluster.createTable('targets', true);
  port = (cluster.nodes[1] as ClusterNode).httpPort;
});
afterAll(() => cluster.stop());

const key = { pk: { S: 'k' } };

test.each<[string, string, unknown, number, RegExp]>([
  ['malformed JSON', 'PutItem', '{"TableName": ', 400, /SerializationException/],
  ['a body that is no object', 'PutItem', '[]', 400, /SerializationException/],
  ['an unknown operation', 'Capsize', {}, 400, /UnknownOperationException/],
  [
    'an unknown table',
    'GetItem',
    { TableName: 'none', Key: key },
    400,
    /ResourceNotFoundException/,
  ],
  [
    'a wrong key type',
    'GetItem',
    { TableName: 'ships', Key: { pk: { N: '1' } } },
    400,
    /ValidationException.*does not match the schema/,
  ],
  [
    'an item of 400 KB and one byte',
    'PutItem',
    { TableName: 'ships', Item: { ...key, v: { S: 'x'.repeat(400 * 1024 - 3) } } },
    400,
    /ValidationException.*Item size has exceeded the maximum allowed size/,
  ],
  [
    'values nested 2 000 deep',
    'PutItem',
    `{"TableName":"ships","Item":{"pk":{"S":"k"},"v":${'{"L":['.repeat(2_000)}${']}'.repeat(2_000)}}}`,
    400,
    /SerializationException|ValidationException/,
  ],
  [
    'lists nested a million deep',
    'PutItem',
    `{"TableName":"ships","Item":${'['.repeat(1_000_000)}`,
    400,
    /SerializationException|ValidationException/,
  ],
])('[B4] %s is DynamoDB’s error and the process lives', async (_, operation, body, status, why) => {
  const answer = await call(port, operation, body);
  expect(answer.status).toBe(status);
  expect(JSON.stringify(answer.body)).toMatch(why);
  await expectAlive();
});

test('[B4] an item of exactly 400 KB is taken', async () => {
  const Item = { ...key, v: { S: 'x'.repeat(400 * 1024 - 4) } };
  const { status } = await call(port, 'PutItem', { TableName: 'ships', Item });
  expect(status).toBe(200);
});

test('[B1] a body of 16 MB and one byte is refused and the process lives', async () => {
  const size = 16 * 1024 * 1024 + 1;
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1');
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(
      `POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: DynamoDB_20120810.PutItem\r\ncontent-length: ${size}\r\n\r\n`,
    );
    socket.write(Buffer.alloc(size, 'x'));
  });
  expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  expect(answer).toMatch(/__type/);
  await expectAlive();
});

test('[J1] names such as __proto__ are ordinary attributes', async () => {
  const Item = {
    pk: { S: '__proto__' },
    __proto__x: { S: 'x' },
    constructor: { S: 'c' },
    hasOwnProperty: { N: '1' },
  };
  const put = `{"TableName":"ships","Item":${JSON.stringify(Item).replace('__proto__x', '__proto__')}}`;
  expect((await call(port, 'PutItem', put)).status).toBe(200);
  const { body } = await call(port, 'GetItem', {
    TableName: 'ships',
    Key: { pk: { S: '__proto__' } },
    ConsistentRead: true,
  });
  expect(Object.keys(body['Item'] as object).sort()).toEqual(
    ['__proto__', 'constructor', 'hasOwnProperty', 'pk'].sort(),
  );
});

const BODIES = Number(process.env['FLOTILLA_BAD_BODIES'] ?? 6_000);
const STREAMS = Number(process.env['FLOTILLA_BAD_STREAMS'] ?? 1_500);
const SEED = Number(process.env['FLOTILLA_FUZZ_SEED'] ?? 1);
/** What HTTP says itself, in the same form. */
const HTTP_STATUSES = [404, 405, 417];

/** Asserts an error in DynamoDB's form, with the status of its name. */
function expectKnownError(status: number, body: string, context: unknown): void {
  const { __type: type } = JSON.parse(body) as { __type: string };
  const name = type.slice(type.indexOf('#') + 1);
  const known = name in ERRORS ? ERRORS[name as keyof typeof ERRORS] : undefined;
  const isKnown = known !== undefined && type === known.prefix + name;
  const fits = status === known?.status || HTTP_STATUSES.includes(status);
  if (!isKnown || !fits || status >= 500) {
    throw new Error(
      `${status} ${body.slice(0, 300)} for ${JSON.stringify(context).slice(0, 1_000)}`,
    );
  }
}

test(`[B4] [J1] [J2] [J3] thousands of bad bodies each get DynamoDB’s error, others notice nothing (seed ${SEED})`, async () => {
  const witness = await startWitness();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const names = OPERATIONS.map(({ name }) => name).filter((name) => name !== 'DeleteTable');
  const statuses = new Map<number, number>();
  let next = SEED;
  const lane = async () => {
    while (next < SEED + BODIES) {
      const request = badRequest(drawFrom(next++), names);
      const { status, text } = await sendBody(request, agent);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 200) JSON.parse(text);
      else expectKnownError(status, text, [request.operation, request.body.toString()]);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  agent.destroy();
  // Mutations that hit nothing, or hit everything, would prove little.
  expect(statuses.get(200)).toBeGreaterThan(0.1 * BODIES);
  expect(statuses.get(400)).toBeGreaterThan(0.4 * BODIES);
  await witness.expectUntouched();
  await expectAlive();
});

test(`[B3] [F13] [H2] thousands of bad streams each get an answer or an end, others notice nothing (seed ${SEED})`, async () => {
  const witness = await startWitness();
  // Heads and bodies that do not go on, and clients that do not read, stay there all the time.
  const slow = Array.from({ length: 300 }, (_, i) => {
    const text = post('PutItem', `{"TableName":"targets","Item":"${'x'.repeat(50_000)}"}`);
    return openStream([Buffer.from(text.slice(0, i % 2 === 0 ? 100 : 20_000))], false);
  });
  const greedy = Array.from({ length: 20 }, () => {
    const stream = openStream(
      [Buffer.from(post('Scan', '{"TableName":"ships"}').repeat(200))],
      false,
    );
    stream.socket.pause();
    return stream;
  });
  let next = SEED;
  let answered = 0;
  const lane = async () => {
    while (next < SEED + STREAMS) {
      const draw = drawFrom(next++);
      let text = '';
      for (let count = 1 + draw(3); count > 0; count--) {
        text += draw(3) === 0 ? render(plainRequest(draw)) : mutatedRequest(draw);
      }
      // node:http's own table of headers throws under --disable-proto=throw; without that it ignores the name.
      text = text.replaceAll('__proto__', '__proto_');
      const stream = openStream(pieces(text, draw), true);
      // Some of them are cut off, the others say that nothing follows.
      if (draw(4) === 0) stream.socket.destroy();
      await stream.closed;
      for (const { head, body } of answersIn(stream.text())) {
        answered++;
        const status = Number(head.slice(9, 12));
        if (status >= 300) expectKnownError(status, body, text.slice(0, 2_000));
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  expect(answered).toBeGreaterThan(STREAMS / 2);
  for (const { socket } of [...slow, ...greedy]) socket.destroy();
  await witness.expectUntouched();
  await expectAlive();
});

test('[F44] 1 500 clients that come back at the same moment, again and again, are all served', async () => {
  const witness = await startWitness();
  const parameters = { TableName: 'ships', Key: { pk: { S: 'witness' } } };
  const request = Buffer.from(post('GetItem', JSON.stringify(parameters)));
  for (let round = 0; round < 3; round++) {
    const streams = Array.from({ length: 1_500 }, () => openStream([request], false));
    const end = performance.now() + 15_000;
    const isWaiting = () => streams.filter(({ text }) => !/^HTTP\/1\.1 200 OK/.test(text())).length;
    while (isWaiting() > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(isWaiting()).toBe(0);
    for (const { socket } of streams) socket.destroy();
  }
  await witness.expectUntouched();
  await expectAlive();
});

function openStream(sent: readonly Buffer[], ends: boolean) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  for (const piece of sent) socket.write(piece);
  if (ends) socket.end();
  return { socket, closed, text: () => Buffer.concat(chunks).toString('latin1') };
}

function sendBody({ operation, body }: BadRequest, agent: http.Agent) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      'content-length': body.length,
    };
    const request = http.request(
      { host: '127.0.0.1', port, method: 'POST', agent, headers, timeout: 20_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer to ${operation}`)));
    request.on('error', reject);
    request.end(body);
  });
}

/** An ordinary client at work meanwhile: its item stays as it is, and its requests are as fast as they were, roughly. */
async function startWitness() {
  const agent = new http.Agent({ keepAlive: true });
  const pids = cluster.nodes.map((node) => cluster.process(node).child.pid);
  const Item = { pk: { S: 'witness' }, v: { S: 'untouched' }, n: { N: '42' } };
  expect((await call(port, 'PutItem', { TableName: 'ships', Item }, agent)).status).toBe(200);
  const read = async () => {
    const start = performance.now();
    const parameters = { TableName: 'ships', Key: { pk: Item.pk }, ConsistentRead: true };
    const { status, body } = await call(port, 'GetItem', parameters, agent);
    expect({ status, body }).toEqual({ status: 200, body: { Item } });
    return performance.now() - start;
  };
  const medianOf = async () => {
    const times: number[] = [];
    for (let i = 0; i < 100; i++) times.push(await read());
    return times.sort((a, b) => a - b)[50] as number;
  };
  const before = await medianOf();
  let isWatching = true;
  let slowest = 0;
  const watch = async () => {
    while (isWatching) slowest = Math.max(slowest, await read());
  };
  const watching = watch().then(
    () => undefined,
    (error: unknown) => error,
  );
  return {
    expectUntouched: async () => {
      isWatching = false;
      expect(await watching).toBeUndefined();
      expect(slowest).toBeLessThan(2_000);
      expect(await medianOf()).toBeLessThan(3 * before + 20);
      agent.destroy();
      expect(cluster.nodes.map((node) => cluster.process(node).child.pid)).toEqual(pids);
    },
  };
}

async function expectAlive(): Promise<void> {
  for (const node of cluster.nodes) {
    expect((await call(node.httpPort, 'ListTables', {})).status).toBe(200);
    expect(cluster.process(node).isRunning).toBe(true);
  }
}
