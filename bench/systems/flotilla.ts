import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { launch } from '../processes.ts';
import type { Settings } from '../settings.ts';
import { DynamoDbSystem } from './dynamodb-system.ts';

export const NODES = [1, 2, 3];
/** Peers use the API's port and this. */
const PEER = 100;

export interface FlotillaOptions {
  readonly name: string;
  /** A built source tree. */
  readonly tree: string;
  /** Uses firstPort + 1 … + 3 and + 101 … + 103. */
  readonly firstPort: number;
  /** Options for node before the program. */
  readonly nodeOptions?: readonly string[];
}

export interface Flotilla {
  readonly system: DynamoDbSystem;
  readonly nodes: readonly ChildProcess[];
}

/** Three processes, each with its data in a directory of its own, and the table. */
export async function startFlotilla(
  settings: Settings,
  { name, tree, firstPort, nodeOptions = [] }: FlotillaOptions,
): Promise<Flotilla> {
  const nodes = NODES.map((i) =>
    launchNode(`${name} n${i}`, tree, nodeOptions, argumentsOf(i, settings.directory, firstPort)),
  );
  const ports = NODES.map((i) => firstPort + i);
  const system = new DynamoDbSystem(name, settings, ports, nodes);
  await system.ready('ListTables', {});
  await system.createTable();
  return { system, nodes };
}

/** Where node `i` (from 1 on) of a cluster keeps its data. */
export function dataOf(i: number, directory: string, firstPort: number): string {
  return join(directory, `${firstPort}-n${i}`);
}

/** The command line of node `i` (from 1 on): those of NODES form a cluster, later ones join it. */
export function argumentsOf(i: number, directory: string, firstPort: number): string[] {
  const addressOf = (n: number) => `127.0.0.1:${firstPort + PEER + n}`;
  const first = NODES.map((n) => `n${n}=${addressOf(n)}`);
  return [
    'start',
    ...['--node', `n${i}`, '--data', dataOf(i, directory, firstPort)],
    ...['--http', `127.0.0.1:${firstPort + i}`, '--peer', addressOf(i)],
    ...(NODES.includes(i)
      ? ['--initial-cluster', first.join(',')]
      : ['--join', NODES.map(addressOf).join(',')]),
  ];
}

/** One process that keeps everything in memory. */
export async function startFlotillaInMemory(
  settings: Settings,
  { name, tree, firstPort }: FlotillaOptions,
): Promise<DynamoDbSystem> {
  const port = firstPort + 1;
  const args = ['dev', '--nodes', '1', '--memory', '--port', String(port)];
  const system = new DynamoDbSystem(name, settings, [port], [launchNode(name, tree, [], args)]);
  await system.ready('ListTables', {});
  await system.createTable();
  return system;
}

/** A node runs until it is stopped; if it ends before, the run does. */
export function launchNode(
  name: string,
  tree: string,
  nodeOptions: readonly string[],
  args: readonly string[],
): ChildProcess {
  const program = join(tree, 'dist', 'cli', 'main.js');
  const node = launch(name, process.execPath, [...nodeOptions, program, ...args]);
  // What a node says matters only when something fails: pino's error and fatal.
  node.stderr?.on('data', (text: string) => {
    if (/"level":[56]0/.test(text)) process.stderr.write(text);
  });
  return node;
}
