// `npm run bench`: a three-node cluster on this machine, real processes on its disk, under load from wrk.
//
//   npm run bench -- [--seconds 5] [--connections 1,16,64,256] [--keys 100000] [--size 256] [--vs probe] [--rounds 1]
//
// `--vs probe` measures bench/probe in alternation in the same run and prints the ratio. wrk opens a third of the
// connections to each node, rounded down, so the column says how many it really opened.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '1,16,64,256' },
    keys: { type: 'string', default: '100000' },
    size: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '1' },
    actions: { type: 'string', default: 'put,get,get-any,mix' },
    vs: { type: 'string' },
    port: { type: 'string', default: '9200' },
  },
});
const NAMES = {
  put: 'writes',
  get: 'consistent reads',
  'get-any': 'eventually consistent reads',
  mix: '50/50 mix',
};
const LOAD = join(import.meta.dirname, 'load.lua');
const PROGRAM = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
const root = mkdtempSync(join(tmpdir(), 'flotilla-bench-'));
const children = [];

if (spawnSync('wrk', ['-v']).error) {
  console.error('wrk is needed: apt-get install wrk');
  process.exit(1);
}

function launch(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  // What a node says matters only when it fails.
  child.stderr.on('data', (text) => {
    if (/"level":[56]0/.test(text)) process.stderr.write(text);
  });
  children.push(child);
  return child;
}

async function api(port, operation, body) {
  const answer = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
    },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}

async function until(condition) {
  for (let tries = 0; tries < 400; tries++) {
    if (await condition().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the cluster did not become ready');
}

async function startFlotilla() {
  const base = Number(options.port);
  const list = [1, 2, 3].map((i) => `n${i}=127.0.0.1:${base + 100 + i}`).join(',');
  for (const i of [1, 2, 3]) {
    launch([
      PROGRAM,
      'start',
      ...['--node', `n${i}`, '--data', join(root, `n${i}`), '--initial-cluster', list],
      ...['--http', `127.0.0.1:${base + i}`, '--peer', `127.0.0.1:${base + 100 + i}`],
    ]);
  }
  const ports = [1, 2, 3].map((i) => base + i);
  for (const port of ports)
    await until(async () => (await api(port, 'ListTables', {})).status === 200);
  await api(ports[0], 'CreateTable', {
    TableName: 'bench',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
  await until(
    async () =>
      (await api(ports[0], 'DescribeTable', { TableName: 'bench' })).body.Table.TableStatus ===
      'ACTIVE',
  );
  return { name: 'flotilla', ports };
}

async function startProbe(front) {
  const base = Number(options.port) + (front === 'raw' ? 300 : 600);
  const probe = join(import.meta.dirname, 'probe', 'probe.mjs');
  const directory = mkdtempSync(join(root, 'probe-'));
  for (const i of [1, 2, 3]) launch([probe, String(i), front, directory, String(base)]);
  const ports = [1, 2, 3].map((i) => base + i);
  for (const port of ports) {
    await until(
      async () => (await api(port, 'GetItem', { Key: { pk: { S: 'x' } } })).status === 200,
    );
  }
  return { name: `probe, ${front}`, ports };
}

/** Writes every key once, over 64 connections. */
async function fill(target) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const value = 'x'.repeat(Number(options.size));
  let next = 0;
  const put = (key, port) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({
        TableName: 'bench',
        Item: { pk: { S: `key-${key}` }, v: { S: value } },
      });
      const headers = {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'DynamoDB_20120810.PutItem',
        'content-length': body.length,
      };
      const sent = request(
        { port, host: '127.0.0.1', method: 'POST', agent, headers },
        (answer) => {
          answer.resume();
          if (answer.statusCode !== 200)
            reject(new Error(`a put was answered ${answer.statusCode}`));
          answer.on('end', resolve);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  const work = Array.from({ length: 64 }, async (_, i) => {
    for (let key = next++; key < Number(options.keys); key = next++) {
      await put(key, target.ports[i % target.ports.length]);
    }
  });
  await Promise.all(work);
  agent.destroy();
}

function load(target, action, connections, seconds) {
  const threads = connections < 3 ? 1 : 3;
  const args = [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, '-s', LOAD, '--latency'];
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', [...args, `http://127.0.0.1:${target.ports[0]}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        ACTION: action,
        TABLE: 'bench',
        PORTS: target.ports.join(' '),
        KEYS: options.keys,
        SIZE: options.size,
      },
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('close', () => {
      const line = text.split('\n').find((one) => one.startsWith('RESULT '));
      if (!line) reject(new Error(`wrk said: ${text}`));
      else resolve(JSON.parse(line.slice('RESULT '.length)));
    });
  });
}

function row(cells) {
  console.log(
    cells.map((cell, i) => (i < 2 ? String(cell).padEnd(30) : String(cell).padStart(12))).join(''),
  );
}

try {
  const targets = [await startFlotilla()];
  if (options.vs === 'probe') targets.push(await startProbe('raw'), await startProbe('http'));
  else if (options.vs !== undefined) throw new Error(`--vs ${options.vs} is not known`);
  for (const target of targets) {
    const started = performance.now();
    await fill(target);
    const seconds = (performance.now() - started) / 1000;
    console.log(`${target.name}: ${options.keys} keys written in ${seconds.toFixed(1)} s`);
  }
  console.log(
    `\n${options.size}-byte values, ${options.keys} keys, ${options.seconds} s each, ${cpus().length} cores (${cpus()[0].model}), Node ${process.version}\n`,
  );
  row(['work', 'system', 'connections', 'ops/s', 'p50 ms', 'p99 ms', 'errors']);
  for (const action of options.actions.split(',')) {
    for (const text of options.connections.split(',')) {
      const connections = Number(text);
      const opened = connections < 3 ? connections : Math.floor(connections / 3) * 3;
      const rates = new Map(targets.map((target) => [target.name, []]));
      for (let round = 0; round < Number(options.rounds); round++) {
        for (const target of targets) {
          const { requests, seconds, p50, p99, errors } = await load(
            target,
            action,
            connections,
            Number(options.seconds),
          );
          const rate = requests / seconds;
          rates.get(target.name).push(rate);
          row([
            NAMES[action],
            target.name,
            opened,
            rate.toFixed(0),
            p50.toFixed(2),
            p99.toFixed(2),
            errors,
          ]);
        }
      }
      const mean = ([...all]) => all.reduce((sum, rate) => sum + rate, 0) / all.length;
      for (const { name } of targets.slice(1)) {
        const ratio = mean(rates.get('flotilla')) / mean(rates.get(name));
        row([`  ${NAMES[action]}`, `flotilla / ${name}`, opened, ratio.toFixed(2)]);
      }
    }
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
}
