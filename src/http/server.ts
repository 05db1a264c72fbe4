import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Random } from '../ports/index.ts';
import { apiHandler, type HandlerOptions, type HttpLog } from './api-handler.ts';
import { ByteBudget } from './byte-budget.ts';
import { FastPath } from './fast-path.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { NodePath } from './node-path.ts';
import type { RequestHandler } from './request.ts';
import { requestIds } from './request-ids.ts';

export interface HttpServerOptions extends Omit<HandlerOptions, 'name' | 'cors'> {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  /** Lets pages from loopback origins read answers; off by default (W2). */
  readonly cors?: boolean;
  readonly limits?: Partial<HttpLimits>;
  readonly random: Random;
  /** False leaves every connection to node:http. */
  readonly fastPath?: boolean;
}

export interface HttpServer {
  /** `host:port`, with the port that was really taken. */
  readonly address: string;
  /** Accepts nothing more, lets answers under way finish for a bounded time, and drops the rest. */
  close(): Promise<void>;
}

/** Rejects with the reason when the address cannot be had. */
export function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const listener = new HttpListener({
    ...options,
    handler: (address) => apiHandler({ ...options, cors: options.cors ?? false, name: address }),
  });
  return listener.start();
}

export interface HttpListenerOptions {
  readonly address: string;
  readonly limits?: Partial<HttpLimits>;
  readonly random: Random;
  readonly fastPath?: boolean;
  readonly log: HttpLog;
  /** Makes the handler, when it is known what address was taken. */
  readonly handler: (address: string) => RequestHandler;
}

/** Connections that wait to be accepted: after a failure all clients come back at once (F44). The kernel has its own bound. */
const BACKLOG = 4096;

/** One port, two ways in. */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #limits: HttpLimits;
  readonly #server: Server;
  #fastPath: FastPath | undefined;
  #nodePath: NodePath | undefined;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#limits = limits;
    this.#server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.max(
        50,
        Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs) / 4,
      ),
      noDelay: true,
      // Its own answer to this has no body; ours has the form that SDKs can read.
      requireHostHeader: false,
    });
    this.#server.maxConnections = limits.connections;
    // A client that says it sends nothing more still gets its answers.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.setTimeout(limits.stallTimeoutMs);
  }

  async start(): Promise<HttpServer> {
    const { random, log, handler } = this.#options;
    const address = await listen(this.#server, this.#options.address);
    this.#server.on('error', (error) => log('listener failed', { error }));
    const parts = {
      limits: this.#limits,
      budget: new ByteBudget(this.#limits.inFlightBytes),
      handler: handler(address),
      nextId: requestIds(random),
      failed: (event: string, error: unknown) => log(event, { error }),
    };
    this.#nodePath = new NodePath(this.#server, parts);
    if (this.#options.fastPath ?? true) {
      const handOver = takeConnections(this.#server, (socket) => fastPath.accept(socket));
      const fastPath = new FastPath({ ...parts, handOver });
      this.#fastPath = fastPath;
    }
    return { address, close: () => this.#close() };
  }

  #close(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#fastPath?.dropAll();
        this.#server.closeAllConnections();
      }, this.#limits.closeTimeoutMs);
      this.#server.close(() => {
        clearTimeout(timer);
        this.#fastPath?.end();
        resolve();
      });
      this.#nodePath?.close();
      this.#fastPath?.close();
      this.#server.closeIdleConnections();
    });
  }
}

/**
 * Makes connections of the server ours instead of node:http's. Returns what gives one of them to node:http, with everything that
 * is still in the socket: reading goes on when its listeners are in place.
 */
function takeConnections(
  server: Server,
  accept: (socket: Socket) => void,
): (socket: Socket) => void {
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection').on('connection', accept);
  return (socket) => {
    if (socket.destroyed) return;
    for (const listener of listeners) listener.call(server, socket);
    process.nextTick(() => socket.resume());
  };
}

function listen(server: Server, address: string): Promise<string> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: Number(address.slice(colon + 1)), backlog: BACKLOG }, () => {
      server.off('error', reject);
      const { port } = server.address() as AddressInfo;
      resolve(`${address.slice(0, colon)}:${port}`);
    });
  });
}
