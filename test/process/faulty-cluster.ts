import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Fault } from './faulty-node.ts';
import { type ClusterNode, ProcessCluster, until } from './processes.ts';
import { Writers } from './writers.ts';

// Only this one file is TypeScript. As a loader of all modules tsx makes a node take more than twice the time to start.
const LOADER = createRequire(import.meta.url).resolve('tsx/cjs/api');
const PROGRAM = fileURLToPath(new URL('./faulty-node.ts', import.meta.url));
const [loader, program] = [LOADER, PROGRAM].map((path) => JSON.stringify(path));
const FAULTY = [process.execPath, '--eval', `require(${loader}).require(${program}, ${program})`];
const TABLE = 'loads';

/** Three nodes on real processes, the first of which takes faults. */
export class FaultyCluster {
  readonly cluster: ProcessCluster;
  readonly victim: ClusterNode;

  private constructor(cluster: ProcessCluster) {
    this.cluster = cluster;
    this.victim = cluster.nodes[0] as ClusterNode;
  }

  static async start(): Promise<FaultyCluster> {
    const cluster = await ProcessCluster.create();
    const faulty = new FaultyCluster(cluster);
    faulty.startVictim();
    for (const node of cluster.nodes.slice(1)) cluster.startNode(node);
    await cluster.ready();
    await cluster.createTable(TABLE);
    return faulty;
  }

  /** Connections that write, and do so already. */
  async load(prefix: string): Promise<Writers> {
    const writers = new Writers(this.cluster.nodes, TABLE, 24, prefix);
    await goesOn(writers);
    return writers;
  }

  startVictim(): void {
    this.cluster.startNode(this.victim, undefined, FAULTY);
  }

  inject(fault: Fault): void {
    this.cluster.process(this.victim).child.send(fault);
  }

  /** Every acknowledged write is there, read through every node. */
  async expectAll(acknowledged: ReadonlyMap<string, string>): Promise<void> {
    for (const node of this.cluster.nodes) {
      expect(await this.cluster.lost(node, TABLE, acknowledged)).toEqual([]);
    }
  }
}

export async function goesOn(writers: Writers, more = 500): Promise<void> {
  const before = writers.count;
  await until('writes go on', () => writers.count > before + more, 60_000);
}
