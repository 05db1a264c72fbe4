import {
  type ByteReader,
  type ByteWriter,
  MalformedError,
  utf8,
  utf8Text,
} from '../bytes/index.ts';
import { type Buggify, type Clock, type Connection, NEVER } from '../ports/index.ts';
import type { Heartbeat, HeartbeatResponse, Message, Quiesce } from '../raft/index.ts';
import { FrameReader, FrameWriter, NO_CLUSTER, OtherProtocolError } from './frame.ts';
import { readRaftMessage, writeRaftMessage } from './raft-codec.ts';

/** How often links look at the time, in milliseconds. */
export const LINK_TICK_MS = 250;
/** A peer that said nothing for this long has stalled: whoever waits for it is told. Four keep-alives. */
const SILENCE_MS = 1_000;
/** And after this long the connection is given up, since it may be half open. */
const GIVE_UP_MS = 5_000;
/** A stream for what is large is closed when nothing came over it for this long: the next request opens another one. */
const BULK_IDLE_MS = 10_000;
/** Unsent bytes for one peer. Past the bound messages of Raft are dropped, which it endures, and requests refused. */
const UNSENT_BYTES_MAX = 64 * 1024 * 1024;

/** Of a message that is late on purpose, in milliseconds. */
const LATE_MS = 30;

const HELLO = 1;
const REFUSAL = 2;
const RAFT = 3;
const HEARTBEATS = 4;
const HEARTBEAT_RESPONSES = 5;
const REQUEST = 6;
const REPLY = 7;
const HEALTH = 8;

/** What a connection is for: everything, or what is large and asked for by whoever dialed. */
export type Stream = 'main' | 'bulk';

/** What each side says first. */
export interface Hello {
  readonly stream: Stream;
  readonly name: string;
  readonly incarnation: string;
  /** Hash of the list the node was started with, while it waits to be formed; empty afterwards, and for one that wants to join. */
  readonly listHash: string;
  /** The cluster's id once the node is formed, else NO_CLUSTER. */
  readonly clusterId: string;
  readonly http: string;
  readonly peer: string;
  readonly zone: string;
}

/** Why a node does not talk to another one. */
export interface Refusal {
  readonly reason: string;
  /** The other one belongs to the cluster no more: it is not to try again. */
  readonly isFinal: boolean;
}

/** Writes the answer to a request; called once, now or later. */
export type Responder = (write: (writer: ByteWriter) => void) => void;

export interface LinkHandler {
  /** The other side's hello. One that is refused is told why, and the connection closes. */
  onHello(hello: Hello): Refusal | undefined;
  /** The other side refused our hello. */
  onRefusal(refusal: Refusal): void;
  /** The other side is of another build, and nothing that it says can be read. */
  onOtherProtocol(version: number): void;
  onRaft(group: number, message: Message): void;
  /** The payload is a view: copy what is kept past the call. */
  onRequest(service: number, payload: ByteReader, respond: Responder): void;
  /** The connection is gone, or could not be had; `refused`: nobody listens there. */
  onDown(refused: boolean): void;
  /** The peer has said nothing for {@link SILENCE_MS}. */
  onSilent(): void;
  /** Something waits to be sent: `flush` is to be called at the end of the turn. */
  onQueued(): void;
}

interface PendingRequest {
  readonly expiresAt: number;
  /** Undefined: not known whether it was carried out. */
  readonly settle: (reply: ByteReader | undefined) => void;
}

/**
 * One connection to one peer: collects what is for it into a frame a turn, and takes its frames apart.
 *
 * Requests and answers are matched here. A request settles exactly once: with the answer, or with `undefined` when the
 * connection breaks, the peer falls silent, or its time is over.
 */
export class Link {
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #handler: LinkHandler;
  readonly #buggify: Buggify;
  readonly #reader = new FrameReader();
  readonly #writer = new FrameWriter();
  readonly #requests = new Map<number, PendingRequest>();
  readonly #heartbeats: { group: number; message: Heartbeat | Quiesce }[] = [];
  readonly #heartbeatResponses: { group: number; message: HeartbeatResponse }[] = [];
  #nextRequest = 1;
  #clusterId: string;
  #peer: Hello | undefined;
  #heardAt: number;
  #tickedAt: number;
  #sentSinceTick = false;
  #silent = false;
  #closed = false;
  #canLead = true;
  /** Of a stream for what is large. */
  #idleMs: number | undefined;

  constructor(
    clock: Clock,
    connection: Connection,
    clusterId: string,
    handler: LinkHandler,
    buggify: Buggify = NEVER,
  ) {
    this.#clock = clock;
    this.#connection = connection;
    this.#clusterId = clusterId;
    this.#handler = handler;
    this.#buggify = buggify;
    this.#heardAt = clock.monotonic();
    this.#tickedAt = this.#heardAt;
  }

  /** Who is at the other end, once it said so. */
  get peer(): Hello | undefined {
    return this.#peer;
  }

  /** Answers may be expected. */
  get isUp(): boolean {
    return this.#peer !== undefined && !this.#silent && !this.#closed;
  }

  /** The peer said nothing to the contrary (R8). */
  get canLead(): boolean {
    return this.#canLead;
  }

  /** Tells the peer whether this node is fit to lead. */
  sendHealth(canLead: boolean): void {
    if (this.#peer) this.#add(HEALTH, (writer) => writer.boolean(canLead));
  }

  /** The node was formed: frames carry the cluster's id from now on. */
  joinCluster(clusterId: string): void {
    this.#clusterId = clusterId;
  }

  sendHello(hello: Hello): void {
    if (hello.stream === 'bulk') this.#idleMs = BULK_IDLE_MS;
    this.#add(HELLO, (writer) => writer.raw(utf8(JSON.stringify(hello))));
    this.flush();
  }

  sendRaft(group: number, message: Message): void {
    if (this.#buggify('link: a message of Raft comes late')) {
      this.#clock.after(LATE_MS, () => this.#sendRaft(group, message));
      return;
    }
    this.#sendRaft(group, message);
    if (this.#buggify('link: a message of Raft comes twice')) this.#sendRaft(group, message);
  }

  #sendRaft(group: number, message: Message): void {
    if (!this.#peer || this.#isCongested || this.#closed) return;
    this.#handler.onQueued();
    // With the heartbeats, since what is sent after it would wake the group.
    if (message.type === 'heartbeat' || message.type === 'quiesce')
      this.#heartbeats.push({ group, message });
    else if (message.type === 'heartbeat-response')
      this.#heartbeatResponses.push({ group, message });
    else {
      writeRaftMessage(this.#begin(RAFT).varint(group), message);
      this.#end();
    }
  }

  /** False: there is no room, and nothing was sent. */
  request(
    service: number,
    write: (writer: ByteWriter) => void,
    timeoutMs: number,
    settle: (reply: ByteReader | undefined) => void,
  ): boolean {
    if (this.#isCongested) return false;
    const id = this.#nextRequest++;
    this.#requests.set(id, { expiresAt: this.#clock.monotonic() + timeoutMs, settle });
    this.#add(REQUEST, (writer) => write(writer.varint(id).u8(service)));
    return true;
  }

  /** Sends what was collected, as one frame. */
  flush(): void {
    this.#addHeartbeats(HEARTBEATS, this.#heartbeats);
    this.#addHeartbeats(HEARTBEAT_RESPONSES, this.#heartbeatResponses);
    if (!this.#writer.isEmpty) this.#send();
  }

  onData(chunk: Uint8Array): void {
    this.#heardAt = this.#clock.monotonic();
    this.#silent = false;
    try {
      this.#reader.read(chunk, ({ clusterId, messages }) => {
        for (const message of messages) {
          if (this.#closed) return;
          this.#receive(message, clusterId);
        }
      });
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      if (error instanceof OtherProtocolError) this.#handler.onOtherProtocol(error.version);
      this.close();
    }
  }

  /** Every {@link LINK_TICK_MS}: keep-alives, and judging the peer's silence. */
  tick(): void {
    const now = this.#clock.monotonic();
    // A tick that comes late tells of a stall of our own, and what the peer sent meanwhile waits in the socket (R10).
    const late = now - this.#tickedAt > 2 * LINK_TICK_MS;
    this.#tickedAt = now;
    if (late) this.#heardAt = now;
    // Whether the peer is there, the main stream tells.
    if (this.#idleMs !== undefined) {
      if (now - this.#heardAt > this.#idleMs) this.close();
      else this.#failRequests(({ expiresAt }) => expiresAt <= now);
      return;
    }
    if (!this.#sentSinceTick && this.#peer) this.#send();
    this.#sentSinceTick = false;
    if (now - this.#heardAt > GIVE_UP_MS) {
      this.close();
    } else if (now - this.#heardAt > SILENCE_MS && !this.#silent) {
      this.#silent = true;
      this.#failRequests(() => true);
      this.#handler.onSilent();
    } else {
      this.#failRequests(({ expiresAt }) => expiresAt <= now);
    }
  }

  /** Idempotent. */
  close(): void {
    this.#connection.close();
    this.#onGone(false);
  }

  /** The connection is gone, by whatever side. */
  onClose(refused: boolean): void {
    this.#onGone(refused);
  }

  get #isCongested(): boolean {
    return this.#connection.bufferedBytes + this.#writer.length > UNSENT_BYTES_MAX;
  }

  #onGone(refused: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failRequests(() => true);
    this.#handler.onDown(refused);
  }

  #failRequests(which: (request: PendingRequest) => boolean): void {
    for (const [id, request] of this.#requests) {
      if (!which(request)) continue;
      this.#requests.delete(id);
      request.settle(undefined);
    }
  }

  #add(kind: number, write: (writer: ByteWriter) => void): void {
    write(this.#begin(kind));
    this.#end();
  }

  #begin(kind: number): ByteWriter {
    if (this.#writer.isEmpty) this.#handler.onQueued();
    return this.#writer.begin().u8(kind);
  }

  #end(): void {
    this.#writer.end();
    if (this.#writer.isFull) this.#send();
  }

  /** One message for the heartbeats of all groups: their cost does not grow with a message each. */
  #addHeartbeats(
    kind: number,
    queue: { group: number; message: Heartbeat | Quiesce | HeartbeatResponse }[],
  ): void {
    if (queue.length === 0) return;
    const writer = this.#begin(kind);
    for (const { group, message } of queue) writeRaftMessage(writer.varint(group), message);
    this.#end();
    queue.length = 0;
  }

  #send(): void {
    this.#sentSinceTick = true;
    const frame = this.#writer.take(this.#clusterId);
    // What is under way when a connection breaks is lost, and nobody may know.
    if (this.#peer && this.#buggify('link: lose a frame')) return;
    this.#connection.send([frame]);
    if (this.#peer && this.#buggify('link: break the connection')) this.close();
  }

  #receive(reader: ByteReader, clusterId: string): void {
    const kind = reader.u8();
    if (kind === HELLO || kind === REFUSAL) {
      this.#greet(kind, parseJson(reader.raw(reader.remaining)));
      return;
    }
    const peer = this.#peer;
    if (!peer) throw new MalformedError('a message before the hello');
    switch (kind) {
      case RAFT:
      case HEARTBEATS:
      case HEARTBEAT_RESPONSES:
        // The peer was formed a moment earlier; its record is being written here, and nothing can be lost yet.
        if (this.#clusterId === NO_CLUSTER) return;
        if (clusterId !== this.#clusterId) throw new MalformedError('another cluster');
        while (reader.remaining > 0) {
          const group = reader.varint();
          this.#handler.onRaft(group, readRaftMessage(reader, peer.incarnation));
        }
        break;
      case REQUEST: {
        const id = reader.varint();
        const service = reader.u8();
        this.#handler.onRequest(service, reader, (write) => {
          if (!this.#closed) this.#add(REPLY, (writer) => write(writer.varint(id)));
        });
        break;
      }
      case REPLY: {
        const id = reader.varint();
        const request = this.#requests.get(id);
        this.#requests.delete(id);
        if (request) settleWith(request, reader);
        break;
      }
      case HEALTH:
        this.#canLead = reader.boolean();
        break;
      default:
        throw new MalformedError(`message kind ${kind}`);
    }
  }

  #greet(kind: number, content: unknown): void {
    if (kind === REFUSAL) {
      this.#handler.onRefusal(checkRefusal(content));
      this.close();
      return;
    }
    const hello = checkHello(content);
    const refusal = this.#handler.onHello(hello);
    if (refusal === undefined) {
      this.#peer = hello;
      // Whoever dialed closes it first, so that no request meets a closed one.
      if (hello.stream === 'bulk') this.#idleMs = 2 * BULK_IDLE_MS;
    } else {
      this.#add(REFUSAL, (writer) => writer.raw(utf8(JSON.stringify(refusal))));
      this.flush();
      // Not closed here: the other side does when it has read why, and until then nothing else is taken from it.
    }
  }
}

/** An answer that cannot be read is none. */
function settleWith(request: PendingRequest, reply: ByteReader): void {
  try {
    request.settle(reply);
  } catch (error) {
    request.settle(undefined);
    throw error;
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Text(bytes));
  } catch {
    throw new MalformedError('not JSON');
  }
}

function checkRefusal(content: unknown): Refusal {
  const { reason, isFinal } = (content ?? {}) as Partial<Record<keyof Refusal, unknown>>;
  return {
    reason: typeof reason === 'string' ? reason : 'no reason given',
    isFinal: isFinal === true,
  };
}

function checkHello(content: unknown): Hello {
  const fields = [
    'stream',
    'name',
    'incarnation',
    'listHash',
    'clusterId',
    'http',
    'peer',
    'zone',
  ] as const;
  if (typeof content !== 'object' || content === null) throw new MalformedError('no hello');
  const record = content as Record<string, unknown>;
  for (const field of fields) {
    if (typeof record[field] !== 'string') throw new MalformedError(`hello without ${field}`);
  }
  return content as Hello;
}
