import type { Socket } from 'node:net';
import type { ByteBudget } from './byte-budget.ts';
import { FastConnection, type FastPathContext } from './fast-connection.ts';
import { HeadParser } from './head-parser.ts';
import type { HttpLimits } from './limits.ts';
import { refusalText } from './refusal.ts';
import { ReplyRenderer } from './reply-writer.ts';
import type { HttpReply, RequestHandler } from './request.ts';

export interface FastPathOptions {
  readonly limits: HttpLimits;
  readonly budget: ByteBudget;
  readonly handler: RequestHandler;
  readonly nextId: () => string;
  readonly failed: (event: string, error: unknown) => void;
  /** Gives a connection to node:http: everything that was not answered is in the socket, which is paused. */
  readonly handOver: (socket: Socket) => void;
}

const SWEEP_MS_MIN = 50;
const SWEEP_MS_MAX = 1000;

/** All connections of the fast path. One timer looks after all of them, rather than one or two for each request. */
export class FastPath implements FastPathContext {
  readonly limits: HttpLimits;
  readonly budget: ByteBudget;
  readonly handler: RequestHandler;
  readonly parser: HeadParser;
  readonly renderer: ReplyRenderer;
  readonly #options: FastPathOptions;
  readonly #connections = new Set<FastConnection>();
  readonly #timer: NodeJS.Timeout;
  readonly #sweepMs: number;
  #now = 0;
  #isClosing = false;

  constructor(options: FastPathOptions) {
    const { limits, budget, handler, nextId } = options;
    this.#options = options;
    this.limits = limits;
    this.budget = budget;
    this.handler = handler;
    this.parser = new HeadParser(limits.headerBytes, limits.bodyBytes);
    this.renderer = new ReplyRenderer(nextId, limits.keepAliveTimeoutMs, new Date());
    const shortest = Math.min(
      limits.headersTimeoutMs,
      limits.requestTimeoutMs,
      limits.keepAliveTimeoutMs,
      limits.stallTimeoutMs,
      limits.drainTimeoutMs,
    );
    this.#sweepMs = Math.max(SWEEP_MS_MIN, Math.min(SWEEP_MS_MAX, shortest / 4));
    this.#timer = setInterval(() => this.#sweep(), this.#sweepMs).unref();
  }

  /** Takes a connection, of which nothing has been read. */
  accept(socket: Socket): void {
    this.#connections.add(new FastConnection(this, socket));
  }

  /** Drops idle connections; the others end when their requests are answered. */
  close(): void {
    this.#isClosing = true;
    for (const connection of this.#connections) connection.dropIfIdle();
  }

  dropAll(): void {
    for (const connection of this.#connections) connection.drop();
  }

  /** No connection is left: the timer is not needed any more. */
  end(): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    this.#now += this.#sweepMs;
    this.renderer.setDate(new Date());
    for (const connection of this.#connections) connection.sweep(this.#now);
  }

  now(): number {
    return this.#now + this.#sweepMs;
  }

  isClosing(): boolean {
    return this.#isClosing;
  }

  refusal(reply: HttpReply): string {
    return refusalText(reply, this.#options.nextId());
  }

  failed(event: string, error: unknown): void {
    this.#options.failed(event, error);
  }

  forget(connection: FastConnection): void {
    this.#connections.delete(connection);
  }

  handOver(socket: Socket): void {
    this.#options.handOver(socket);
  }
}
