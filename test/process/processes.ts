import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const POLL_MS = 20;

/** Waits for a condition, and says what it waited for when it does not come true in time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * Below those that the system gives to outgoing connections, and for each worker of the tests a part of them: nobody else takes a port
 * before its node does.
 */
const FIRST_PORT = 10_000;
const PORTS_OF_A_WORKER = 5_000;
const WORKERS = 4;
const worker = Number(process.env['VITEST_POOL_ID'] ?? 1) % WORKERS;
let lastPort = randomInt(PORTS_OF_A_WORKER);

/** So many ports in a row that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    lastPort = (lastPort + 1) % PORTS_OF_A_WORKER;
    const port = FIRST_PORT + worker * PORTS_OF_A_WORKER + lastPort;
    if (found.length > 0 && found.at(-1) !== port - 1) found.length = 0;
    if (await isFree(port)) found.push(port);
    else found.length = 0;
  }
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One process of the command line. */
export class FlotillaProcess {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = '';
  stderr = '';

  /** `program`: in place of the product's own; it may be sent messages. */
  constructor(args: readonly string[], program?: readonly string[]) {
    const [command, ...first] = (program ?? [process.execPath, PROGRAM]) as [string, ...string[]];
    this.child = spawn(command, [...first, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', ...(program ? ['ipc' as const] : [])],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.finished = new Promise((resolve) => {
      this.child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async end(signal: NodeJS.Signals): Promise<Finished> {
    this.child.kill(signal);
    return this.finished;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** One call of the API over a connection of the agent. Rejects when there is no answer. */
export function call(
  port: number,
  operation: string,
  parameters: unknown,
  agent?: http.Agent,
  timeoutMs = 15_000,
): Promise<Answer> {
  const body = typeof parameters === 'string' ? parameters : JSON.stringify(parameters);
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        method: 'POST',
        agent,
        timeout: timeoutMs,
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': `DynamoDB_20120810.${operation}`,
          authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/local/dynamodb/aws4_request',
          'content-length': Buffer.byteLength(body),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          try {
            const parsed = JSON.parse(text) as Record<string, unknown>;
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
          } catch {
            reject(new Error(`not JSON: ${text.slice(0, 200)}`));
          }
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('timed out')));
    request.on('error', reject);
    request.end(body);
  });
}

export interface ClusterNode {
  readonly name: string;
  readonly httpPort: number;
  readonly peerPort: number;
  readonly directory: string;
}

/** Real processes on loopback ports, each with a data directory of its own. */
export class ProcessCluster {
  readonly nodes: readonly ClusterNode[];
  /** More of each node's command line. */
  nodeArguments: readonly string[] = [];
  readonly #root: string;
  readonly #processes = new Map<string, FlotillaProcess>();

  private constructor(root: string, nodes: readonly ClusterNode[]) {
    this.#root = root;
    this.nodes = nodes;
  }

  static async create(count = 3): Promise<ProcessCluster> {
    const root = await mkdtemp(join(tmpdir(), 'flotilla-test-'));
    const ports = await freePorts(2 * count);
    const nodes = Array.from({ length: count }, (_, i) => ({
      name: `n${i + 1}`,
      httpPort: ports[i] as number,
      peerPort: ports[count + i] as number,
      directory: join(root, `n${i + 1}`),
    }));
    return new ProcessCluster(root, nodes);
  }

  static async start(count = 3, nodeArguments: readonly string[] = []): Promise<ProcessCluster> {
    const cluster = await ProcessCluster.create(count);
    cluster.nodeArguments = nodeArguments;
    for (const node of cluster.nodes) cluster.startNode(node);
    await cluster.ready();
    return cluster;
  }

  get initialCluster(): string {
    return this.nodes.map(({ name, peerPort }) => `${name}=127.0.0.1:${peerPort}`).join(',');
  }

  argumentsOf(node: ClusterNode, list = this.initialCluster): string[] {
    return [
      'start',
      ...['--node', node.name, '--data', node.directory],
      ...['--http', `127.0.0.1:${node.httpPort}`, '--peer', `127.0.0.1:${node.peerPort}`],
      ...(list === '' ? [] : ['--initial-cluster', list]),
      ...this.nodeArguments,
    ];
  }

  startNode(node: ClusterNode, list?: string, program?: readonly string[]): FlotillaProcess {
    const started = new FlotillaProcess(this.argumentsOf(node, list), program);
    this.#processes.set(node.name, started);
    return started;
  }

  process(node: ClusterNode): FlotillaProcess {
    const found = this.#processes.get(node.name);
    if (!found) throw new Error(`${node.name} was not started`);
    return found;
  }

  /** Every node, or those given, answers ListTables with 200. */
  async ready(nodes: readonly ClusterNode[] = this.nodes, limitMs = 20_000): Promise<void> {
    for (const node of nodes) {
      await until(
        `${node.name} is ready; it said: ${this.process(node).stderr.slice(-2000)}`,
        () =>
          call(node.httpPort, 'ListTables', {}).then(
            ({ status }) => status === 200,
            () => false,
          ),
        limitMs,
      );
    }
  }

  async createTable(name: string, sortKey = false): Promise<void> {
    const [first] = this.nodes as [ClusterNode];
    const created = await call(first.httpPort, 'CreateTable', {
      TableName: name,
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        ...(sortKey ? [{ AttributeName: 'sk', AttributeType: 'S' }] : []),
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        ...(sortKey ? [{ AttributeName: 'sk', KeyType: 'RANGE' }] : []),
      ],
      BillingMode: 'PAY_PER_REQUEST',
    });
    if (created.status !== 200) throw new Error(JSON.stringify(created.body));
    await until(`table ${name} is active`, async () => {
      const { body } = await call(first.httpPort, 'DescribeTable', { TableName: name });
      return (body['Table'] as { TableStatus: string }).TableStatus === 'ACTIVE';
    });
  }

  /** Keys of writes that were acknowledged and are not there as they were written, read through the node. */
  async lost(
    node: ClusterNode,
    table: string,
    acknowledged: ReadonlyMap<string, string>,
  ): Promise<string[]> {
    const found = await this.scan(node, table);
    const value = (key: string) => (found.get(key)?.['v'] as { S: string } | undefined)?.S;
    return [...acknowledged].filter(([key, wanted]) => value(key) !== wanted).map(([key]) => key);
  }

  /** All items of a table by a consistent Scan through one node, by their `pk`. */
  async scan(node: ClusterNode, table: string): Promise<Map<string, Record<string, unknown>>> {
    const found = new Map<string, Record<string, unknown>>();
    let start: unknown;
    do {
      const { status, body } = await call(node.httpPort, 'Scan', {
        TableName: table,
        ConsistentRead: true,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      });
      if (status !== 200) throw new Error(JSON.stringify(body));
      for (const item of body['Items'] as Record<string, { S: string }>[]) {
        found.set(item['pk']?.S ?? '', item);
      }
      start = body['LastEvaluatedKey'];
    } while (start !== undefined);
    return found;
  }

  /** Ends what still runs and deletes the data. */
  async stop(): Promise<void> {
    const running = [...this.#processes.values()].filter((one) => one.isRunning);
    for (const one of running) {
      one.child.kill('SIGCONT');
      one.child.kill('SIGKILL');
    }
    await Promise.all(running.map((one) => one.finished));
    await rm(this.#root, { recursive: true, force: true });
  }
}
