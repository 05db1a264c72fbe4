import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClusterNode, call, ProcessCluster } from './processes.ts';

let cluster: ProcessCluster;
let port: number;
beforeAll(async () => {
  cluster = await ProcessCluster.start();
  await cluster.createTable('ships');
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

async function expectAlive(): Promise<void> {
  for (const node of cluster.nodes) {
    expect((await call(node.httpPort, 'ListTables', {})).status).toBe(200);
    expect(cluster.process(node).isRunning).toBe(true);
  }
}
