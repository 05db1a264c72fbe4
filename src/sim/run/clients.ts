import { SimRandom } from '../random.ts';
import type { World } from '../world.ts';
import { BulkClient } from './bulk-client.ts';
import type { Client, Shared } from './client.ts';
import { Histories } from './histories.ts';
import { Layout } from './items.ts';
import { Requests } from './requests.ts';
import { SingleClient } from './single-client.ts';
import { TableClient } from './table-client.ts';

export interface ClientsOptions {
  readonly seed: number;
  readonly clients: number;
  /** Of all clients together, as far as they are answered in time. */
  readonly operationsPerSecond: number;
  /** See {@link Shared}. */
  readonly keys: number;
  readonly eventualOnceIn: number;
  /** See {@link Layout}. */
  readonly partitionItems: number;
  /** Operations of another client, on many items at once. 0: there is none. */
  readonly bulkPerSecond: number;
  /** Tables that another client makes, fills and deletes. 0: there is none. */
  readonly tablesPerSecond: number;
}

/** How many look at everything when all has come to rest: each may reach another replica. */
const READERS = 3;

/** Clients of the DynamoDB API on all nodes of a world. What they saw must be linearizable (D1, S1). */
export class Clients {
  readonly #requests: Requests;
  readonly #histories = new Histories();
  readonly #seed: number;
  readonly #shared: Shared;
  #running = 0;

  constructor(world: World, options: ClientsOptions) {
    const { seed, clients, operationsPerSecond, bulkPerSecond, tablesPerSecond } = options;
    const { keys, eventualOnceIn, partitionItems } = options;
    const requests = new Requests(world);
    this.#requests = requests;
    const histories = this.#histories;
    const layout = new Layout(partitionItems);
    const shared = { requests, histories, layout, keys, eventualOnceIn };
    this.#shared = shared;
    this.#seed = seed;
    const run = (name: string, client: Client, perSecond: number) => {
      this.#running++;
      this.#run(client, this.#randomOf(name), 1000 / perSecond)
        .catch((error: unknown) => this.#isWrong(error))
        .finally(() => this.#running--);
    };
    for (let i = 1; i <= clients; i++) {
      run(`c${i}`, new SingleClient(`c${i}`, shared), operationsPerSecond / clients);
    }
    if (bulkPerSecond > 0) run('bulk', new BulkClient('bulk', shared), bulkPerSecond);
    if (tablesPerSecond > 0) {
      run('tables', new TableClient('tables', requests, histories), tablesPerSecond);
    }
  }

  /** How tries of requests ended. */
  get outcomes(): ReadonlyMap<string, number> {
    return this.#requests.outcomes;
  }

  /** How many requests were answered, by operation. */
  get answered(): ReadonlyMap<string, number> {
    return this.#requests.answered;
  }

  get successes(): number {
    return this.outcomes.get('answered') ?? 0;
  }

  /** Ends every client once it has its last answer; `isIdle` then. */
  stop(): void {
    this.#requests.stop();
  }

  get isIdle(): boolean {
    return this.#running === 0;
  }

  /** Once clients and nodes have come to rest: any replica has to answer with what there is (D1). */
  async readAtRest(): Promise<void> {
    const names = Array.from({ length: READERS }, (_, i) => `reader ${i + 1}`);
    const read = (name: string) =>
      new SingleClient(name, this.#shared).readAtRest(this.#randomOf(name));
    await Promise.all(names.map(read)).catch((error: unknown) => this.#isWrong(error));
  }

  /** Of what clients saw, what should not be: in words. */
  faults(): string[] {
    return this.#histories.faults();
  }

  #randomOf(name: string): SimRandom {
    return new SimRandom(this.#seed, `client ${name}`);
  }

  #isWrong(error: unknown): void {
    this.#histories.isWrong(error instanceof Error ? error.message : String(error));
  }

  async #run(client: Client, random: SimRandom, pauseMs: number): Promise<void> {
    while (!this.#requests.isStopped) {
      await this.#requests.sleep(random.between(0, 2 * pauseMs));
      if (this.#requests.isStopped) return;
      await client.operate(random);
    }
  }
}
