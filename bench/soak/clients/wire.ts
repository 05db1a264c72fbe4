import { createConnection, type Socket } from 'node:net';
import { ReplyReader } from '../load/reply-reader.ts';

export interface Reply {
  readonly status: number;
  readonly body: string;
}

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** A connection to one node that is kept alive, with one request at a time on it. It is made with the first one. */
export class Wire {
  readonly port: number;
  readonly #reader = new ReplyReader();
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;

  constructor(port: number) {
    this.port = port;
  }

  /** Rejects when nobody listens there or the connection breaks, with the code of the error as its message. */
  request(bytes: Buffer): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket ??= this.#connect();
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connect(): Socket {
    const socket = createConnection({ host: '127.0.0.1', port: this.port, noDelay: true });
    let reason = 'connection closed';
    socket.on('data', (chunk) =>
      this.#reader.read(chunk, (status, body) => {
        const waiting = this.#waiting;
        this.#waiting = undefined;
        waiting?.resolve({ status, body: body.toString('utf8') });
      }),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    socket.once('close', () => {
      this.#socket = undefined;
      this.#reader.reset();
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.reject(new Error(reason));
    });
    return socket;
  }
}
