import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Random } from '../ports/index.ts';
import { apiHandler, type HandlerOptions, type HttpLog } from './api-handler.ts';
import { type BodyResult, busy, readBody } from './body.ts';
import { ByteBudget, ByteLease } from './byte-budget.ts';
import { errorReply } from './errors.ts';
import { compressed, requestIds, writeHead } from './reply-writer.ts';
import type { HttpReply, HttpRequest, RequestHandler } from './request.ts';

export interface HttpLimits {
  /** Of a body, on the wire and inflated (DynamoDB: 16 MB). */
  readonly bodyBytes: number;
  /** Of the request line and all headers (DynamoDB: 16 KB). */
  readonly headerBytes: number;
  /** Of all requests and answers in memory. */
  readonly inFlightBytes: number;
  readonly connections: number;
  readonly headersTimeoutMs: number;
  /** Head and body together. */
  readonly requestTimeoutMs: number;
  /** Of a connection without requests. */
  readonly keepAliveTimeoutMs: number;
  /** Of a connection on which nothing moves, a client that does not read its answer included. */
  readonly stallTimeoutMs: number;
  /** How long a refused client may go on sending before its connection is dropped. */
  readonly drainTimeoutMs: number;
  /** How long `close` waits for answers. */
  readonly closeTimeoutMs: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  bodyBytes: 16 * 1024 * 1024,
  headerBytes: 16 * 1024,
  inFlightBytes: 256 * 1024 * 1024,
  connections: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  stallTimeoutMs: 120_000,
  drainTimeoutMs: 2_000,
  closeTimeoutMs: 5_000,
};

/** What one request costs in memory beside its bytes, roughly. */
const REQUEST_OVERHEAD_BYTES = 4096;

export interface HttpServerOptions extends Omit<HandlerOptions, 'name' | 'cors'> {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  /** Lets pages from loopback origins read answers; off by default (W2). */
  readonly cors?: boolean;
  readonly limits?: Partial<HttpLimits>;
  readonly random: Random;
}

export interface HttpServer {
  /** `host:port`, with the port that was really taken. */
  readonly address: string;
  /** Accepts nothing more, lets answers under way finish for a bounded time, and drops the rest. */
  close(): Promise<void>;
}

/** Rejects with the reason when the address cannot be had. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.max(
      50,
      Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs) / 4,
    ),
    noDelay: true,
  });
  server.maxConnections = limits.connections;
  server.setTimeout(limits.stallTimeoutMs);
  const address = await listen(server, options.address);
  const handler = apiHandler({ ...options, cors: options.cors ?? false, name: address });
  const listener = new HttpListener(server, handler, limits, options.random, options.log);
  return { address, close: () => listener.close() };
}

class HttpListener {
  readonly #server: Server;
  readonly #handler: RequestHandler;
  readonly #limits: HttpLimits;
  readonly #nextId: () => string;
  readonly #log: HttpLog;
  readonly #budget: ByteBudget;
  /** Requests without a finished answer, by connection. */
  readonly #open = new WeakMap<object, number>();
  #closing = false;

  constructor(
    server: Server,
    handler: RequestHandler,
    limits: HttpLimits,
    random: Random,
    log: HttpLog,
  ) {
    this.#server = server;
    this.#handler = handler;
    this.#limits = limits;
    this.#nextId = requestIds(random);
    this.#log = log;
    this.#budget = new ByteBudget(limits.inFlightBytes);
    server.on('error', (error) => log('listener failed', { error }));
    server.on('request', (message, response) => this.#begin(message, response));
    server.on('checkContinue', (message, response) => this.#begin(message, response, true));
    server.on('clientError', (error, socket) => this.#refuseClient(error, socket as Socket));
  }

  #begin(message: IncomingMessage, response: ServerResponse, expectsContinue = false): void {
    const { socket } = message;
    this.#open.set(socket, (this.#open.get(socket) ?? 0) + 1);
    const lease = new ByteLease(this.#budget);
    response.on('close', () => {
      lease.end();
      this.#open.set(socket, (this.#open.get(socket) ?? 1) - 1);
    });
    response.on('error', () => {});
    if (expectsContinue && Number(message.headers['content-length']) <= this.#limits.bodyBytes) {
      response.writeContinue();
    }
    this.#serve(message, response, lease).catch((error: unknown) => {
      this.#log('reply failed', { error });
      response.destroy();
    });
  }

  async #serve(
    message: IncomingMessage,
    response: ServerResponse,
    lease: ByteLease,
  ): Promise<void> {
    const result: BodyResult = lease.take(REQUEST_OVERHEAD_BYTES)
      ? await readBody(message, lease, this.#limits.bodyBytes)
      : busy();
    if (result.kind === 'aborted') return;
    if (result.kind === 'refused') {
      this.#refuse(message, response, result.reply);
      return;
    }
    const reply = await compressed(
      await this.#handler(requestOf(message, result.body)),
      message.headers['accept-encoding'] as string | undefined,
    );
    lease.force(reply.body.length);
    writeHead(response, reply, this.#nextId(), this.#closing);
    response.end(reply.body);
  }

  /**
   * The client may still be sending. Closing now would reset the connection and could take the answer with it, so the rest is
   * read and thrown away for a while.
   */
  #refuse(message: IncomingMessage, response: ServerResponse, reply: HttpReply): void {
    writeHead(response, reply, this.#nextId(), true);
    if (message.complete) {
      response.end(reply.body);
      return;
    }
    response.write(reply.body);
    const end = () => {
      clearTimeout(timer);
      response.end();
      message.socket.destroySoon();
    };
    const timer = setTimeout(end, this.#limits.drainTimeoutMs);
    message.on('end', end).on('close', end);
    message.resume();
  }

  /** What is not HTTP, has too long a head, or came too slowly. */
  #refuseClient(error: Error & { code?: string }, socket: Socket): void {
    // With an answer under way, another one could only be taken for a part of it.
    if (!socket.writable || (this.#open.get(socket) ?? 0) > 0 || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const [reply, reason] = refusalOf(error.code);
    socket.end(
      `HTTP/1.1 ${reply.status} ${reason}\r\nx-amzn-RequestId: ${this.#nextId()}\r\n` +
        `Content-Type: ${reply.contentType}\r\nContent-Length: ${reply.body.length}\r\nConnection: close\r\n\r\n` +
        Buffer.from(reply.body).toString('latin1'),
    );
  }

  close(): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#server.closeAllConnections(),
        this.#limits.closeTimeoutMs,
      );
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }
}

function refusalOf(code: string | undefined): [HttpReply, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [
        errorReply('MalformedHttpRequestException', 'The request headers are too large'),
        'Bad Request',
      ];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [
        errorReply('RequestTimeoutException', 'The request did not arrive in time'),
        'Request Timeout',
      ];
    default:
      return [
        errorReply('MalformedHttpRequestException', 'The request is not valid HTTP'),
        'Bad Request',
      ];
  }
}

function requestOf(message: IncomingMessage, body: Uint8Array): HttpRequest {
  const url = message.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: message.method ?? '',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    header(name) {
      const value = message.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    body,
  };
}

function listen(server: Server, address: string): Promise<string> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: Number(address.slice(colon + 1)) }, () => {
      server.off('error', reject);
      const { port } = server.address() as AddressInfo;
      resolve(`${address.slice(0, colon)}:${port}`);
    });
  });
}
