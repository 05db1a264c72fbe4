import type { Table } from '../../src/controller/index.ts';
import {
  checkLinearizable,
  type Operation,
  REGISTER,
  type RegisterInput,
  SimRandom,
  type World,
} from '../../src/sim/index.ts';
import { add, get, put } from './world.ts';

/** A client gives up a request whose node died under it. Longer than any router tries. */
const CLIENT_TIMEOUT_MS = 9_000;

export interface WorkloadOptions {
  readonly seed: number;
  readonly keys?: number;
  readonly clientsPerNode?: number;
  /** Milliseconds between two operations of a client. */
  readonly thinkMs?: readonly [min: number, max: number];
  /** Reads are consistent unless told. */
  readonly consistent?: boolean;
}

/** Clients on every node of a world that write, read and count, and the history of what they saw. */
export class Workload {
  readonly history = new Map<string, Operation<RegisterInput, string>[]>();
  /** Results of counting, by key. */
  readonly counted = new Map<string, number[]>();
  /** Additions of which nobody knows whether they took effect. */
  readonly uncertain = new Map<string, number>();
  /** How operations ended. */
  readonly outcomes = new Map<string, number>();
  readonly #world: World;
  readonly #table: Table;
  readonly #options: WorkloadOptions;
  #next = 1;
  #running = 0;
  #stopped = false;
  /** When the last operation succeeded, and the longest time without one. */
  #lastSuccessAt: number;
  longestGapMs = 0;
  /** How long the slowest operation took, by node. */
  readonly #slowest = new Map<string, number>();

  constructor(world: World, table: Table, options: WorkloadOptions) {
    this.#world = world;
    this.#table = table;
    this.#options = options;
    this.#lastSuccessAt = world.time.now;
    for (const { name } of world.machines) {
      for (let i = 0; i < (options.clientsPerNode ?? 1); i++)
        void this.#client(`${name}/${i}`, name);
    }
  }

  /** Ends every client and waits for the last answers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#world.until(() => this.#running === 0);
  }

  /** What contradicts the promises, in words. */
  async faults(): Promise<string[]> {
    const faults: string[] = [];
    for (const [key, operations] of this.history) {
      const result = checkLinearizable(REGISTER, operations);
      if (result.kind === 'linearizable') continue;
      const why = result.kind === 'illegal' ? result.window : 'too many states to tell';
      faults.push(`the history of ${key} is not linearizable:\n${why}`);
    }
    const router = this.#world.machines.find(({ router }) => router)?.router;
    if (!router) return ['no node is left'];
    for (const [key, results] of this.counted) {
      if (new Set(results).size !== results.length) faults.push(`${key} counted twice`);
      const final = Number(await this.#world.settle(get(router, this.#table, key)));
      const most = results.length + (this.uncertain.get(key) ?? 0);
      if (final < results.length || final > most || final < Math.max(...results)) {
        faults.push(`${key} is ${final}, after ${results.length} to ${most} additions`);
      }
    }
    return faults;
  }

  /** Milliseconds that the slowest operation of any client of these nodes took. */
  slowestOf(nodes: readonly string[]): number {
    return Math.max(...nodes.map((node) => this.#slowest.get(node) ?? 0));
  }

  get successes(): number {
    return this.outcomes.get('success') ?? 0;
  }

  async #client(id: string, node: string): Promise<void> {
    const { seed, keys = 4, thinkMs = [5, 30], consistent = true } = this.#options;
    const random = new SimRandom(seed, `client ${id}`);
    const world = this.#world;
    this.#running++;
    while (!this.#stopped) {
      await this.#sleep(random.between(...thinkMs));
      const { router } = world.machine(node);
      if (!router || this.#stopped) continue;
      const key = `k${random.below(keys)}`;
      const startedAt = world.time.now;
      switch (random.below(3)) {
        case 0: {
          const value = `${id}-${this.#next++}`;
          const calledAt = world.time.now;
          const outcome = await this.#orTimeout(put(router, this.#table, key, value));
          const isDone = outcome !== undefined && outcome.kind === 'written';
          const refused = outcome !== undefined && outcome.kind === 'overloaded';
          this.#count(isDone ? 'success' : (outcome?.kind ?? 'lost'));
          const [output, returnedAt] = isDone ? ['', world.time.now] : [undefined, Infinity];
          const input = { kind: 'put', value } as const;
          if (!refused) this.#record(key, { client: id, input, output, calledAt, returnedAt });
          break;
        }
        case 1: {
          const calledAt = world.time.now;
          const answer = await this.#orTimeout(
            get(router, this.#table, key, consistent).then((value) => ({ value })),
          );
          const value = answer ? answer.value : { failed: 'lost' };
          const failed = typeof value === 'object';
          this.#count(failed ? value.failed : 'success');
          if (failed) break; // as if nobody had asked
          const input = { kind: 'get' } as const;
          const returnedAt = world.time.now;
          this.#record(key, { client: id, input, output: value ?? '', calledAt, returnedAt });
          break;
        }
        default: {
          const counter = `c${random.below(keys)}`;
          const result = await this.#orTimeout(add(router, this.#table, counter));
          this.#count(typeof result === 'number' ? 'success' : (result ?? 'lost'));
          if (typeof result === 'number') list(this.counted, counter).push(result);
          else if (result !== 'overloaded') {
            this.uncertain.set(counter, (this.uncertain.get(counter) ?? 0) + 1);
          }
        }
      }
      const took = world.time.now - startedAt;
      this.#slowest.set(node, Math.max(this.#slowest.get(node) ?? 0, took));
    }
    this.#running--;
  }

  #record(key: string, operation: Operation<RegisterInput, string>): void {
    list(this.history, key).push(operation);
  }

  #count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (outcome !== 'success') return;
    const { now } = this.#world.time;
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastSuccessAt);
    this.#lastSuccessAt = now;
  }

  #orTimeout<T>(work: Promise<T>): Promise<T | undefined> {
    return Promise.race([work, this.#sleep(CLIENT_TIMEOUT_MS).then(() => undefined)]);
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.time.after(delayMs, resolve));
  }
}

function list<T>(map: Map<string, T[]>, key: string): T[] {
  let values = map.get(key);
  if (!values) {
    values = [];
    map.set(key, values);
  }
  return values;
}
