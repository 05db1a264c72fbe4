import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ByteBudget } from './byte-budget.ts';
import type { HttpLimits } from './limits.ts';

/** Requests that have come on a connection beyond those at work; a chunk of the socket holds some thousand tiny ones. */
const WAITING_FACTOR = 64;

/** What one connection of node:http has under way, within its bounds (H2). */
export class NodeConnection {
  /** The request that came last. */
  newest: IncomingMessage | undefined;
  /** The code of node:http's error, after which nothing is read. */
  failure: string | undefined;
  /** Bytes of all its requests and answers. */
  readonly held = new ByteBudget(Number.POSITIVE_INFINITY);
  readonly #socket: Socket;
  readonly #limits: HttpLimits;
  /** Starts of the requests that wait until those before them are answered. */
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #working = 0;

  constructor(socket: Socket, limits: HttpLimits) {
    this.#socket = socket;
    this.#limits = limits;
  }

  /** Requests without a finished answer. */
  get open(): number {
    return this.#open;
  }

  /** Whether so many requests wait already that the next is refused. */
  get isOverrun(): boolean {
    return this.#waiting.length >= WAITING_FACTOR * this.#limits.pipelineRequests;
  }

  /** A request has come; `start` is called when there is room for it, in the order of the requests. */
  begin(start: () => void): void {
    this.#open++;
    if (this.#hasRoom() && this.#waiting.length === 0) {
      this.#working++;
      start();
    } else {
      // What has been read from the socket is parsed nevertheless.
      this.#waiting.push(start);
      this.#socket.pause();
    }
  }

  /** A request is done with, and what it held is given back. */
  end(start: () => void): void {
    this.#open--;
    const place = this.#waiting.indexOf(start);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      return;
    }
    this.#working--;
    if (this.#waiting.length === 0) return;
    while (this.#hasRoom()) {
      const next = this.#waiting.shift();
      if (next === undefined) {
        if (this.failure === undefined) this.#socket.resume();
        return;
      }
      this.#working++;
      next();
    }
  }

  #hasRoom(): boolean {
    const { pipelineRequests, pipelineBytes } = this.#limits;
    return this.#working < pipelineRequests && this.held.used < pipelineBytes;
  }
}
