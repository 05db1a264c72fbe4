import { connect, type Socket } from 'node:net';
import { handle } from '../../src/dynamodb/index.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../src/http/index.ts';
import { MemoryDatabase } from '../support/memory-database.ts';

export interface TestServer extends HttpServer {
  readonly database: MemoryDatabase;
  readonly port: number;
  readonly events: [string, Readonly<Record<string, unknown>>][];
  readonly fatal: unknown[];
}

/** A listener on a free loopback port over a memory database. */
export async function startTestServer(
  options: Partial<HttpServerOptions> = {},
): Promise<TestServer> {
  const database = new MemoryDatabase();
  const events: TestServer['events'] = [];
  const fatal: unknown[] = [];
  const server = await startHttpServer({
    address: '127.0.0.1:0',
    handle: (request) => handle(request, { database, address: 'node:8000' }),
    random: countingRandom(),
    log: (event, fields) => events.push([event, fields]),
    onFatal: (error) => fatal.push(error),
    ...options,
  });
  return {
    ...server,
    address: server.address,
    database,
    port: Number(server.address.split(':').at(-1)),
    events,
    fatal,
    close: () => server.close(),
  };
}

function countingRandom() {
  let next = 1;
  return {
    uint32: () => next++,
    fill: (target: Uint8Array) => {
      for (let i = 0; i < target.length; i++) target[i] = next++;
    },
  };
}

/** A raw connection: what was sent to it so far, and waiting for its next state. */
export class RawClient {
  readonly socket: Socket;
  text = '';
  closed = false;
  #wake: () => void = () => {};

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk) => {
      this.text += chunk;
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  send(data: string | Uint8Array): this {
    this.socket.write(data);
    return this;
  }

  /** Resolves when what has come satisfies the condition, or the connection is closed. */
  async until(condition: (text: string) => boolean): Promise<string> {
    while (!condition(this.text) && !this.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }

  untilClosed(): Promise<string> {
    return this.until(() => false);
  }
}

/** Bodies of all answers in a stream of them, by their Content-Length. */
export function answersIn(text: string): { head: string; body: string }[] {
  const answers: { head: string; body: string }[] = [];
  for (let rest = text; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) break;
    const head = rest.slice(0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    answers.push({ head, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}

export function post(target: string, body: string, headers: readonly string[] = []): string {
  const lines = [
    'POST / HTTP/1.1',
    'Host: localhost',
    `X-Amz-Target: DynamoDB_20120810.${target}`,
    'Content-Type: application/x-amz-json-1.0',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Whether one whole answer has come. */
export function isAnswered(text: string): boolean {
  const [first] = answersIn(text);
  return (
    first !== undefined &&
    first.body.length === Number(/content-length: (\d+)/i.exec(first.head)?.[1])
  );
}
