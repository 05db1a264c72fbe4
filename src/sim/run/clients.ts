import { utf8, utf8Text } from '../../bytes/index.ts';
import { type ApiRequest, type ApiResponse, handle } from '../../dynamodb/index.ts';
import type { CheckResult, Operation } from '../check/linearizability.ts';
import { checkLinearizable } from '../check/linearizability.ts';
import {
  type AddInput,
  COUNTER,
  REGISTER,
  type RegisterInput,
  VERSIONED,
  type VersionedInput,
  type VersionedOutput,
} from '../check/models.ts';
import type { Machine } from '../machine.ts';
import { SimRandom } from '../random.ts';
import type { World } from '../world.ts';

export const TABLE = 'simulated';

export interface ClientsOptions {
  readonly seed: number;
  readonly clients: number;
  /** Of all clients together, as far as they are answered in time. */
  readonly operationsPerSecond: number;
  /** Of each kind. */
  readonly keys: number;
}

/** Longer than a router tries, in milliseconds: then the node has died with the request. */
const TIMEOUT_MS = 9_000;
/** A request is sent again as an SDK does it, under the same id, for as long; then nobody knows what became of it. */
const PATIENCE_MS = 40_000;
const RETRY_MS = [50, 500] as const;

/** How a request ended: with an answer; refused, so that nothing was done; or nobody knows. */
type Ending = ApiResponse | 'refused' | 'unknown';

/**
 * Clients of the DynamoDB API on all nodes of a world, and what they saw, key by key: registers, lists that are appended to,
 * counters, and items that are written by who knows their version. What they saw must be linearizable (D1, S1).
 */
export class Clients {
  /** How requests ended. */
  readonly outcomes = new Map<string, number>();
  readonly #world: World;
  readonly #options: ClientsOptions;
  readonly #registers = new Map<string, Operation<RegisterInput, string>[]>();
  readonly #counters = new Map<string, Operation<AddInput, number>[]>();
  readonly #versioned = new Map<string, Operation<VersionedInput, VersionedOutput>[]>();
  /** By key: the requests that are the same each time. */
  readonly #gets = new Map<string, Request>();
  /** Answers that no client should ever get. */
  readonly #wrong: string[] = [];
  #stamps = 0;
  #values = 0;
  #running = 0;
  #stopped = false;

  constructor(world: World, options: ClientsOptions) {
    this.#world = world;
    this.#options = options;
    for (let i = 0; i < options.clients; i++) {
      this.#client(`c${i + 1}`).catch((error: unknown) => {
        this.#running--;
        this.#wrong.push(error instanceof Error ? error.message : String(error));
      });
    }
  }

  get successes(): number {
    return this.outcomes.get('answered') ?? 0;
  }

  /** Ends every client once it has its last answer; `isIdle` then. */
  stop(): void {
    this.#stopped = true;
  }

  get isIdle(): boolean {
    return this.#running === 0;
  }

  /** Of the histories that are not linearizable, or too entangled to tell: in words. */
  faults(): string[] {
    const faults = [...this.#wrong];
    const judge = (key: string, result: CheckResult) => {
      if (result.kind === 'illegal')
        faults.push(`[D1] ${key} is not linearizable:\n${result.window}`);
      if (result.kind === 'unknown') faults.push(`[D1] ${key}: too many states to tell`);
    };
    for (const [key, history] of this.#registers) {
      judge(key, checkLinearizable(REGISTER, withoutUnseen(history)));
    }
    for (const [key, history] of this.#counters) judge(key, checkLinearizable(COUNTER, history));
    for (const [key, history] of this.#versioned) judge(key, checkLinearizable(VERSIONED, history));
    return faults;
  }

  async #client(name: string): Promise<void> {
    const { seed, clients, operationsPerSecond, keys } = this.#options;
    const random = new SimRandom(seed, `client ${name}`);
    const pauseMs = (1000 * clients) / operationsPerSecond;
    /** By key, of what this client has seen. */
    const versions = new Map<string, number>();
    this.#running++;
    while (!this.#stopped) {
      await this.#sleep(random.between(0, 2 * pauseMs));
      if (this.#stopped) break;
      const number = random.below(keys);
      switch (random.below(4)) {
        case 0:
          await this.#register(name, `register ${number}`, random);
          break;
        case 1:
          await this.#list(name, `list ${number}`, random);
          break;
        case 2:
          await this.#counter(name, `counter ${number}`, random);
          break;
        default:
          await this.#version(name, `versioned ${number}`, random, versions);
      }
    }
    this.#running--;
  }

  async #register(client: string, key: string, random: SimRandom): Promise<void> {
    const value = this.#value(client, random);
    const kind = random.below(8);
    if (kind < 4) {
      await this.#recordRegister(
        client,
        key,
        { kind: 'get' },
        random,
        this.#getOf(key),
        (body) => body.Item?.['v']?.S ?? '',
      );
    } else if (kind < 7) {
      const request = requestOf('PutItem', {
        TableName: TABLE,
        Item: { pk: { S: key }, v: { S: value } },
      });
      await this.#recordRegister(client, key, { kind: 'put', value }, random, request);
    } else {
      const request = requestOf('DeleteItem', { TableName: TABLE, Key: { pk: { S: key } } });
      await this.#recordRegister(client, key, { kind: 'put', value: '' }, random, request);
    }
  }

  async #list(client: string, key: string, random: SimRandom): Promise<void> {
    // None is a part of another.
    const value = `(${++this.#values})`;
    if (random.once(2)) {
      await this.#recordRegister(client, key, { kind: 'get' }, random, this.#getOf(key), (body) =>
        (body.Item?.['l']?.L ?? []).map(({ S }: { S: string }) => S).join(''),
      );
    } else if (random.once(10)) {
      const request = requestOf('PutItem', {
        TableName: TABLE,
        Item: { pk: { S: key }, l: { L: [{ S: value }] } },
      });
      await this.#recordRegister(client, key, { kind: 'put', value }, random, request);
    } else {
      const request = requestOf('UpdateItem', {
        TableName: TABLE,
        Key: { pk: { S: key } },
        UpdateExpression: 'SET l = list_append(if_not_exists(l, :none), :v)',
        ExpressionAttributeValues: { ':none': { L: [] }, ':v': { L: [{ S: value }] } },
      });
      await this.#recordRegister(client, key, { kind: 'append', value }, random, request);
    }
  }

  async #counter(client: string, key: string, random: SimRandom): Promise<void> {
    const isGet = random.once(3);
    const amount = isGet ? 0 : 1 + random.below(9);
    const request = isGet
      ? this.#getOf(key)
      : requestOf('UpdateItem', {
          TableName: TABLE,
          Key: { pk: { S: key } },
          UpdateExpression: 'ADD n :a',
          ExpressionAttributeValues: { ':a': { N: String(amount) } },
          ReturnValues: 'UPDATED_NEW',
        });
    const calledAt = this.#stamp();
    const ending = await this.#request(request, random);
    if (ending === 'refused') return;
    const body = ending === 'unknown' ? undefined : parsed(ending);
    const output = body && Number((isGet ? body.Item : body.Attributes)?.['n']?.N ?? 0);
    const input = { kind: isGet ? 'get' : 'add', amount } as const;
    this.#record(this.#counters, key, client, input, output, calledAt);
  }

  async #version(
    client: string,
    key: string,
    random: SimRandom,
    versions: Map<string, number>,
  ): Promise<void> {
    const calledAt = this.#stamp();
    if (random.once(2)) {
      const ending = await this.#request(this.#getOf(key), random);
      if (ending === 'refused' || ending === 'unknown') return;
      const item = parsed(ending).Item;
      const version = Number(item?.['n']?.N ?? 0);
      versions.set(key, version);
      const output = { kind: 'value', value: item?.['v']?.S ?? '', version } as const;
      this.#record(this.#versioned, key, client, { kind: 'get' }, output, calledAt);
      return;
    }
    const version = versions.get(key) ?? 0;
    const value = this.#value(client, random);
    const isNew = version === 0;
    const request = requestOf('PutItem', {
      TableName: TABLE,
      Item: { pk: { S: key }, v: { S: value }, n: { N: String(version + 1) } },
      ConditionExpression: isNew ? 'attribute_not_exists(n)' : 'n = :version',
      ...(!isNew && { ExpressionAttributeValues: { ':version': { N: String(version) } } }),
    });
    const ending = await this.#request(request, random);
    if (ending === 'refused') return;
    const input = { kind: 'put', value, version } as const;
    const kind =
      ending !== 'unknown' && ending.error === 'ConditionalCheckFailedException'
        ? 'wrong-version'
        : 'ok';
    const output = ending === 'unknown' ? undefined : ({ kind } as const);
    if (kind === 'ok' && output) versions.set(key, version + 1);
    else versions.delete(key);
    this.#record(this.#versioned, key, client, input, output, calledAt);
  }

  /** No two alike. Some are longer than a sector of a disk, which may be all that a crash leaves of them. */
  #value(client: string, random: SimRandom): string {
    return `${client} ${++this.#values};`.padEnd(random.once(3) ? 900 : 0, '.');
  }

  async #recordRegister(
    client: string,
    key: string,
    input: RegisterInput,
    random: SimRandom,
    request: Request,
    outputOf?: (body: Body) => string,
  ): Promise<void> {
    const calledAt = this.#stamp();
    const ending = await this.#request(request, random);
    if (ending === 'refused') return;
    let output: string | undefined;
    if (ending !== 'unknown') output = outputOf ? outputOf(parsed(ending)) : done(ending);
    this.#record(this.#registers, key, client, input, output, calledAt);
  }

  #record<Input, Output>(
    histories: Map<string, Operation<Input, Output>[]>,
    key: string,
    client: string,
    input: Input,
    output: Output | undefined,
    calledAt: number,
  ): void {
    let history = histories.get(key);
    if (!history) {
      history = [];
      histories.set(key, history);
    }
    const returnedAt = output === undefined ? Number.POSITIVE_INFINITY : this.#stamp();
    history.push({ client, input, output, calledAt, returnedAt });
  }

  /** Sends a request to some node; half of them as SDKs do, again to others under the same id until it is answered (F40). */
  async #request({ operation, body }: Request, random: SimRandom): Promise<Ending> {
    const { time } = this.#world;
    const invocationId = random.once(2) ? uuid(random) : undefined;
    const until = time.now + PATIENCE_MS;
    let mayBeDone = false;
    while (time.now < until) {
      const machine = random.pick(this.#world.machines);
      if (machine.router && machine.isRunning) {
        const request = { target: `DynamoDB_20120810.${operation}`, invocationId, body };
        const response = await this.#ask(machine, request);
        if (response && response.status < 500 && !isRefusal(response)) {
          this.#count('answered');
          return response;
        }
        this.#count(response ? (response.error as string) : 'lost');
        if (!response || !isRefusal(response)) mayBeDone = true;
      }
      if (this.#stopped && !mayBeDone) return 'refused';
      // Without an id to send it again under, a second try could take effect beside the first.
      if (mayBeDone && invocationId === undefined) return 'unknown';
      await this.#sleep(random.between(...RETRY_MS));
    }
    return mayBeDone ? 'unknown' : 'refused';
  }

  /**
   * The request is handled when the process of the node gets to read it: not during a pause. Undefined when no answer comes.
   */
  #ask({ name, process, router }: Machine, request: ApiRequest): Promise<ApiResponse | undefined> {
    return new Promise((resolve, reject) => {
      const timeout = this.#world.time.after(TIMEOUT_MS, () => resolve(undefined));
      const answer = (response: ApiResponse) => {
        timeout.cancel();
        resolve(response);
      };
      process?.schedule('io', 0, () => {
        if (router) handle(request, { database: router, address: name }).then(answer, reject);
      });
    });
  }

  #count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  #getOf(key: string): Request {
    let request = this.#gets.get(key);
    if (!request) {
      request = requestOf('GetItem', {
        TableName: TABLE,
        Key: { pk: { S: key } },
        ConsistentRead: true,
      });
      this.#gets.set(key, request);
    }
    return request;
  }

  #stamp(): number {
    return ++this.#stamps;
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.time.after(delayMs, resolve));
  }
}

/**
 * Without the writes of which nobody knows whether they took effect and whose value nobody saw: wherever they would fit, all the
 * rest fits without them, too. There are many of them where nodes die.
 */
function withoutUnseen(
  history: readonly Operation<RegisterInput, string>[],
): Operation<RegisterInput, string>[] {
  const seen = history.flatMap(({ input, output }) =>
    input.kind === 'get' && output !== undefined ? output : [],
  );
  return history.filter(({ input, output }) => {
    if (output !== undefined || input.kind === 'get' || input.value === '') return true;
    const { value } = input;
    return seen.some((text) => text.includes(value));
  });
}

interface Request {
  readonly operation: string;
  readonly body: Uint8Array;
}

function requestOf(operation: string, parameters: object): Request {
  return { operation, body: utf8(JSON.stringify(parameters)) };
}

/** As SDKs draw them. */
function uuid(random: SimRandom): string {
  const word = () => random.uint32().toString(16).padStart(8, '0');
  const [second, third] = [word(), word()];
  const middle = `${second.slice(0, 4)}-${second.slice(4)}-${third.slice(0, 4)}-${third.slice(4)}`;
  return `${word()}-${middle}${word()}`;
}

/** Nothing was done, and it may be asked again. */
function isRefusal({ error }: ApiResponse): boolean {
  return error === 'ThrottlingException';
}

/** As much of an answer as clients look at. */
interface Body {
  readonly Item?: Attributes;
  readonly Attributes?: Attributes;
}

type Attributes = Readonly<
  Record<string, { readonly S: string; readonly N: string; readonly L: { readonly S: string }[] }>
>;

function parsed(response: ApiResponse): Body {
  done(response);
  return JSON.parse(utf8Text(response.body)) as Body;
}

/** Of a write there is nothing to see but that it was done. */
function done({ error, body }: ApiResponse): string {
  if (error === undefined) return '';
  throw new Error(`a request was answered with ${error}: ${utf8Text(body)}`);
}
