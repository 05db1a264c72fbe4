import { utf8 } from '../bytes/index.ts';
import type { ApiRequest, ApiResponse } from '../dynamodb/index.ts';
import { errorReply, JSON_TYPE } from './errors.ts';
import type { HttpReply, HttpRequest, RequestHandler } from './request.ts';

export interface AdminReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** What is served under /_flotilla/; undefined where there is nothing. */
export type AdminHandler = (path: string, query: string) => Promise<AdminReply> | undefined;

export interface HandlerOptions {
  readonly handle: (request: ApiRequest) => Promise<ApiResponse>;
  readonly admin?: AdminHandler | undefined;
  /** Lets pages from loopback origins read answers (W2). */
  readonly cors: boolean;
  /** For the health text at GET /. */
  readonly name: string;
  readonly log: HttpLog;
  /** Called when an invariant is broken, after which the process should stop. */
  readonly onFatal: (error: unknown) => void;
}

export type HttpLog = (event: string, fields: Readonly<Record<string, unknown>>) => void;

const ADMIN_PREFIX = '/_flotilla/';
const JSON_TYPES = [JSON_TYPE, 'application/x-amz-json-1.1', 'application/json'];
/** What curl says of a body unless told otherwise. A page of another site can not name a target beside it (W1). */
const FORM_TYPE = 'application/x-www-form-urlencoded';
const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** The routes of the one port: the API, health, administration. */
export function apiHandler(options: HandlerOptions): RequestHandler {
  return async (request) => {
    const allowed = options.cors ? corsHeaders(request) : [];
    const reply = await route(request, options).catch((error: unknown) => failed(error, options));
    return allowed.length === 0
      ? reply
      : { ...reply, headers: [...(reply.headers ?? []), ...allowed] };
  };
}

/** An async function, so that whatever is thrown below becomes a rejection. */
async function route(request: HttpRequest, options: HandlerOptions): Promise<HttpReply> {
  const { method, path } = request;
  const isReading = method === 'GET' || method === 'HEAD';
  if (path === '/' && method === 'POST') return callApi(request, options);
  if (path === '/' && isReading) return text(200, `healthy: ${options.name} `);
  if (path === '/' && method === 'OPTIONS' && options.cors) return text(200, '');
  if (path.startsWith(ADMIN_PREFIX)) {
    if (!isReading) return errorReply('MalformedHttpRequestException', 'Use GET here', 405);
    const reply = await options.admin?.(path, request.query);
    if (reply) return reply;
  }
  if (path === '/') {
    return errorReply(
      'MalformedHttpRequestException',
      `Requests are sent by POST, not ${method}`,
      405,
    );
  }
  return errorReply('UnknownOperationException', 'There is nothing under this path', 404);
}

async function callApi(request: HttpRequest, options: HandlerOptions): Promise<HttpReply> {
  // A page of another site can send text/plain without asking the browser for leave (W1).
  const type = request.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  const isJson = type !== undefined && JSON_TYPES.includes(type);
  if (type !== undefined && type !== FORM_TYPE && !isJson) {
    return errorReply('UnknownOperationException', `Content-Type must be ${JSON_TYPE}`, 404);
  }
  const response = await options.handle({
    target: request.header('x-amz-target'),
    body: request.body,
  });
  return {
    status: response.status,
    contentType: isJson ? type : JSON_TYPE,
    body: response.body,
  };
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
