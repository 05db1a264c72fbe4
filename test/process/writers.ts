import http from 'node:http';
import { type ClusterNode, call } from './processes.ts';

export interface WriterReport {
  /** Keys of acknowledged writes with their values. */
  readonly acknowledged: Map<string, string>;
  /** The longest time that one connection went without a success, in milliseconds; connections to `excluded` apart. */
  readonly longestGapMs: number;
  readonly failures: number;
}

interface Writer {
  readonly node: ClusterNode;
  lastSuccess: number;
  longestGap: number;
}

/** Connections that each write one key after the other, a third of them to each node, until they are stopped. */
export class Writers {
  readonly #table: string;
  readonly #writers: Writer[];
  readonly #agents: http.Agent[] = [];
  readonly #acknowledged = new Map<string, string>();
  readonly #loops: Promise<void>[];
  #failures = 0;
  #stopped = false;

  constructor(nodes: readonly ClusterNode[], table: string, connections: number, prefix: string) {
    this.#table = table;
    const now = performance.now();
    this.#writers = Array.from({ length: connections }, (_, i) => ({
      node: nodes[i % nodes.length] as ClusterNode,
      lastSuccess: now,
      longestGap: 0,
    }));
    this.#loops = this.#writers.map((writer, i) => this.#run(writer, `${prefix}-${i}`));
  }

  get count(): number {
    return this.#acknowledged.size;
  }

  /** `excluded`: its connections are not counted in the gaps, since nobody serves them while it is away. */
  async stop(excluded?: ClusterNode): Promise<WriterReport> {
    this.#stopped = true;
    const now = performance.now();
    for (const writer of this.#writers) this.#note(writer, now);
    for (const agent of this.#agents) agent.destroy();
    await Promise.all(this.#loops);
    const counted = this.#writers.filter(({ node }) => node !== excluded);
    return {
      acknowledged: this.#acknowledged,
      longestGapMs: Math.max(...counted.map(({ longestGap }) => longestGap)),
      failures: this.#failures,
    };
  }

  #note(writer: Writer, now: number): void {
    writer.longestGap = Math.max(writer.longestGap, now - writer.lastSuccess);
    writer.lastSuccess = now;
  }

  async #run(writer: Writer, prefix: string): Promise<void> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.#agents.push(agent);
    for (let n = 0; !this.#stopped; n++) {
      const key = `${prefix}-${n}`;
      const value = `${n} ${'x'.repeat(200)}`;
      const Item = { pk: { S: key }, v: { S: value } };
      try {
        const { status } = await call(
          writer.node.httpPort,
          'PutItem',
          { TableName: this.#table, Item },
          agent,
        );
        if (status !== 200) throw new Error(`status ${status}`);
        this.#acknowledged.set(key, value);
        if (!this.#stopped) this.#note(writer, performance.now());
      } catch {
        if (this.#stopped) return;
        this.#failures++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}
