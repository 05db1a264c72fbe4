import { createConnection, type Socket } from 'node:net';
import { ReplyReader } from './reply-reader.ts';
import type { RequestMaker } from './request-maker.ts';

export type Kind = 'put' | 'get' | 'batch';

const CONNECT_AGAIN_MS = 50;
/** All connections read into one buffer, since an answer is done with when its callback returns. */
const READ_BYTES = 256 * 1024;
const readBuffer = Buffer.allocUnsafe(READ_BYTES);

/** Whoever has the connections. */
export interface ConnectionOwner {
  /** The connection is there, and nothing is unanswered. */
  connected(connection: Connection): void;
  /** The oldest request was answered. `dueAt` is what {@link Connection.add} was given. */
  answered(
    connection: Connection,
    kind: Kind,
    key: number,
    dueAt: number,
    status: number,
    body: Buffer,
  ): void;
  /** A request that will not be answered. */
  lost(connection: Connection, kind: Kind, key: number): void;
  /** Nobody listens there, or the connection broke; it is made again. */
  disconnected(reason: string): void;
}

/**
 * One client: up to `depth` requests without an answer on a raw socket, which is made again whenever it breaks. A request lies in a
 * slot of the connection's own buffer until it is answered, so that sending one allocates next to nothing.
 */
export class Connection {
  readonly index: number;
  /** When its next request is due, for a paced load. */
  nextAt = 0;
  lastSuccessAt = 0;
  isServed = false;

  readonly #owner: ConnectionOwner;
  readonly #maker: RequestMaker;
  readonly #port: number;
  readonly #depth: number;
  readonly #slots: Buffer;
  readonly #kinds: Kind[];
  readonly #keys: Float64Array;
  readonly #dueAt: Float64Array;
  readonly #reader = new ReplyReader();
  readonly #onReply = (status: number, body: Buffer) => this.#answered(status, body);
  #oldest = 0;
  #unanswered = 0;
  #socket: Socket | undefined;
  #isConnected = false;
  #isClosed = false;

  constructor(
    index: number,
    port: number,
    depth: number,
    maker: RequestMaker,
    owner: ConnectionOwner,
  ) {
    this.index = index;
    this.#port = port;
    this.#depth = depth;
    this.#maker = maker;
    this.#owner = owner;
    this.#slots = Buffer.allocUnsafe(depth * maker.sizeMax);
    this.#kinds = new Array<Kind>(depth).fill('put');
    this.#keys = new Float64Array(depth);
    this.#dueAt = new Float64Array(depth);
    this.#connect();
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  /** How many more requests it can take now. */
  get room(): number {
    return this.#isConnected ? this.#depth - this.#unanswered : 0;
  }

  /** Sends one request. There must be room. */
  send(kind: Kind, key: number, dueAt: number): void {
    const slot = this.#take(kind, key, dueAt);
    const start = slot * this.#maker.sizeMax;
    this.#socket?.write(this.#slots.subarray(start, this.#fill(slot)));
  }

  /** Sends puts of `count` keys from `key` on with as few writes as can be. There must be room for them. */
  sendPuts(count: number, key: number, dueAt: number): void {
    let start = -1;
    let end = -1;
    for (let i = 0; i < count; i++) {
      const slot = this.#take('put', key + i, dueAt);
      const at = slot * this.#maker.sizeMax;
      if (at !== end) {
        if (end > start) this.#socket?.write(this.#slots.subarray(start, end));
        start = at;
      }
      end = this.#fill(slot);
    }
    this.#socket?.write(this.#slots.subarray(start, end));
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  #take(kind: Kind, key: number, dueAt: number): number {
    if (this.room === 0) throw new Error(`connection ${this.index} has no room for a request`);
    const slot = (this.#oldest + this.#unanswered) % this.#depth;
    this.#kinds[slot] = kind;
    this.#keys[slot] = key;
    this.#dueAt[slot] = dueAt;
    this.#unanswered++;
    return slot;
  }

  #fill(slot: number): number {
    const kind = this.#kinds[slot] as Kind;
    return this.#maker[kind](this.#slots, slot * this.#maker.sizeMax, this.#keys[slot] as number);
  }

  #answered(status: number, body: Buffer): void {
    if (this.#unanswered === 0) throw new Error(`connection ${this.index}: an answer to nothing`);
    const slot = this.#oldest;
    this.#oldest = (slot + 1) % this.#depth;
    this.#unanswered--;
    const [key, dueAt] = [this.#keys[slot] as number, this.#dueAt[slot] as number];
    this.#owner.answered(this, this.#kinds[slot] as Kind, key, dueAt, status, body);
  }

  #connect(): void {
    const read = (length: number) => {
      this.#reader.read(readBuffer.subarray(0, length), this.#onReply);
      return true;
    };
    const onread = { buffer: readBuffer, callback: read };
    const socket = createConnection({ host: '127.0.0.1', port: this.#port, noDelay: true, onread });
    this.#socket = socket;
    let reason = 'connection closed';
    socket.once('connect', () => {
      this.#isConnected = true;
      this.#owner.connected(this);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    socket.once('close', () => this.#disconnected(reason));
  }

  #disconnected(reason: string): void {
    this.#isConnected = false;
    if (this.#isClosed) return;
    this.#reader.reset();
    this.#owner.disconnected(reason);
    while (this.#unanswered > 0) {
      const slot = this.#oldest;
      this.#oldest = (slot + 1) % this.#depth;
      this.#unanswered--;
      this.#owner.lost(this, this.#kinds[slot] as Kind, this.#keys[slot] as number);
    }
    // The socket may still refer to bytes of a slot, and the new one writes to the slots anew: it is destroyed by now.
    setTimeout(() => {
      if (!this.#isClosed) this.#connect();
    }, CONNECT_AGAIN_MS);
  }
}
