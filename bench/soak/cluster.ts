import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stop } from '../processes.ts';
import type { Settings } from '../settings.ts';
import { DynamoDbSystem } from '../systems/dynamodb-system.ts';
import { argumentsOf, dataOf, launchNode, NODES } from '../systems/flotilla.ts';
import { until } from '../systems/system.ts';
import { ask } from './client.ts';

const CAUGHT_UP = /group \d+ caught up by a snapshot/;

export interface SoakNode {
  readonly name: string;
  readonly port: number;
  readonly directory: string;
}

interface Replica {
  readonly id: number;
  readonly leader: string;
  readonly lag: Readonly<Record<string, number | null>>;
}

/** What is read of `flotilla status --json`. */
interface Status {
  readonly groups: readonly Replica[];
}

/** Three node processes that can be killed and started again. */
export class SoakCluster {
  readonly nodes: readonly SoakNode[];
  readonly #settings: Settings;
  readonly #tree: string;
  readonly #firstPort: number;
  readonly #nodeArguments: readonly string[];
  readonly #processes = new Map<SoakNode, ChildProcess>();
  readonly #installed = new Map<SoakNode, number>();

  private constructor(
    settings: Settings,
    tree: string,
    firstPort: number,
    nodeArguments: readonly string[],
  ) {
    this.#settings = settings;
    this.#tree = tree;
    this.#firstPort = firstPort;
    this.#nodeArguments = nodeArguments;
    this.nodes = NODES.map((i) => ({
      name: `n${i}`,
      port: firstPort + i,
      directory: dataOf(i, settings.directory, firstPort),
    }));
  }

  /** Starts them and makes the table of the settings. */
  static async start(
    settings: Settings,
    tree: string,
    firstPort: number,
    nodeArguments: readonly string[],
  ): Promise<SoakCluster> {
    const cluster = new SoakCluster(settings, tree, firstPort, nodeArguments);
    for (const node of cluster.nodes) cluster.startNode(node);
    const children = cluster.nodes.map((node) => cluster.#processOf(node));
    const system = new DynamoDbSystem('flotilla', settings, cluster.ports, children);
    await system.ready('ListTables', {});
    await system.createTable();
    return cluster;
  }

  get ports(): number[] {
    return this.nodes.map(({ port }) => port);
  }

  pidOf(node: SoakNode): number {
    return this.#processOf(node).pid ?? 0;
  }

  startNode(node: SoakNode): void {
    const i = this.nodes.indexOf(node) + 1;
    const args = argumentsOf(i, this.#settings.directory, this.#firstPort);
    const all = [...args, ...this.#nodeArguments];
    const child = launchNode(`flotilla ${node.name}`, this.#tree, [], all);
    this.#processes.set(node, child);
    this.#installed.set(node, 0);
    if (!child.stderr) throw new Error('what a node says must be readable');
    createInterface(child.stderr).on('line', (line) => {
      if (CAUGHT_UP.test(line)) this.#installed.set(node, this.snapshotsOf(node) + 1);
      const message = /"msg":"(.*)"\}$/.exec(line)?.[1] ?? line;
      process.stderr.write(`${node.name}: ${message}\n`);
    });
  }

  /** SIGKILL. */
  async kill(...nodes: readonly SoakNode[]): Promise<void> {
    await Promise.all(nodes.map((node) => stop(this.#processOf(node), 'SIGKILL')));
  }

  /** How many snapshots a node says to have installed since it was started. */
  snapshotsOf(node: SoakNode): number {
    return this.#installed.get(node) ?? 0;
  }

  /** Resolves when the node answers ListTables with 200. */
  async ready(node: SoakNode): Promise<void> {
    await until(`${node.name} answers`, async () => {
      return (await ask(node.port, 'ListTables', {})).status === 200;
    });
  }

  /**
   * By how many entries a node's replica is behind its leader's commit index, the most of all groups; infinite while a group has no
   * leader or the node does not answer.
   */
  async lagOf(node: SoakNode, through: SoakNode): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${through.port}/_flotilla/status`);
    const { groups } = (await answer.json()) as Status;
    const lags = groups.map(({ leader, lag }) =>
      leader === '' ? Number.POSITIVE_INFINITY : (lag[node.name] ?? Number.POSITIVE_INFINITY),
    );
    return Math.max(...lags);
  }

  #processOf(node: SoakNode): ChildProcess {
    const child = this.#processes.get(node);
    if (!child) throw new Error(`${node.name} was never started`);
    return child;
  }
}
