import { Acknowledged } from '../../bench/soak/load/acknowledged.ts';
import type { Keys, Pace, Second, Work } from '../../bench/soak/load/load.ts';
import { Loader } from '../../bench/soak/load/loader.ts';
import { type Summary, summaryOf } from '../../bench/soak/load/summary.ts';
import { type ClusterNode, until } from './processes.ts';

export interface Clients {
  readonly nodes: readonly ClusterNode[];
  readonly connections: number;
  readonly work: Work;
  readonly keys: Keys;
  readonly pace: Pace;
}

/** A load of the benchmark's generator, in the process of the test. */
export class TestLoad {
  readonly seconds: Second[] = [];
  readonly acknowledged: Acknowledged;
  readonly #loader: Loader;

  /** `acknowledged`: of an earlier load, whose keys this one reads, or adds to. */
  constructor(table: string, clients: Clients, acknowledged = new Acknowledged()) {
    const { nodes, ...rest } = clients;
    const ports = nodes.map(({ httpPort }) => httpPort);
    this.acknowledged = acknowledged;
    const load = { table, ports, valueBytes: 256, ...rest };
    this.#loader = new Loader(load, acknowledged, (second) => this.seconds.push(second));
  }

  get ended(): Promise<void> {
    return this.#loader.ended;
  }

  /** Resolves when it has run for that many seconds more. */
  async go(seconds: number): Promise<Summary> {
    const from = this.seconds.length;
    await until(`the load runs for ${seconds} s`, () => this.seconds.length >= from + seconds);
    return summaryOf(this.seconds.slice(from), this.seconds[from - 1]?.atMs);
  }

  mark(): void {
    this.#loader.mark();
  }

  stop(): Promise<void> {
    return this.#loader.stop();
  }
}
