import type { ChildProcess } from 'node:child_process';
import { Agent, request } from 'node:http';
import type { Figures } from '../load/figures.ts';
import { loadByWrk } from '../load/wrk.ts';
import type { Settings } from '../settings.ts';
import type { Action } from '../work.ts';
import { type System, until } from './system.ts';

const FILL_CONNECTIONS = 64;

/** The same headers as wrk.lua sends. */
function headersOf(operation: string, body: string) {
  return {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
    'x-amz-target': `DynamoDB_20120810.${operation}`,
    'x-amz-date': '20260101T000000Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=bench/20260101/local/dynamodb/aws4_request, ' +
      `SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}`,
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function ask(agent: Agent, port: number, operation: string, content: unknown): Promise<Answer> {
  const body = JSON.stringify(content);
  const headers = headersOf(operation, body);
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method: 'POST', agent, headers };
    const sent = request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A system with the DynamoDB API, one port a node: loaded by wrk, a third of the connections on each of three nodes. */
export class DynamoDbSystem implements System {
  readonly name: string;
  readonly pids: readonly number[];
  readonly isFrozenBetween: boolean;
  readonly #settings: Settings;
  readonly #ports: readonly number[];

  constructor(
    name: string,
    settings: Settings,
    ports: readonly number[],
    processes: readonly ChildProcess[],
    { isFrozenBetween = false } = {},
  ) {
    this.name = name;
    this.#settings = settings;
    this.#ports = ports;
    this.isFrozenBetween = isFrozenBetween;
    this.pids = processes.map(({ pid }) => pid ?? 0);
  }

  /** Waits until every node answers `operation`. */
  async ready(operation: string, content: unknown): Promise<void> {
    for (const port of this.#ports) {
      await until(`${this.name} answers on port ${port}`, async () => {
        return (await this.#once(port, operation, content)).status === 200;
      });
    }
  }

  /** Makes the table of the settings, and waits until it can be used. */
  async createTable(): Promise<void> {
    const [port = 0] = this.#ports;
    const { table } = this.#settings;
    const made = await this.#once(port, 'CreateTable', {
      TableName: table,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    });
    if (made.status !== 200) throw new Error(`${this.name} made no table: ${made.text}`);
    await until(`${this.name} has the table`, async () => {
      const { text } = await this.#once(port, 'DescribeTable', { TableName: table });
      return /"TableStatus":"ACTIVE"/.test(text);
    });
  }

  async fill(): Promise<void> {
    const { table, keys, valueBytes } = this.#settings;
    const agent = new Agent({ keepAlive: true, maxSockets: FILL_CONNECTIONS });
    const v = { S: 'x'.repeat(valueBytes) };
    let next = 0;
    const work = async (port: number) => {
      for (let key = next++; key < keys; key = next++) {
        const content = { TableName: table, Item: { pk: { S: `key-${key}` }, v } };
        const { status, text } = await ask(agent, port, 'PutItem', content);
        if (status !== 200) throw new Error(`${this.name} answered a put ${status}: ${text}`);
      }
    };
    const ports = this.#ports;
    const workers = Array.from({ length: FILL_CONNECTIONS }, (_, i) =>
      work(ports[i % ports.length] ?? 0),
    );
    await Promise.all(workers).finally(() => agent.destroy());
  }

  load(action: Action, connections: number, seconds: number): Promise<Figures> {
    return loadByWrk(this.#settings, this.#ports, action, connections, seconds);
  }

  async #once(port: number, operation: string, content: unknown): Promise<Answer> {
    const agent = new Agent();
    return ask(agent, port, operation, content).finally(() => agent.destroy());
  }
}
