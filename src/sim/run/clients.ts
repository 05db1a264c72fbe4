import { SimRandom } from '../random.ts';
import type { World } from '../world.ts';
import { BulkClient } from './bulk-client.ts';
import type { Client } from './client.ts';
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
  readonly #readAtRest: () => Promise<unknown>;
  #running = 0;

  constructor(world: World, options: ClientsOptions) {
    const { seed, clients, operationsPerSecond, bulkPerSecond, tablesPerSecond } = options;
    const { keys, eventualOnceIn, partitionItems } = options;
    const histories = this.#histories;
    const requests = new Requests(world);
    this.#requests = requests;
    const layout = new Layout(partitionItems);
    const shared = { requests, histories, layout, keys, eventualOnceIn };
    const isWrong = (error: unknown) =>
      histories.isWrong(error instanceof Error ? error.message : String(error));
    const run = (name: string, client: Client, perSecond: number) => {
      const random = new SimRandom(seed, `client ${name}`);
      this.#running++;
      this.#run(client, random, 1000 / perSecond)
        .catch(isWrong)
        .finally(() => this.#running--);
    };
    for (let i = 1; i <= clients; i++) {
      run(`c${i}`, new SingleClient(`c${i}`, shared), operationsPerSecond / clients);
    }
    if (bulkPerSecond > 0) run('bulk', new BulkClient('bulk', shared), bulkPerSecond);
    if (tablesPerSecond > 0) {
      run('tables', new TableClient('tables', requests, histories), tablesPerSecond);
    }
    this.#readAtRest = () => {
      const names = Array.from({ length: READERS }, (_, i) => `reader ${i + 1}`);
      const read = (name: string) =>
        new SingleClient(name, shared).readAtRest(new SimRandom(seed, `client ${name}`));
      return Promise.all(names.map(read)).catch(isWrong);
    };
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
    await this.#readAtRest();
  }

  /** Of what clients saw, what should not be: in words. */
  faults(): string[] {
    return this.#histories.faults();
  }

  async #run(client: Client, random: SimRandom, pauseMs: number): Promise<void> {
    while (!this.#requests.isStopped) {
      await this.#requests.sleep(random.between(0, 2 * pauseMs));
      if (this.#requests.isStopped) return;
      await client.operate(random);
    }
  }
}
