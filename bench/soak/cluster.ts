import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ClusterStatus } from '../../src/node/index.ts';
import { mayEnd, stop } from '../processes.ts';
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

/** Three node processes that can be killed and started again, and others that join them. */
export class SoakCluster {
  readonly #nodes: SoakNode[];
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
    this.#nodes = NODES.map((i) => this.#nodeOf(i));
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

  /** Those that have ended for good included. */
  get nodes(): readonly SoakNode[] {
    return this.#nodes;
  }

  get ports(): number[] {
    return this.nodes.map(({ port }) => port);
  }

  pidOf(node: SoakNode): number {
    return this.#processOf(node).pid ?? 0;
  }

  startNode(node: SoakNode): void {
    const args = argumentsOf(
      this.#nodes.indexOf(node) + 1,
      this.#settings.directory,
      this.#firstPort,
    );
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

  /** Starts one more node, with an empty directory. */
  join(): SoakNode {
    const node = this.#nodeOf(this.#nodes.length + 1);
    this.#nodes.push(node);
    this.startNode(node);
    return node;
  }

  /** SIGTERM. */
  async terminate(node: SoakNode): Promise<void> {
    await stop(this.#processOf(node));
  }

  /** The node may end by itself from now on. */
  mayEnd(node: SoakNode): void {
    mayEnd(this.#processOf(node));
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
    const { groups } = await this.statusBy(through);
    const lags = groups.map(({ leader, lag }) =>
      leader === '' ? Number.POSITIVE_INFINITY : (lag[node.name] ?? Number.POSITIVE_INFINITY),
    );
    return Math.max(...lags);
  }

  /** What `flotilla status --json` prints, as one node sees it. */
  async statusBy(node: SoakNode): Promise<ClusterStatus> {
    const answer = await fetch(`http://127.0.0.1:${node.port}/_flotilla/status`);
    return (await answer.json()) as ClusterStatus;
  }

  #nodeOf(i: number): SoakNode {
    const directory = dataOf(i, this.#settings.directory, this.#firstPort);
    return { name: `n${i}`, port: this.#firstPort + i, directory };
  }

  #processOf(node: SoakNode): ChildProcess {
    const child = this.#processes.get(node);
    if (!child) throw new Error(`${node.name} was never started`);
    return child;
  }
}
