import { checkLinearizable, type Model, type Operation } from '../../../src/sim/index.ts';
import type { Endpoints } from './endpoints.ts';
import { SdkClient } from './sdk-client.ts';

const CLIENTS = 8;
const REGISTERS = 8;
/** Between two operations of a client, at most: so several meet at a register, and a history stays small. */
const PAUSE_MS_MAX = 80;

type Input =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: string }
  /** Written if the register has the value `expected`. */
  | { readonly kind: 'compare-and-set'; readonly expected: string; readonly value: string };

/** Of a read its value; of writes `done`, or `unequal` where the condition did not hold. */
type Output = { readonly value: string } | 'done' | 'unequal';

const REGISTER: Model<string, Input, Output> = {
  initial: '',
  step(state, input, output) {
    if (input.kind === 'read') {
      return typeof output !== 'object' || output.value === state ? state : undefined;
    }
    if (input.kind === 'write' || input.expected === state) {
      return output === 'unequal' ? undefined : input.value;
    }
    return output === 'done' ? undefined : state;
  },
  keyOf: (state) => state,
  isRead: ({ kind }, output) => kind === 'read' || output === 'unequal',
  print: (input, output) => `${JSON.stringify(input)} → ${JSON.stringify(output) ?? '?'}`,
};

export interface RegistersResult {
  readonly operations: number;
  /** Operations of which nobody knows whether they took effect. */
  readonly unknown: number;
  /** Registers whose history is not linearizable, or too entangled to tell: in words. */
  readonly faults: readonly string[];
}

/** Some clients that read, write and compare-and-set the same few items, and everything that they saw (D1). */
export class Registers {
  readonly #table: string;
  readonly #histories = new Map<string, Operation<Input, Output>[]>();
  readonly #clients: SdkClient[];
  readonly #running: Promise<unknown>;
  #values = 0;
  #isStopping = false;

  constructor(table: string, endpoints: Endpoints) {
    this.#table = table;
    this.#clients = Array.from(
      { length: CLIENTS },
      (_, i) => new SdkClient(endpoints, i, () => {}),
    );
    this.#running = Promise.all(this.#clients.map((client, i) => this.#run(client, `c${i + 1}`)));
  }

  /** Resolves when all is answered. */
  async stop(): Promise<RegistersResult> {
    this.#isStopping = true;
    await this.#running;
    for (const client of this.#clients) client.close();
    const faults: string[] = [];
    for (const [name, history] of this.#histories) {
      const result = checkLinearizable(REGISTER, history);
      if (result.kind === 'illegal') faults.push(`${name}:\n${result.window}`);
      else if (result.kind === 'unknown') faults.push(`${name}: too many states to tell`);
    }
    const all = [...this.#histories.values()].flat();
    const unknown = all.filter(({ output }) => output === undefined).length;
    return { operations: all.length, unknown, faults };
  }

  async #run(client: SdkClient, name: string): Promise<void> {
    /** What this client saw last, by register. */
    const seen = new Map<string, string>();
    while (!this.#isStopping) {
      const register = `register-${Math.floor(Math.random() * REGISTERS)}`;
      const input = this.#draw(seen.get(register));
      const calledAt = performance.now();
      const output = await this.#operate(client, register, input);
      const returnedAt = output === undefined ? Number.POSITIVE_INFINITY : performance.now();
      this.#historyOf(register).push({ client: name, input, output, calledAt, returnedAt });
      if (typeof output === 'object') seen.set(register, output.value);
      else if (output === 'done' && input.kind !== 'read') seen.set(register, input.value);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS_MAX));
    }
  }

  #historyOf(register: string): Operation<Input, Output>[] {
    let history = this.#histories.get(register);
    if (!history) {
      history = [];
      this.#histories.set(register, history);
    }
    return history;
  }

  #draw(expected: string | undefined): Input {
    const drawn = Math.random();
    if (drawn < 0.5) return { kind: 'read' };
    const value = `v${++this.#values}`;
    if (drawn < 0.7 || expected === undefined || expected === '') return { kind: 'write', value };
    return { kind: 'compare-and-set', expected, value };
  }

  /** Undefined: nobody knows what became of it. */
  async #operate(client: SdkClient, register: string, input: Input): Promise<Output | undefined> {
    const [TableName, pk] = [this.#table, { S: register }];
    if (input.kind === 'read') {
      const ending = await client.send('GetItem', { TableName, Key: { pk }, ConsistentRead: true });
      if (ending.kind === 'refused') throw new Error(`a read was refused: ${ending.name}`);
      return ending.kind === 'answered' ? { value: valueIn(ending.body) } : undefined;
    }
    const ending = await client.send('PutItem', {
      TableName,
      Item: { pk, v: { S: input.value } },
      ...(input.kind === 'compare-and-set' && {
        ConditionExpression: 'v = :expected',
        ExpressionAttributeValues: { ':expected': { S: input.expected } },
      }),
    });
    if (ending.kind === 'failed') return undefined;
    if (ending.kind === 'answered') return 'done';
    if (ending.name !== 'ConditionalCheckFailedException') {
      throw new Error(`a write was refused: ${ending.name}`);
    }
    return 'unequal';
  }
}

function valueIn(body: string): string {
  const { Item } = JSON.parse(body) as { Item?: { v: { S: string } } };
  return Item?.v.S ?? '';
}
