import { utf8 } from '../bytes/index.ts';
import type { ApiRequest, ApiResponse } from '../dynamodb/index.ts';
import { ADMIN_PREFIX, type Administration, administer } from './administration.ts';
import { errorReply, JSON_TYPE } from './errors.ts';
import type { HttpReply, HttpRequest, RequestHandler, Responder } from './request.ts';

export interface HandlerOptions {
  readonly handle: (request: ApiRequest) => Promise<ApiResponse>;
  /** Undefined where administration is not served. */
  readonly administration?: Administration | undefined;
  /** Lets pages from loopback origins read answers (W2). */
  readonly cors: boolean;
  /** For the health text at GET /. */
  readonly name: string;
  readonly log: HttpLog;
  /** Called when an invariant is broken, after which the process should stop. */
  readonly onFatal: (error: unknown) => void;
}

export type HttpLog = (event: string, fields: Readonly<Record<string, unknown>>) => void;

const JSON_TYPES = [JSON_TYPE, 'application/x-amz-json-1.1', 'application/json'];
/** What curl says of a body unless told otherwise. A page of another site can not name a target beside it (W1). */
const FORM_TYPE = 'application/x-www-form-urlencoded';
const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** The routes of the one port: the API, health, administration. */
export function apiHandler(options: HandlerOptions): RequestHandler {
  return (request, responder) => {
    const to = options.cors ? withHeaders(responder, corsHeaders(request)) : responder;
    try {
      route(request, to, options);
    } catch (error) {
      to.respond(failed(error, options));
    }
  };
}

function route(request: HttpRequest, to: Responder, options: HandlerOptions): void {
  const { method, path } = request;
  const isReading = method === 'GET' || method === 'HEAD';
  if (path === '/' && method === 'POST') callApi(request, to, options);
  else if (path === '/' && isReading) to.respond(text(200, `healthy: ${options.name} `));
  else if (path === '/' && method === 'OPTIONS' && options.cors) to.respond(text(200, ''));
  else if (path === '/') to.respond(methodNotAllowed(`Requests are sent by POST, not ${method}`));
  else if (!path.startsWith(ADMIN_PREFIX) || !options.administration) to.respond(NOTHING_HERE);
  else {
    administer(request, options.administration).then(
      (found) => to.respond(found),
      (error: unknown) => to.respond(failed(error, options)),
    );
  }
}

function callApi(request: HttpRequest, to: Responder, options: HandlerOptions): void {
  // A page of another site can send text/plain without asking the browser for leave (W1).
  const sent = request.header('content-type');
  const type = sent === JSON_TYPE ? sent : sent?.split(';', 1)[0]?.trim().toLowerCase();
  const isJson = type !== undefined && JSON_TYPES.includes(type);
  if (type !== undefined && type !== FORM_TYPE && !isJson) {
    const message = `Content-Type must be ${JSON_TYPE}`;
    to.respond(errorReply('UnknownOperationException', message, 404));
    return;
  }
  const contentType = isJson ? type : JSON_TYPE;
  const call: ApiRequest = {
    target: request.header('x-amz-target'),
    invocationId: request.header('amz-sdk-invocation-id'),
    body: request.body,
  };
  options.handle(call).then(
    ({ status, body }) => to.respond({ status, contentType, body }),
    (error: unknown) => to.respond(failed(error, options)),
  );
}

/** The text is constant: what went wrong is for the log (O2). */
function failed(error: unknown, options: HandlerOptions): HttpReply {
  options.log('request failed', { error });
  if (isBrokenInvariant(error)) options.onFatal(error);
  return errorReply('InternalServerError', 'The request could not be processed: try again');
}

/** Assertions throw plain errors; a TypeError and its like is a fault in handling this one request. */
function isBrokenInvariant(error: unknown): boolean {
  return error instanceof Error && error.name === 'Error';
}

const NOTHING_HERE = errorReply(
  'UnknownOperationException',
  'There is nothing under this path',
  404,
);

function methodNotAllowed(message: string): HttpReply {
  return errorReply('MalformedHttpRequestException', message, 405);
}

/** Adds headers to whatever is answered. */
function withHeaders(to: Responder, added: readonly string[]): Responder {
  if (added.length === 0) return to;
  return {
    respond: (reply) => to.respond({ ...reply, headers: [...(reply.headers ?? []), ...added] }),
  };
}

function text(status: number, content: string): HttpReply {
  return { status, contentType: 'text/plain', body: utf8(content) };
}

function corsHeaders(request: HttpRequest): string[] {
  const origin = request.header('origin');
  if (origin === undefined || !LOOPBACK_ORIGIN.test(origin)) return [];
  const headers = [
    'Access-Control-Allow-Origin',
    origin,
    'Vary',
    'Origin',
    'Access-Control-Expose-Headers',
    'x-amzn-RequestId, x-amz-crc32',
  ];
  if (request.method === 'OPTIONS') {
    const wanted = request.header('access-control-request-headers');
    headers.push('Access-Control-Allow-Methods', 'POST', 'Access-Control-Max-Age', '172800');
    if (wanted !== undefined) headers.push('Access-Control-Allow-Headers', wanted);
  }
  return headers;
}
