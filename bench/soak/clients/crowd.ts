import { Histogram } from '../load/histogram.ts';
import type { Second } from '../load/load.ts';
import type { Endpoints } from './endpoints.ts';
import { type Ending, SdkClient } from './sdk-client.ts';

const SECOND_MS = 1000;
/** Of ten operations: the others are plain writes. */
const READS = 5;
const CONDITIONAL = 2;
const OPERATIONS = 10;

/** A failure: an answer that contradicts what this client did before. */
export const WRONG = 'wrong answer';

export interface CrowdOptions {
  readonly tables: readonly string[];
  readonly clients: number;
  /** Of all tables together; they exist, without a version, under the names of {@link itemName}. */
  readonly items: number;
  readonly valueBytes: number;
  readonly endpoints: Endpoints;
}

/** What happened in one second. */
export interface CrowdSecond extends Second {
  /** Tries that failed, by why; the client tried again, or gave up in the end. */
  readonly failedTries: Readonly<Record<string, number>>;
}

/** What is known of an item. */
interface Known {
  /** Written last with an answer; 0 for as it was at first. */
  version: number;
  /** Versions of writes without an answer: each may be there, or come yet. */
  readonly unknown: number[];
}

/**
 * Clients of the API that read and write items, each its own: so every answer to a consistent read, and whether a condition holds,
 * is known before. They run from the start on, as fast as they can or at a pace.
 */
export class Crowd {
  readonly seconds: CrowdSecond[] = [];
  /** Told of each second. */
  onSecond: (second: CrowdSecond) => void = () => {};
  /** Of all clients together; infinite: each sends as soon as it has its answer. */
  perSecond = Number.POSITIVE_INFINITY;

  readonly #options: CrowdOptions;
  readonly #known = new Map<number, Known>();
  readonly #clients: SdkClient[];
  readonly #running: Promise<unknown>;
  readonly #seconds: NodeJS.Timeout;
  readonly #beganAt = performance.now();
  readonly #lastSuccesses: number[];
  #isStopping = false;
  #lastSuccessAt = this.#beganAt;
  #second = newSecond();

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.#lastSuccesses = new Array<number>(options.clients).fill(this.#beganAt);
    this.#clients = Array.from(
      { length: options.clients },
      (_, i) =>
        new SdkClient(options.endpoints, i, (why) => countIn(this.#second.failedTries, why)),
    );
    this.#seconds = setInterval(() => this.#report(), SECOND_MS);
    this.#running = Promise.all(this.#clients.map((client, i) => this.#run(client, i)));
  }

  /** Sends nothing more; resolves when all is answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    clearInterval(this.#seconds);
  }

  get itemsWritten(): number {
    return this.#known.size;
  }

  /** Reads back every item that was written, and returns those that do not have what they must, in words. After {@link stop}. */
  async lost(): Promise<string[]> {
    const lost: string[] = [];
    const keys = [...this.#known.keys()];
    await Promise.all(
      this.#clients.map(async (client) => {
        for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
          const ending = await client.send('GetItem', this.#get(key));
          const { version, unknown } = this.#known.get(key) as Known;
          const found = ending.kind === 'answered' ? versionIn(ending.body) : ending.kind;
          if (found === version || unknown.some((one) => one === found)) continue;
          lost.push(`item ${key}: ${found}, not ${[version, ...unknown].join(' or ')}`);
        }
      }),
    );
    for (const client of this.#clients) client.close();
    return lost;
  }

  async #run(client: SdkClient, index: number): Promise<void> {
    const { clients, items } = this.#options;
    const own = Math.floor(items / clients);
    let nextAt = performance.now();
    while (!this.#isStopping) {
      const key = index + clients * Math.floor(Math.random() * own);
      const sentAt = performance.now();
      const fault = await this.#operate(client, key);
      const now = performance.now();
      if (fault !== undefined) countIn(this.#second.failures, fault);
      else this.#succeeded(index, now, sentAt);
      // What could not be sent in time is not sent all at once later.
      nextAt = Math.max(nextAt + (SECOND_MS * clients) / this.perSecond, now);
      if (nextAt > now) await new Promise((resolve) => setTimeout(resolve, nextAt - now));
    }
  }

  /** Undefined when all is as it should be. */
  async #operate(client: SdkClient, key: number): Promise<string | undefined> {
    const known = this.#known.get(key) ?? { version: 0, unknown: [] };
    const isCertain = known.unknown.length === 0;
    const kind = Math.floor(Math.random() * OPERATIONS);
    if (kind < READS) {
      const ending = await client.send('GetItem', this.#get(key));
      if (ending.kind !== 'answered') return faultOf(ending);
      const found = versionIn(ending.body);
      return found === known.version || known.unknown.includes(found) ? undefined : WRONG;
    }
    const version = Math.max(known.version, ...known.unknown) + 1;
    const isConditional = kind < READS + CONDITIONAL && isCertain;
    this.#known.set(key, known);
    const ending = await client.send('PutItem', {
      ...this.#put(key, version),
      ...(isConditional && conditionOn(known.version)),
    });
    if (ending.kind === 'answered') {
      known.version = version;
      return undefined;
    }
    if (ending.kind === 'failed') known.unknown.push(version);
    return faultOf(ending);
  }

  #get(key: number): object {
    const pk = { S: itemName(key) };
    return { TableName: this.#tableOf(key), Key: { pk }, ConsistentRead: true };
  }

  #put(key: number, version: number): object {
    const v = { S: 'x'.repeat(this.#options.valueBytes) };
    const item = { pk: { S: itemName(key) }, v, n: { N: `${version}` } };
    return { TableName: this.#tableOf(key), Item: item };
  }

  #tableOf(key: number): string {
    const { tables, items } = this.#options;
    return tables[Math.floor((key * tables.length) / items)] as string;
  }

  #succeeded(index: number, now: number, sentAt: number): void {
    const second = this.#second;
    second.successes++;
    second.histogram.add((now - sentAt) * 1000);
    second.gapMs = Math.max(second.gapMs, now - this.#lastSuccessAt);
    const own = now - (this.#lastSuccesses[index] as number);
    second.connectionGapMs = Math.max(second.connectionGapMs, own);
    this.#lastSuccessAt = now;
    this.#lastSuccesses[index] = now;
  }

  #report(): void {
    const now = performance.now();
    const { successes, failures, failedTries, histogram, gapMs, connectionGapMs } = this.#second;
    const second: CrowdSecond = {
      atMs: now - this.#beganAt,
      successes,
      failures,
      failedTries,
      counts: histogram.counts,
      gapMs: Math.max(gapMs, now - this.#lastSuccessAt),
      connectionGapMs: Math.max(connectionGapMs, now - Math.min(...this.#lastSuccesses)),
      unsent: 0,
      served: 0,
      servedAfterMs: 0,
    };
    this.#second = newSecond();
    this.seconds.push(second);
    this.onSecond(second);
  }
}

/** As the load generator names them that fills tables. */
function itemName(key: number): string {
  return `key-${String(key).padStart(12, '0')}`;
}

function conditionOn(version: number): object {
  return version === 0
    ? { ConditionExpression: 'attribute_exists(pk) AND attribute_not_exists(n)' }
    : {
        ConditionExpression: 'n = :version',
        ExpressionAttributeValues: { ':version': { N: `${version}` } },
      };
}

/** 0 for an item that has none, -1 for no item. */
function versionIn(body: string): number {
  const { Item } = JSON.parse(body) as { Item?: { n?: { N: string } } };
  return Item ? Number(Item.n?.N ?? 0) : -1;
}

function faultOf(ending: Exclude<Ending, { kind: 'answered' }>): string {
  if (ending.kind === 'failed') return ending.why;
  return ending.name === 'ConditionalCheckFailedException' ? WRONG : ending.name;
}

function newSecond() {
  const failures: Record<string, number> = {};
  const failedTries: Record<string, number> = {};
  const histogram = new Histogram();
  return { successes: 0, failures, failedTries, histogram, gapMs: 0, connectionGapMs: 0 };
}

function countIn(counts: Record<string, number>, why: string): void {
  counts[why] = (counts[why] ?? 0) + 1;
}
