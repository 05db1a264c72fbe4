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

/** So many nodes are asked for the way before a request is given up: all of them would be too many for one that is dead. */
const WAYS_TRIED = 3;

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
  /** To whom by way of whom the last time. */
  readonly #ways = new Map<NodeName, NodeName>();
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
    const ways = isReached ? [] : this.#waysTo(to);
    if (ways.length === 0) {
      peers.request(to, service, write, timeoutMs, settle);
      return;
    }
    const wrapped = wrap(to, service, timeoutMs, write);
    const go = ([way, ...others]: readonly NodeName[]) => {
      if (way === undefined) return settle('down');
      this.#by(way, wrapped, timeoutMs, (reply) => {
        if (typeof reply === 'object') this.#ways.set(to, way);
        else this.#ways.delete(to);
        // It has not been asked, and that is known at once.
        if (reply === 'down') go(others);
        else settle(reply);
      });
    };
    go(ways);
  }

  /** Whether this node hears it, or any that this node hears does: `service` is answered by whoever is there. */
  async hears(node: NodeName, service: number, timeoutMs: number): Promise<boolean> {
    if (this.#options.peers.isUp(node)) return true;
    const wrapped = wrap(node, service, timeoutMs, () => {});
    const asked = this.#others(node).map(
      (way) =>
        new Promise<boolean>((resolve) => {
          this.#by(way, wrapped, timeoutMs, (reply) => resolve(typeof reply === 'object'));
        }),
    );
    return (await Promise.all(asked)).includes(true);
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

  #by(
    way: NodeName,
    wrapped: (writer: ByteWriter) => void,
    timeoutMs: number,
    settle: (reply: PeerReply) => void,
  ): void {
    const { peers, service } = this.#options;
    peers.request(way, service, wrapped, timeoutMs, (reply) =>
      settle(typeof reply === 'object' ? outcomeIn(reply) : reply),
    );
  }

  /** The one that knew the way comes first; of the others each has its turn. */
  #waysTo(to: NodeName): readonly NodeName[] {
    const others = this.#others(to);
    const first = this.#turn++ % Math.max(1, others.length);
    const inTurn = [...others.slice(first), ...others.slice(0, first)];
    const known = this.#ways.get(to);
    const ways = known !== undefined && others.includes(known) ? [known] : [];
    return [...ways, ...inTurn.filter((name) => name !== known)].slice(0, WAYS_TRIED);
  }

  #others(than: NodeName): readonly NodeName[] {
    const { peers, nodes } = this.#options;
    return nodes().filter((name) => name !== than && peers.isUp(name));
  }
}

function wrap(
  to: NodeName,
  service: number,
  timeoutMs: number,
  write: (writer: ByteWriter) => void,
): (writer: ByteWriter) => void {
  return (writer) => write(writer.text(to).u8(service).varint(Math.ceil(timeoutMs)));
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
