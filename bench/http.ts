// What HTTP itself costs a request: processor time of a listener whose handler answers at once, under wrk, by both ways in:
// the fast path and node:http alone. Run: npx tsx bench/http.ts [SECONDS]
import { spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../src/bytes/index.ts';
import { startHttpServer } from '../src/http/index.ts';

const SECONDS = Number(process.argv[2] ?? 3);
const SHA256 = '0123456789abcdef'.repeat(4);
/** The headers that the AWS SDK for JavaScript sends. */
const HEADERS = {
  'content-type': 'application/x-amz-json-1.0',
  'amz-sdk-invocation-id': '0b2c7c4e-8f0d-4c55-9d0e-1f2a3b4c5d6e',
  'amz-sdk-request': 'attempt=1; max=3',
  'user-agent':
    'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2 api/dynamodb#3.1164.0 m/E,b',
  'x-amz-date': '20260101T000000Z',
  'x-amz-content-sha256': SHA256,
  authorization:
    'AWS4-HMAC-SHA256 Credential=bench/20260101/local/dynamodb/aws4_request, ' +
    'SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target, ' +
    `Signature=${SHA256}`,
};
const BODIES = {
  PutItem: `{"TableName":"bench","Item":{"pk":{"S":"key-1"},"v":{"S":"${'x'.repeat(256)}"}}}`,
  GetItem: '{"TableName":"bench","Key":{"pk":{"S":"key-1"}},"ConsistentRead":true}',
};
const ITEM = utf8(`{"Item":{"pk":{"S":"key-1"},"v":{"S":"${'x'.repeat(200)}"}}}`);
const EMPTY = utf8('{}');

const random = {
  uint32: () => 1,
  fill: (target: Uint8Array) => {
    randomFillSync(target);
  },
};

const directory = mkdtempSync(join(tmpdir(), 'flotilla-bench-'));

/** A script for wrk that sends one request over and over; JSON's strings are Lua's, as far as these go. */
function script(operation: keyof typeof BODIES): string {
  const file = join(directory, `${operation}.lua`);
  const headers = { ...HEADERS, 'x-amz-target': `DynamoDB_20120810.${operation}` };
  const lines = Object.entries(headers).map(
    ([name, value]) => `wrk.headers["${name}"] = "${value}"`,
  );
  writeFileSync(
    file,
    ['wrk.method = "POST"', `wrk.body = '${BODIES[operation]}'`, ...lines].join('\n'),
  );
  return file;
}

async function load(
  url: string,
  file: string,
  connections: number,
  seconds: number,
): Promise<number> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', file, url];
  const wrk = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  wrk.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(wrk, 'close');
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  if (!(requests > 0) || /Non-2xx|Socket errors: connect \d+, read [1-9]/.test(text))
    throw new Error(text);
  return requests;
}

async function measure(
  fastPath: boolean,
  operation: keyof typeof BODIES,
  connections: number,
): Promise<string> {
  const server = await startHttpServer({
    address: '127.0.0.1:0',
    fastPath,
    handle: ({ target }) =>
      Promise.resolve({
        status: 200,
        body: target?.endsWith('PutItem') ? EMPTY : ITEM,
        error: undefined,
      }),
    random,
    log: (event, fields) => console.error(event, fields),
    onFatal: (error) => {
      throw error;
    },
  });
  const url = `http://${server.address}/`;
  const file = script(operation);
  await load(url, file, connections, 1);
  const start = process.cpuUsage();
  const requests = await load(url, file, connections, SECONDS);
  const { user, system } = process.cpuUsage(start);
  await server.close();
  const perRequest = (time: number) => (time / requests).toFixed(2);
  return `${perRequest(user + system)} µs a request (${perRequest(system)} of it in the kernel), ${Math.round(requests / SECONDS)} requests/s`;
}

for (const operation of ['PutItem', 'GetItem'] as const) {
  for (const connections of [16, 256]) {
    for (const fastPath of [true, false]) {
      const name = `${operation} at ${connections}, ${fastPath ? 'fast path' : 'node:http'}`;
      console.log(`${name.padEnd(26)} ${await measure(fastPath, operation, connections)}`);
    }
  }
}
rmSync(directory, { recursive: true });
