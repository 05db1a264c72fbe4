import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type BodyResult, busy, readBody, refused } from './body.ts';
import { type ByteBudget, ByteLease } from './byte-budget.ts';
import { acceptsGzip, compressed, wantsCompression } from './compression.ts';
import { errorReply } from './errors.ts';
import { type HttpLimits, REQUEST_OVERHEAD_BYTES } from './limits.ts';
import { NodeConnection } from './node-connection.ts';
import { refusalOf, refusalText } from './refusal.ts';
import { writeHead } from './reply-writer.ts';
import type { HttpReply, HttpRequest, RequestHandler } from './request.ts';

export interface NodePathOptions {
  readonly limits: HttpLimits;
  readonly budget: ByteBudget;
  readonly handler: RequestHandler;
  readonly nextId: () => string;
  readonly failed: (event: string, error: unknown) => void;
}

/** The way in through node:http, for whatever is not of the plain form. */
export class NodePath {
  readonly #options: NodePathOptions;
  readonly #connections = new WeakMap<object, NodeConnection>();
  #isClosing = false;

  constructor(server: Server, options: NodePathOptions) {
    this.#options = options;
    server.on('request', (message, response) => this.#begin(message, response));
    server.on('checkContinue', (message, response) => this.#begin(message, response, true));
    server.on('checkExpectation', (message, response) => this.#begin(message, response));
    server.on('clientError', (error, socket) => this.#refuseClient(error, socket as Socket));
    // Left alone, node:http would drop the connection and with it the answers before.
    server.on('connect', (_, socket) => {
      socket.on('error', () => {});
      this.#refuseClient(new Error('CONNECT'), socket as Socket);
    });
  }

  /** Every connection ends when its requests are answered. */
  close(): void {
    this.#isClosing = true;
  }

  #begin(message: IncomingMessage, response: ServerResponse, expectsContinue = false): void {
    const { limits, budget, failed } = this.#options;
    const connection = this.#connectionOf(message.socket);
    const lease = new ByteLease(budget, connection.held);
    const { isOverrun } = connection;
    const start = () => {
      if (isOverrun) {
        this.#refuse(message, response, busy());
        return;
      }
      if (expectsContinue && Number(message.headers['content-length']) <= limits.bodyBytes) {
        response.writeContinue();
      }
      this.#serve(message, response, lease).catch((error: unknown) => {
        failed('reply failed', error);
        response.destroy();
      });
    };
    response.on('close', () => {
      lease.end();
      connection.end(start);
      if (connection.failure !== undefined) this.#endFailed(connection, message.socket);
      else if (this.#isClosing && connection.open === 0) message.socket.destroySoon();
    });
    response.on('error', () => {});
    connection.newest = message;
    connection.begin(start);
  }

  async #serve(
    message: IncomingMessage,
    response: ServerResponse,
    lease: ByteLease,
  ): Promise<void> {
    const { handler, nextId } = this.#options;
    const result = await this.#bodyOf(message, lease);
    if (result.kind === 'aborted') return;
    if (result.kind === 'refused') {
      this.#refuse(message, response, result.reply);
      return;
    }
    const request = requestOf(message, result.body);
    let reply = await new Promise<HttpReply>((respond) => handler(request, { respond }));
    if (wantsCompression(reply) && acceptsGzip(request.header('accept-encoding'))) {
      reply = await compressed(reply);
    }
    lease.force(reply.body.length);
    const { budget, limits } = this.#options;
    if (budget.isTight) message.socket.setTimeout(limits.tightStallTimeoutMs);
    const isLast = this.#connectionOf(message.socket).newest === message;
    writeHead(response, reply, nextId(), this.#isClosing && isLast);
    response.end(reply.body);
  }

  #bodyOf(message: IncomingMessage, lease: ByteLease): BodyResult | Promise<BodyResult> {
    const { host, expect } = message.headers;
    if (host === undefined && message.httpVersion === '1.1') {
      return refused(errorReply('MalformedHttpRequestException', 'The header Host is missing'));
    }
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      const text = 'Expect can only be 100-continue';
      return refused(errorReply('MalformedHttpRequestException', text, 417));
    }
    if (!lease.take(REQUEST_OVERHEAD_BYTES)) return refused(busy());
    return readBody(message, lease, this.#options.limits.bodyBytes);
  }

  /**
   * The client may still be sending. Closing now would reset the connection and could take the answer with it, so the rest is
   * read and thrown away for a while.
   */
  #refuse(message: IncomingMessage, response: ServerResponse, reply: HttpReply): void {
    writeHead(response, reply, this.#options.nextId(), true);
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
    const timer = setTimeout(end, this.#options.limits.drainTimeoutMs);
    message.on('end', end).on('close', end);
    message.resume();
  }

  /** What is not HTTP, has too long a head, or came too slowly. */
  #refuseClient(error: Error & { code?: string }, socket: Socket): void {
    const connection = this.#connectionOf(socket);
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else if (connection.failure === undefined) {
      connection.failure = error.code ?? 'unknown';
      socket.pause();
      this.#endFailed(connection, socket);
    }
  }

  /** Ends a connection that went wrong as soon as the answers before that are written. */
  #endFailed({ open, newest, failure }: NodeConnection, socket: Socket): void {
    if (newest !== undefined && !newest.complete) {
      // It went wrong within the body of the newest request: no answer to that could be told from the end of another.
      if (open <= 1) socket.destroy();
    } else if (open === 0 && socket.writable) {
      socket.end(refusalText(refusalOf(failure), this.#options.nextId()), 'latin1');
      socket.resume();
    }
  }

  #connectionOf(socket: Socket): NodeConnection {
    let connection = this.#connections.get(socket);
    if (connection === undefined) {
      connection = new NodeConnection(socket, this.#options.limits);
      this.#connections.set(socket, connection);
    }
    return connection;
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
