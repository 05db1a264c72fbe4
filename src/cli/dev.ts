import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startCluster } from '../index.ts';
import { type LocalNode, layOut } from '../local-layout.ts';
import { styled } from './style.ts';

export interface DevOptions {
  readonly nodes: number;
  readonly port: number;
  readonly data: string;
  readonly memory?: boolean;
}

const READY_MS_MAX = 30_000;
const POLL_MS = 50;
const RESTART_MS = 1_000;
/** `flotilla dev`: one process a node, so that killing one shows what the cluster does. */
export async function dev(options: DevOptions): Promise<void> {
  if (options.memory) return devInMemory(options);
  const nodes = await layOut(options.nodes, options.port, options.data).catch(giveUp);
  say(`starting ${nodes.length} node${nodes.length > 1 ? 's' : ''}, data in ${options.data}`);
  const family = new Family(nodes);
  family.start();
  const stop = () => void family.stop().then(() => process.exit(family.failed ? 1 : 0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  if (!(await Promise.all(nodes.map(({ http }) => ready(http)))).every(Boolean)) {
    console.error(`flotilla: the cluster was not ready within ${READY_MS_MAX / 1000} seconds`);
    family.failed = true;
    stop();
    return;
  }
  welcome(nodes.map(({ http }) => http));
}

async function devInMemory(options: DevOptions): Promise<void> {
  say(`starting ${options.nodes} nodes in memory: nothing is kept`);
  const cluster = await startCluster({ nodes: options.nodes, port: options.port }).catch(giveUp);
  const stop = () => void cluster.stop().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  welcome(cluster.endpoints.map((url) => url.replace('http://', '')));
}

/** The processes of a local cluster. */
class Family {
  readonly #nodes: readonly LocalNode[];
  readonly #children = new Map<string, ChildProcess>();
  readonly #wasReady = new Set<string>();
  #stopping = false;
  failed = false;

  constructor(nodes: readonly LocalNode[]) {
    this.#nodes = nodes;
  }

  start(): void {
    for (const node of this.#nodes) this.#spawn(node);
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    say('stopping');
    const ends = [...this.#children.values()].map(
      (child) => new Promise<void>((resolve) => child.once('exit', () => resolve())),
    );
    for (const child of this.#children.values()) child.kill('SIGTERM');
    await Promise.all(ends);
  }

  #spawn(node: LocalNode): void {
    const list = this.#nodes.map(({ name, peer }) => `${name}=${peer}`).join(',');
    const program = fileURLToPath(new URL('./main.js', import.meta.url));
    const args = ['start', '--node', node.name, '--data', node.directory ?? ''];
    args.push('--http', node.http, '--peer', node.peer, '--initial-cluster', list);
    // A group of its own: Ctrl-C in the terminal reaches this process only, which stops the nodes in order.
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      detached: true,
    });
    this.#children.set(node.name, child);
    if (child.stderr) {
      createInterface({ input: child.stderr }).on('line', (line) => this.#show(node, line));
    }
    child.once('exit', (code, signal) => this.#onExit(node, code, signal));
  }

  #show(node: LocalNode, line: string): void {
    let message = line;
    try {
      const { level, msg, err } = JSON.parse(line) as {
        level: number;
        msg: string;
        err?: { message: string };
      };
      if (msg.startsWith('the DynamoDB API is on')) this.#wasReady.add(node.name);
      message = level > 30 && err ? `${msg}: ${err.message}` : msg;
    } catch {
      // Not a log line: what a node says when it cannot start.
    }
    say(`${styled('cyan', node.name)} ${message}`);
  }

  #onExit(node: LocalNode, code: number | null, signal: NodeJS.Signals | null): void {
    this.#children.delete(node.name);
    if (this.#stopping) return;
    if (!this.#wasReady.has(node.name)) {
      this.failed = true;
      void this.stop().then(() => process.exit(1));
      return;
    }
    say(`${styled('cyan', node.name)} ended with ${signal ?? code}; it is started again`);
    setTimeout(() => {
      if (!this.#stopping) this.#spawn(node);
    }, RESTART_MS);
  }
}

async function ready(http: string): Promise<boolean> {
  const until = performance.now() + READY_MS_MAX;
  while (performance.now() < until) {
    try {
      const answer = await fetch(`http://${http}/`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': 'DynamoDB_20120810.ListTables',
          authorization: 'AWS4-HMAC-SHA256 Credential=dev/19700101/local/dynamodb/aws4_request',
        },
        body: '{}',
        signal: AbortSignal.timeout(5_000),
      });
      if (answer.ok) return true;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}

function welcome(addresses: readonly string[]): void {
  const [first] = addresses;
  const endpoints = addresses.map((address) => `  http://${address}`).join('\n');
  console.log(`
${styled(['bold', 'green'], 'ready')}: the DynamoDB API, on any of
${endpoints}

Try it (any credentials do):

  AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=local \\
  aws dynamodb list-tables --endpoint-url http://${first}

or, without the AWS CLI:

  npx flotilla status --endpoint http://${first}

Ctrl-C stops the cluster.`);
}

function giveUp(error: unknown): never {
  console.error(`flotilla: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

function say(text: string): void {
  console.log(styled('dim', '· ') + text);
}
