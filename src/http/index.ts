/**
 * The HTTP side of the API port: an adapter between sockets and `handle` of dynamodb/.
 *
 * In: `POST /` with the target in X-Amz-Target goes to the API, `GET /` is answered with a health text, what is
 * under /_flotilla/ to the administration. Everything else, malformed HTTP included, is answered with an error in DynamoDB's form.
 *
 * Two ways in on one port. Nearly every request has one plain form, and the fast path (fast-path.ts, head-parser.ts) takes exactly
 * that, from the raw socket. Whatever deviates in one byte is not judged there: when every earlier answer is written, the
 * connection goes to node:http (node-path.ts) for good, with what was read put back. What the fast path accepts means the same to
 * node:http (H1, H3).
 *
 * Bounds (H2), the same on both ways: body and head, bytes of all requests and answers in memory, requests and bytes of one
 * connection, connections, and the time that each may take; what is too much is refused early with an error that SDKs retry.
 * Answers on a connection keep the order of their requests.
 *
 * {@link RequestHandler} is the seam behind both: it sees whole requests and gives whole replies.
 */
export type { Administration, CommandAnswer } from './administration.ts';
export type { HttpLog } from './api-handler.ts';
export { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
export type { OperatorCommand } from './operator-command.ts';
export type { HeaderName, HttpReply, HttpRequest, RequestHandler, Responder } from './request.ts';
export { type HttpServer, type HttpServerOptions, startHttpServer } from './server.ts';
