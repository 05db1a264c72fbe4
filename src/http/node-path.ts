import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type BodyResult, busy, readBody, refused } from './body.ts';
import { type ByteBudget, ByteLease } from './byte-budget.ts';
import { acceptsGzip, compressed, wantsCompression } from './compression.ts';
import { type HttpLimits, REQUEST_OVERHEAD_BYTES } from './limits.ts';
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
  /** Requests without a finished answer, by connection. */
  readonly #open = new WeakMap<object, number>();
  #isClosing = false;

  constructor(server: Server, options: NodePathOptions) {
    this.#options = options;
    server.on('request', (message, response) => this.#begin(message, response));
    server.on('checkContinue', (message, response) => this.#begin(message, response, true));
    server.on('clientError', (error, socket) => this.#refuseClient(error, socket as Socket));
  }

  /** Every connection ends with its next answer. */
  close(): void {
    this.#isClosing = true;
  }

  #begin(message: IncomingMessage, response: ServerResponse, expectsContinue = false): void {
    const { socket } = message;
    const { limits, budget, failed } = this.#options;
    const open = (this.#open.get(socket) ?? 0) + 1;
    this.#open.set(socket, open);
    // What has been read already is parsed still; the bytes of that are bounded.
    if (open >= limits.pipelineRequests) socket.pause();
    const lease = new ByteLease(budget);
    response.on('close', () => {
      lease.end();
      const left = (this.#open.get(socket) ?? 1) - 1;
      this.#open.set(socket, left);
      if (left === limits.pipelineRequests - 1) socket.resume();
    });
    response.on('error', () => {});
    if (expectsContinue && Number(message.headers['content-length']) <= limits.bodyBytes) {
      response.writeContinue();
    }
    this.#serve(message, response, lease).catch((error: unknown) => {
      failed('reply failed', error);
      response.destroy();
    });
  }

  async #serve(
    message: IncomingMessage,
    response: ServerResponse,
    lease: ByteLease,
  ): Promise<void> {
    const { limits, handler, nextId } = this.#options;
    const result: BodyResult = lease.take(REQUEST_OVERHEAD_BYTES)
      ? await readBody(message, lease, limits.bodyBytes)
      : refused(busy());
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
    writeHead(response, reply, nextId(), this.#isClosing);
    response.end(reply.body);
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
    // With an answer under way, another one could only be taken for a part of it.
    if (!socket.writable || (this.#open.get(socket) ?? 0) > 0 || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    socket.end(refusalText(refusalOf(error.code), this.#options.nextId()), 'latin1');
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
