import type { ByteReader, ByteWriter } from '../bytes/index.ts';
import type { NodeName } from '../controller/index.ts';
import type { Buggify } from '../ports/index.ts';
import type { Responder } from './link.ts';
import type { PeerReply, Peers } from './peers.ts';

// What came of a relayed request, on the wire.
const ANSWERED = 1;
const UNKNOWN = 2;
const DOWN = 3;
const CONGESTED = 4;

export interface RelayOptions {
  readonly peers: Pick<Peers, 'isUp' | 'request'>;
  /** The number on the wire of requests that are to be passed on. */
  readonly service: number;
  /** Those that may be asked to. */
  readonly nodes: () => readonly NodeName[];
  readonly buggify: Buggify;
}

/**
 * Requests to nodes, by way of another one where this one cannot reach them (F11): where some ways are cut and others are not, a
 * leader keeps its majority, and who cannot reach it would wait for as long as that lasts. One goes in between, never two.
 */
export class Relay {
  readonly #options: RelayOptions;
  #turn = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** As `Peers.request`, on the main stream. */
  request(
    to: NodeName,
    service: number,
    write: (writer: ByteWriter) => void,
    timeoutMs: number,
    settle: (reply: PeerReply) => void,
  ): void {
    const { peers, buggify } = this.#options;
    const isReached = peers.isUp(to) && !buggify('node: ask by way of another');
    const via = isReached ? undefined : this.#another(to);
    if (via === undefined) {
      peers.request(to, service, write, timeoutMs, settle);
      return;
    }
    const wrapped = (writer: ByteWriter) =>
      write(writer.text(to).u8(service).varint(Math.ceil(timeoutMs)));
    peers.request(via, this.#options.service, wrapped, timeoutMs, (reply) =>
      settle(typeof reply === 'object' ? outcomeIn(reply) : reply),
    );
  }

  /** On the node in between. The payload is a view. */
  onRequest(payload: ByteReader, respond: Responder): void {
    const to = payload.text();
    const service = payload.u8();
    const timeoutMs = payload.varint();
    const asked = payload.raw(payload.remaining);
    const write = (writer: ByteWriter) => writer.raw(asked);
    this.#options.peers.request(to, service, write, timeoutMs, (reply) =>
      respond((writer) => writeOutcome(writer, reply)),
    );
  }

  /** Whoever knows the way is not known: each is asked in its turn. */
  #another(to: NodeName): NodeName | undefined {
    const { peers, nodes } = this.#options;
    const others = nodes().filter((name) => name !== to && peers.isUp(name));
    return others[this.#turn++ % Math.max(1, others.length)];
  }
}

function writeOutcome(writer: ByteWriter, reply: PeerReply): void {
  if (typeof reply === 'object') writer.u8(ANSWERED).raw(reply.raw(reply.remaining));
  else if (reply === undefined) writer.u8(UNKNOWN);
  else writer.u8(reply === 'down' ? DOWN : CONGESTED);
}

function outcomeIn(reply: ByteReader): PeerReply {
  switch (reply.u8()) {
    case ANSWERED:
      return reply;
    case DOWN:
      return 'down';
    case CONGESTED:
      return 'congested';
    default:
      return undefined;
  }
}
