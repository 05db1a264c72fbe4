import { randomUUID } from 'node:crypto';
import type { Endpoints } from './endpoints.ts';
import { type Reply, Wire } from './wire.ts';

// The standard retry mode of the AWS SDK for JavaScript v3: `StandardRetryStrategy` of @smithy/util-retry.
const ATTEMPTS = 3;
const BASE_MS = 100;
const THROTTLED_BASE_MS = 500;

const HEADERS =
  'Host: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Date: 20260101T000000Z\r\n' +
  'Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/local/dynamodb/aws4_request, ' +
  `SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}\r\n`;

const THROTTLED =
  /^400 (ThrottlingException|ProvisionedThroughputExceededException|RequestLimitExceeded)$/;

/** How a request ended for whoever uses the SDK. */
export type Ending =
  | { readonly kind: 'answered'; readonly body: string }
  /** An error of the request's own, as of a condition that does not hold. `name`: of the exception. */
  | { readonly kind: 'refused'; readonly name: string }
  /** What the last try failed with. A write may have taken effect. */
  | { readonly kind: 'failed'; readonly why: string };

/** One client as an application has it: a connection that is kept, tries again as the SDK does, each time at another node. */
export class SdkClient {
  readonly #endpoints: Endpoints;
  readonly #index: number;
  readonly #onFailedTry: (why: string) => void;
  #wire: Wire | undefined;
  #moves = 0;

  constructor(endpoints: Endpoints, index: number, onFailedTry: (why: string) => void) {
    this.#endpoints = endpoints;
    this.#index = index;
    this.#onFailedTry = onFailedTry;
  }

  /** Never rejects. One at a time. */
  async send(operation: string, parameters: object): Promise<Ending> {
    const bytes = requestOf(operation, parameters);
    for (let attempt = 0; ; attempt++) {
      const reply = await this.#try(bytes);
      if (typeof reply === 'object' && reply.status === 200) {
        return { kind: 'answered', body: reply.body };
      }
      const why = typeof reply === 'string' ? reply : `${reply.status} ${errorName(reply.body)}`;
      const isThrottled = THROTTLED.test(why);
      if (typeof reply === 'object' && reply.status < 500 && !isThrottled) {
        return { kind: 'refused', name: errorName(reply.body) };
      }
      this.#onFailedTry(why);
      this.#moves++;
      if (attempt + 1 === ATTEMPTS) return { kind: 'failed', why };
      const base = isThrottled ? THROTTLED_BASE_MS : BASE_MS;
      const delay = Math.random() * base * 2 ** attempt;
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }

  close(): void {
    this.#wire?.close();
  }

  #try(bytes: Buffer): Promise<Reply | string> {
    const port = this.#endpoints.portFor(this.#index, this.#moves);
    if (this.#wire?.port !== port) {
      this.#wire?.close();
      this.#wire = new Wire(port);
    }
    return this.#wire.request(bytes).catch((error: Error) => error.message);
  }
}

/** All tries of a request have one id, by which the server knows them. */
function requestOf(operation: string, parameters: object): Buffer {
  const body = JSON.stringify(parameters);
  return Buffer.from(
    `POST / HTTP/1.1\r\n${HEADERS}X-Amz-Target: DynamoDB_20120810.${operation}\r\n` +
      `amz-sdk-invocation-id: ${randomUUID()}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function errorName(body: string): string {
  return /#(\w+)"/.exec(body)?.[1] ?? body.slice(0, 80);
}
