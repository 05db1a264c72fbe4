/**
 * The HTTP side of the API port, on node:http: an adapter between sockets and `handle` of dynamodb/.
 *
 * In: `POST /` with the target in X-Amz-Target goes to the API, `GET /` is answered with a health text, `GET /_flotilla/…` goes
 * to the administration. Everything else, malformed HTTP included, is answered with an error in DynamoDB's form.
 *
 * Bounds (H2): body and head, bytes of all requests and answers in memory, connections, and the time that each may take; what is
 * too much is refused early with an error that SDKs retry. Answers on a connection keep the order of their requests.
 *
 * {@link RequestHandler} is the seam for another parser of the same port: it sees whole requests and returns whole replies.
 */
export type { AdminHandler, AdminReply, HttpLog } from './api-handler.ts';
export type { HttpReply, HttpRequest, RequestHandler } from './request.ts';
export {
  DEFAULT_LIMITS,
  type HttpLimits,
  type HttpServer,
  type HttpServerOptions,
  startHttpServer,
} from './server.ts';
