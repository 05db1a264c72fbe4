/**
 * A load generator on raw sockets. Each request costs it some microseconds, and nothing is allocated for it that is worth naming,
 * so that on a machine that it shares with what it measures it is not what is measured.
 */
import type { Acknowledged } from './acknowledged.ts';
import { Connection, type ConnectionOwner, type Kind } from './connection.ts';
import { Histogram } from './histogram.ts';
import type { Load, Second } from './load.ts';
import { BATCH_ITEMS, RequestMaker } from './request-maker.ts';

const TICK_MS = 1;
const SECOND_MS = 1000;
/** Before a request that failed is sent again, where each key is written until it is acknowledged. */
const AGAIN_MS = 20;
/** How many requests an open loop hands to one connection at once. */
const OPEN_BATCH = 8;
/** How long {@link Loader.stop} waits for answers. */
const DRAIN_MS = 10_000;

/** A failure: a read that did not return what was written. */
export const WRONG_VALUE = 'wrong value';

export class Loader implements ConnectionOwner {
  /** Every key of a load with an end is done, or {@link stop} is. */
  readonly ended: Promise<void>;

  readonly #load: Load;
  readonly #maker: RequestMaker;
  readonly #acknowledged: Acknowledged;
  readonly #onSecond: (second: Second) => void;
  readonly #connections: Connection[];
  readonly #ticker: NodeJS.Timeout | undefined;
  readonly #seconds: NodeJS.Timeout;
  readonly #beganAt = performance.now();
  readonly #random = randomNumbers(Date.now() >>> 0);
  readonly #end: () => void;
  /** Keys of connections that must be sent again, since their requests failed. */
  readonly #again: { readonly kind: Kind; readonly key: number }[] = [];

  #nextKey: number;
  #keysLeft: number;
  #isStopping = false;
  #hasEnded = false;
  /** Requests that an open loop owes, and the connection whose turn it is. */
  #owed = 0;
  #tickedAt = performance.now();
  #turn = 0;

  #histogram = new Histogram();
  #successes = 0;
  #failures: Record<string, number> = {};
  #unsent = 0;
  #lastSuccessAt = this.#beganAt;
  #gapMs = 0;
  #connectionGapMs = 0;
  #markedAt = this.#beganAt;
  #served = 0;
  #servedAt = this.#beganAt;

  constructor(load: Load, acknowledged: Acknowledged, onSecond: (second: Second) => void) {
    const { pace, work, keys } = load;
    if (pace.kind === 'open' && (work !== 'put' || keys.order !== 'once')) {
      throw new Error('an open loop puts each key once');
    }
    if (work === 'batch' && keys.count % BATCH_ITEMS !== 0) {
      throw new Error(`batches have ${BATCH_ITEMS} items: ${keys.count} is no multiple`);
    }
    this.#load = load;
    this.#acknowledged = acknowledged;
    this.#onSecond = onSecond;
    this.#maker = new RequestMaker(load.table, load.valueBytes, work);
    this.#nextKey = keys.first;
    this.#keysLeft = keys.order === 'acknowledged' ? acknowledged.count : keys.count;
    let end = () => {};
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#end = end;
    const depth = pace.kind === 'open' ? pace.depth : 1;
    this.#connections = Array.from({ length: load.connections }, (_, i) => {
      const port = load.ports[i % load.ports.length] as number;
      const connection = new Connection(i, port, depth, this.#maker, this);
      connection.lastSuccessAt = this.#beganAt;
      connection.nextAt = this.#beganAt + (i * this.#periodMs) / load.connections;
      return connection;
    });
    if (pace.kind !== 'full') this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#seconds = setInterval(() => this.#report(), SECOND_MS);
    if (this.#keysLeft === 0) this.#finish();
  }

  /** Counts the connections that are served from now on. */
  mark(): void {
    this.#markedAt = performance.now();
    this.#servedAt = this.#markedAt;
    this.#served = 0;
    for (const connection of this.#connections) connection.isServed = false;
  }

  /** Sends nothing more, and waits for what is unanswered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const until = performance.now() + DRAIN_MS;
    while (this.#unanswered() > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    this.#finish();
  }

  #unanswered(): number {
    return this.#connections.reduce((sum, { unanswered }) => sum + unanswered, 0);
  }

  #finish(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isStopping = true;
    clearInterval(this.#ticker);
    clearInterval(this.#seconds);
    const unanswered = this.#unanswered();
    if (unanswered > 0) this.#failures['never answered'] = unanswered;
    for (const connection of this.#connections) connection.close();
    this.#report();
    this.#end();
  }

  get #periodMs(): number {
    const { pace, connections } = this.#load;
    return pace.kind === 'paced' ? (1000 * connections) / pace.perSecond : 0;
  }

  connected(connection: Connection): void {
    if (this.#load.pace.kind !== 'open') this.#next(connection);
  }

  /** What a connection of a closed loop does when nothing of it is unanswered. */
  #next(connection: Connection): void {
    if (this.#isStopping || connection.room === 0) return;
    const now = performance.now();
    if (this.#load.pace.kind === 'paced') {
      if (connection.nextAt > now) return;
      // What could not be sent in time is not sent all at once later.
      connection.nextAt = Math.max(connection.nextAt + this.#periodMs, now);
    }
    const { order, first, count } = this.#load.keys;
    if (order === 'random') {
      const key = first + Math.floor(this.#random() * count);
      connection.send(this.#kindOf(), key, now);
      return;
    }
    const again = this.#again.pop();
    if (again) connection.send(again.kind, again.key, now);
    else if (order === 'once') this.#sendOnce(connection, now);
    else this.#sendAcknowledged(connection, now);
  }

  #kindOf(): Kind {
    const { work } = this.#load;
    if (work !== 'mix') return work;
    return this.#random() < 0.5 ? 'put' : 'get';
  }

  #sendOnce(connection: Connection, now: number): void {
    const { first, count } = this.#load.keys;
    const key = this.#nextKey;
    if (key >= first + count) return;
    this.#nextKey += this.#load.work === 'batch' ? BATCH_ITEMS : 1;
    connection.send(this.#kindOf(), key, now);
  }

  #sendAcknowledged(connection: Connection, now: number): void {
    const { end } = this.#acknowledged;
    while (this.#nextKey < end && !this.#acknowledged.has(this.#nextKey)) this.#nextKey++;
    if (this.#nextKey < end) connection.send('get', this.#nextKey++, now);
  }

  #tick(): void {
    const { pace } = this.#load;
    if (this.#isStopping) return;
    if (pace.kind === 'paced') {
      const now = performance.now();
      for (const connection of this.#connections) {
        if (connection.nextAt <= now) this.#next(connection);
      }
    } else if (pace.kind === 'open') this.#sendOwed(pace.perSecond);
  }

  #sendOwed(perSecond: number): void {
    const now = performance.now();
    const dueAt = this.#tickedAt;
    this.#owed += ((now - this.#tickedAt) * perSecond) / 1000;
    this.#tickedAt = now;
    let full = 0;
    while (this.#owed >= 1 && full < this.#connections.length) {
      const connection = this.#connections[this.#turn] as Connection;
      this.#turn = (this.#turn + 1) % this.#connections.length;
      const count = Math.min(OPEN_BATCH, Math.floor(this.#owed), connection.room);
      if (count === 0) {
        full++;
        continue;
      }
      full = 0;
      connection.sendPuts(count, this.#nextKey, dueAt);
      this.#nextKey += count;
      this.#owed -= count;
    }
    // Nobody queues without bound: clients that find no connection free give up.
    const unsent = Math.floor(this.#owed);
    this.#unsent += unsent;
    this.#owed -= unsent;
  }

  answered(
    connection: Connection,
    kind: Kind,
    key: number,
    dueAt: number,
    status: number,
    body: Buffer,
  ): void {
    const now = performance.now();
    const fault = this.#faultOf(kind, key, status, body);
    if (fault === undefined) {
      this.#succeeded(connection, now);
      this.#histogram.add((now - dueAt) * 1000);
      if (this.#load.keys.order !== 'random') this.#done(kind, key);
    } else {
      this.#failed(fault);
      // Asking again does not bring back what is lost.
      if (fault === WRONG_VALUE && this.#load.keys.order !== 'random') this.#done(kind, key);
      else this.#repeat(kind, key);
    }
    if (this.#load.pace.kind === 'open' || this.#isStopping) return;
    if (fault === undefined) this.#next(connection);
    else setTimeout(() => this.#next(connection), AGAIN_MS);
  }

  /** Undefined for an answer as it should be. */
  #faultOf(kind: Kind, key: number, status: number, body: Buffer): string | undefined {
    if (status !== 200) return `${status} ${errorName(body)}`;
    if (kind === 'get' && !this.#maker.isValueOf(body, key)) return WRONG_VALUE;
    if (kind === 'batch' && body.length > NOTHING_UNPROCESSED_BYTES) return '200 but unprocessed';
    return undefined;
  }

  #succeeded(connection: Connection, now: number): void {
    this.#successes++;
    this.#gapMs = Math.max(this.#gapMs, now - this.#lastSuccessAt);
    this.#connectionGapMs = Math.max(this.#connectionGapMs, now - connection.lastSuccessAt);
    this.#lastSuccessAt = now;
    connection.lastSuccessAt = now;
    if (connection.isServed) return;
    connection.isServed = true;
    this.#served++;
    this.#servedAt = now;
  }

  #done(kind: Kind, key: number): void {
    const items = kind === 'batch' ? BATCH_ITEMS : 1;
    if (kind !== 'get') for (let i = 0; i < items; i++) this.#acknowledged.add(key + i);
    this.#keysLeft -= items;
    if (this.#keysLeft === 0 && !this.#isStopping) this.#finish();
  }

  lost(_: Connection, kind: Kind, key: number): void {
    this.#failed('connection lost before the answer');
    this.#repeat(kind, key);
  }

  #repeat(kind: Kind, key: number): void {
    const { keys, pace } = this.#load;
    if (keys.order !== 'random' && pace.kind !== 'open') this.#again.push({ kind, key });
  }

  disconnected(reason: string): void {
    this.#failed(reason);
  }

  #failed(why: string): void {
    this.#failures[why] = (this.#failures[why] ?? 0) + 1;
  }

  #report(): void {
    const now = performance.now();
    const waiting = this.#connections.reduce(
      (longest, { lastSuccessAt }) => Math.max(longest, now - lastSuccessAt),
      0,
    );
    this.#onSecond({
      atMs: now - this.#beganAt,
      successes: this.#successes,
      failures: this.#failures,
      counts: this.#histogram.counts,
      gapMs: Math.max(this.#gapMs, now - this.#lastSuccessAt),
      connectionGapMs: Math.max(this.#connectionGapMs, waiting),
      unsent: this.#unsent,
      served: this.#served,
      servedAfterMs: this.#servedAt - this.#markedAt,
    });
    this.#histogram = new Histogram();
    this.#successes = 0;
    this.#failures = {};
    this.#unsent = 0;
    this.#gapMs = 0;
    this.#connectionGapMs = 0;
  }
}

/** The answer to a batch of which everything was written. */
const NOTHING_UNPROCESSED_BYTES = '{"UnprocessedItems":{}}'.length;

function errorName(body: Buffer): string {
  return /#(\w+)"/.exec(body.toString('latin1'))?.[1] ?? body.toString('latin1').slice(0, 80);
}

/** From 0 to below 1: mulberry32, which is enough to choose keys and costs nothing. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
