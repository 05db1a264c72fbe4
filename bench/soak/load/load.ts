/** What a load generator is told, and what it tells. */

/**
 * - put, get: one item; reads are consistent and their values are checked.
 * - mix: half of each.
 * - batch: BatchWriteItem of 25 items.
 */
export type Work = 'put' | 'get' | 'mix' | 'batch';

/**
 * - random: any of the `count` keys from `first` on, again and again.
 * - once: each of them, until each was acknowledged (a closed loop) or once whatever the answer (an open one).
 * - acknowledged: those that loads of the same process wrote and got acknowledged.
 */
export interface Keys {
  readonly order: 'random' | 'once' | 'acknowledged';
  readonly first: number;
  readonly count: number;
}

/**
 * - full: each connection sends its next request as soon as it has the answer to the last one.
 * - paced: so, but all together no more than `perSecond`, at even intervals.
 * - open: `perSecond` requests are sent whatever the answers, unless every connection has `depth` unanswered. Puts only.
 */
export type Pace =
  | { readonly kind: 'full' }
  | { readonly kind: 'paced'; readonly perSecond: number }
  | { readonly kind: 'open'; readonly perSecond: number; readonly depth: number };

export interface Load {
  readonly table: string;
  /** Of the nodes; connections are spread over them. */
  readonly ports: readonly number[];
  readonly connections: number;
  readonly valueBytes: number;
  readonly work: Work;
  readonly keys: Keys;
  readonly pace: Pace;
}

/** What happened in one second of a load. */
export interface Second {
  /** Since the load began, when this second ended. */
  readonly atMs: number;
  /** Answers 200; requests, not items. */
  readonly successes: number;
  /** What else became of requests: the error's name with its status, or what happened to the connection. */
  readonly failures: Readonly<Record<string, number>>;
  /** Of successes, in microseconds since they were sent; in an open loop, since they were due. A {@link Histogram}'s. */
  readonly counts: Uint32Array;
  /** The longest time without a success that ended in this second or lasts: of all connections, of any single one. */
  readonly gapMs: number;
  readonly connectionGapMs: number;
  /** Requests of an open loop that no connection had room for. */
  readonly unsent: number;
  /** Connections that had a success since the last mark, and how long after the mark the last one had it. */
  readonly served: number;
  readonly servedAfterMs: number;
}

export type ToLoader =
  | { readonly kind: 'run'; readonly load: Load }
  | { readonly kind: 'mark' }
  | { readonly kind: 'stop' };

export type FromLoader =
  | { readonly kind: 'ready' }
  | { readonly kind: 'second'; readonly second: Second }
  | { readonly kind: 'ended'; readonly acknowledged: number };
