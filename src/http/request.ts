/** The headers that anybody asks for. Of one given twice the values are joined by `, `, or the first counts: as node:http has it. */
export const HEADER_NAMES = [
  'x-amz-target',
  'content-type',
  'accept-encoding',
  'origin',
  'authorization',
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'access-control-request-headers',
] as const;

export type HeaderName = (typeof HEADER_NAMES)[number];

/** One request, whole: whatever parser read it off the wire. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query, which is what follows the `?`. */
  readonly path: string;
  readonly query: string;
  header(name: HeaderName): string | undefined;
  /** Lies in what came off the wire, and is there until the handler returns: what is needed later is decoded or copied (E8). */
  readonly body: Uint8Array;
}

/** What goes back. Length, checksum, request id and date are added by whoever writes it. */
export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Further headers: name, value, name, value. */
  readonly headers?: readonly string[];
}

/** Where the answer to one request goes. */
export interface Responder {
  /** Exactly once, at once or later. Of no effect when the client is gone. */
  respond(reply: HttpReply): void;
}

/**
 * Answers requests. Never throws: what goes wrong is in the reply. Callbacks rather than promises, since each promise costs a
 * turn of the microtask queue, and this is every request's way.
 */
export type RequestHandler = (request: HttpRequest, responder: Responder) => void;
