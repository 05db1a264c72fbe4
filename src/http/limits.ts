export interface HttpLimits {
  /** Of a body, on the wire and inflated (DynamoDB: 16 MB). */
  readonly bodyBytes: number;
  /** Of the request line and all headers (DynamoDB: 16 KB). */
  readonly headerBytes: number;
  /** Of all requests and answers in memory. */
  readonly inFlightBytes: number;
  /** Of one connection's requests and answers: one that has as many unanswered is not read until some are answered. */
  readonly pipelineRequests: number;
  readonly pipelineBytes: number;
  readonly connections: number;
  readonly headersTimeoutMs: number;
  /** Head and body together. */
  readonly requestTimeoutMs: number;
  /** Of a connection without requests. */
  readonly keepAliveTimeoutMs: number;
  /** Of a connection on which nothing moves, a client that does not read its answer included. */
  readonly stallTimeoutMs: number;
  /** The same of clients that do not read, while more than half of `inFlightBytes` is taken: others need the room. */
  readonly tightStallTimeoutMs: number;
  /** How long a refused client may go on sending before its connection is dropped. */
  readonly drainTimeoutMs: number;
  /** How long `close` waits for answers. */
  readonly closeTimeoutMs: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  bodyBytes: 16 * 1024 * 1024,
  headerBytes: 16 * 1024,
  inFlightBytes: 256 * 1024 * 1024,
  pipelineRequests: 16,
  pipelineBytes: 1024 * 1024,
  connections: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  stallTimeoutMs: 60_000,
  tightStallTimeoutMs: 2_000,
  drainTimeoutMs: 2_000,
  closeTimeoutMs: 5_000,
};

/** What one request costs in memory beside its bytes, roughly. */
export const REQUEST_OVERHEAD_BYTES = 4096;
