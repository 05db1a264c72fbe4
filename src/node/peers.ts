import type { ByteReader, ByteWriter } from '../bytes/index.ts';
import type {
  Buggify,
  Clock,
  Connection,
  ConnectionHandler,
  Listener,
  Network,
  Random,
  Timer,
} from '../ports/index.ts';
import type { Message } from '../raft/index.ts';
import { dialBulk } from './bulk.ts';
import {
  type Hello,
  LINK_TICK_MS,
  Link,
  type LinkHandler,
  type Refusal,
  type Responder,
  type Stream,
} from './link.ts';

const REDIAL_MIN_MS = 100;
const REDIAL_MAX_MS = 1_000;
/**
 * A connection that is not open by then is given up. The kernel would go on for two minutes with longer and longer pauses, in
 * which a network that is whole again goes unnoticed.
 */
const DIAL_TIMEOUT_MS = 2_000;

/** Connections of others who have not said yet who they are. Each costs a file, which the node may need for itself. */
const STRANGERS_MAX = 64;

/** Longer than a dial takes. In ticks of the links. */
const CALL_TICKS = 12;

export interface PeerAddress {
  readonly name: string;
  /** `host:port` of its listener for nodes. */
  readonly address: string;
}

/** A view, to be read within the call. Undefined: not known whether it was carried out; `down`, `congested`: it was not sent. */
export type PeerReply = ByteReader | 'down' | 'congested' | undefined;

export interface PeersHandler {
  /** Called for each hello. */
  onHello(hello: Hello): Refusal | undefined;
  /** A peer refused us. */
  onRefusal(name: string, refusal: Refusal): void;
  /** A peer speaks another version of the protocol; told once, until it is up or speaks yet another one. */
  onOtherProtocol(name: string, version: number): void;
  /** A connection with both hellos exchanged. */
  onUp(hello: Hello): void;
  onRaft(group: number, message: Message): void;
  onRequest(from: string, service: number, payload: ByteReader, respond: Responder): void;
  /** A peer has said nothing for a second, not even that it is there. */
  onSilent(name: string): void;
  /** `refused`: nobody listens at the peer's address, so its process is gone (R10). */
  onDown(name: string, refused: boolean): void;
}

export interface PeersOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly handler: PeersHandler;
  /** What this node says of itself; asked anew for each connection. */
  readonly hello: () => Hello;
  /** Something waits to be sent: `flush` is to be called at the end of the turn. */
  readonly onQueued: () => void;
  readonly buggify: Buggify;
}

/**
 * The connections to all other nodes, one each: of two nodes, the one whose name sorts first dials. The other one only
 * knocks when it loses the connection, to learn whether the process is gone. Beside it there may be one each way for what is large
 * (bulk.ts), as long as that one stands.
 */
export class Peers {
  readonly #options: PeersOptions;
  readonly #self: string;
  readonly #addresses = new Map<string, string>();
  readonly #links = new Map<string, Link>();
  readonly #bulk = new Map<string, Link>();
  readonly #open = new Set<Link>();
  /** Whose hello has yet to come, of those that others opened, the oldest first. */
  readonly #strangers = new Set<Link>();
  readonly #redials = new Map<string, number>();
  /** Versions that peers spoke, which are not this node's. */
  readonly #otherProtocols = new Map<string, number>();
  #listener: Listener | undefined;
  #ticker: Timer | undefined;
  #ticks = 0;
  #closed = false;
  #fit = true;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#self = options.self;
  }

  /** Rejects when the address cannot be had. */
  async start(address: string): Promise<void> {
    this.#listener = await this.#options.network.listen(address, (connection) =>
      this.#accept(connection),
    );
    this.#tick();
  }

  /** Who the peers are from now on, and where: those that are new are reached, those that are not among them left (F16). */
  follow(peers: readonly PeerAddress[]): void {
    for (const name of [...this.#addresses.keys()]) {
      if (peers.some((peer) => peer.name === name)) continue;
      this.#addresses.delete(name);
      this.#links.get(name)?.close();
    }
    for (const { name, address } of peers) {
      if (name === this.#self || this.#addresses.get(name) === address) continue;
      this.#addresses.set(name, address);
      if (this.#dials(name) && !this.#links.has(name)) this.#dial(name);
    }
  }

  /** Reaches somebody whose name is not known yet, once. */
  call(address: string): void {
    if (!this.#closed) this.#connect(address, undefined);
  }

  /**
   * Dials those, too, that should dial: where they do not know this node, or where it is, or have let go of it, they never would (F26).
   */
  callOnAll(): void {
    for (const name of this.#addresses.keys()) {
      if (!this.#dials(name) && !this.#links.has(name)) this.#dial(name);
    }
  }

  /** Those that answer, strangers among them. */
  up(): readonly string[] {
    return [...this.#links].filter(([, link]) => link.isUp).map(([name]) => name);
  }

  joinCluster(clusterId: string): void {
    for (const link of this.#open) link.joinCluster(clusterId);
  }

  isUp(name: string): boolean {
    return this.#links.get(name)?.isUp ?? false;
  }

  /** The peer is up, and fit to lead as far as it said. */
  canLead(name: string): boolean {
    const link = this.#links.get(name);
    return link?.isUp === true && link.canLead;
  }

  /** Tells all peers, those that come up later included, whether this node is fit to lead. */
  sendHealth(canLead: boolean): void {
    this.#fit = canLead;
    for (const link of this.#links.values()) link.sendHealth(canLead);
  }

  sendRaft(name: string, group: number, message: Message): void {
    this.#links.get(name)?.sendRaft(group, message);
  }

  /** Asks a peer. `settle` is called once, now or later. */
  request(
    name: string,
    service: number,
    write: (writer: ByteWriter) => void,
    timeoutMs: number,
    settle: (reply: PeerReply) => void,
    stream: Stream = 'main',
  ): void {
    const main = this.#links.get(name);
    const link = main?.isUp && stream === 'bulk' ? this.#bulkTo(name) : main;
    if (!main?.isUp || !link) settle('down');
    else if (!link.request(service, write, timeoutMs, settle)) settle('congested');
  }

  /** Sends what was collected in this turn. */
  flush(): void {
    for (const link of this.#open) link.flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ticker?.cancel();
    this.flush();
    for (const link of [...this.#open]) link.close();
    await this.#listener?.close();
  }

  #dials(name: string): boolean {
    return this.#self < name;
  }

  #tick(): void {
    this.#ticker = this.#options.clock.after(LINK_TICK_MS, () => {
      for (const link of [...this.#open]) link.tick();
      const isTime = this.#ticks++ % CALL_TICKS === CALL_TICKS / 3;
      if (isTime) this.callOnAll();
      this.#tick();
    });
  }

  #dial(name: string): void {
    const address = this.#addresses.get(name);
    if (this.#closed || address === undefined) return;
    this.#connect(address, name);
  }

  #redial(name: string): void {
    if (this.#closed) return;
    const failures = this.#redials.get(name) ?? 0;
    this.#redials.set(name, failures + 1);
    const ceiling = Math.min(REDIAL_MAX_MS, REDIAL_MIN_MS * 2 ** failures);
    const delay = ceiling * (0.5 + this.#options.random.uint32() / 0x2_0000_0000);
    this.#options.clock.after(delay, () => {
      if (!this.#links.has(name)) this.#dial(name);
    });
  }

  /** Undefined: it is not known where the peer is. */
  #bulkTo(name: string): Link | undefined {
    const known = this.#bulk.get(name);
    const address = this.#addresses.get(name);
    if (known || address === undefined) return known;
    const { clock, network, hello, handler, onQueued, buggify } = this.#options;
    const link = dialBulk({
      clock,
      network,
      address,
      hello: hello(),
      onHello: (greeting) => notExpected(name, greeting) ?? handler.onHello(greeting),
      onQueued,
      onDown: () => {
        this.#open.delete(link);
        if (this.#bulk.get(name) === link) this.#bulk.delete(name);
      },
      buggify,
    });
    this.#bulk.set(name, link);
    this.#open.add(link);
    return link;
  }

  #connect(address: string, name: string | undefined): void {
    const { clock, network } = this.#options;
    let link: Link | undefined;
    const connection = network.connect(address, {
      onOpen: () => {
        timeout.cancel();
        link = this.#makeLink(connection, name);
        link.sendHello(this.#options.hello());
      },
      onData: (chunk) => link?.onData(chunk),
      onClose: (reason) => {
        timeout.cancel();
        if (link) link.onClose(reason === 'refused');
        else if (name !== undefined) this.#onDown(name, reason === 'refused');
      },
    });
    const timeout = clock.after(DIAL_TIMEOUT_MS, () => connection.close());
  }

  #accept(connection: Connection): ConnectionHandler {
    const link = this.#makeLink(connection, undefined);
    // A node says who it is at once: the longer it takes, the less likely it is one.
    const [oldest] = this.#strangers;
    if (this.#strangers.size === STRANGERS_MAX) oldest?.close();
    this.#strangers.add(link);
    return {
      onOpen: () => link.sendHello(this.#options.hello()),
      onData: (chunk) => link.onData(chunk),
      onClose: () => link.onClose(false),
    };
  }

  #makeLink(connection: Connection, dialed: string | undefined): Link {
    const { clock, handler, hello, onQueued, buggify } = this.#options;
    let name = dialed;
    const linkHandler: LinkHandler = {
      onHello: (greeting) => {
        const unexpected = dialed === undefined ? undefined : notExpected(dialed, greeting);
        const refusal = unexpected ?? handler.onHello(greeting);
        if (refusal !== undefined) return refusal;
        this.#strangers.delete(link);
        name = greeting.name;
        if (greeting.stream === 'bulk') return undefined;
        const older = this.#links.get(name);
        this.#links.set(name, link);
        if (older && older !== link) older.close();
        this.#bulk.get(name)?.close();
        this.#redials.delete(name);
        this.#otherProtocols.delete(name);
        // After the link took the hello: whoever is told may answer on it.
        clock.endOfTurn(() => {
          if (this.#links.get(greeting.name) !== link) return;
          if (!this.#fit) link.sendHealth(false);
          handler.onUp(greeting);
        });
        return undefined;
      },
      onQueued,
      onSilent: () => {
        if (name !== undefined && this.#links.get(name) === link) handler.onSilent(name);
      },
      onRefusal: (refusal) => handler.onRefusal(name ?? 'a peer', refusal),
      onOtherProtocol: (version) => this.#onOtherProtocol(name ?? 'a peer', version),
      onRaft: (group, message) => handler.onRaft(group, message),
      onRequest: (service, payload, respond) => {
        if (name !== undefined) handler.onRequest(name, service, payload, respond);
      },
      onDown: (refused) => {
        this.#open.delete(link);
        this.#strangers.delete(link);
        if (name === undefined) return;
        const current = this.#links.get(name);
        if (current === link) this.#links.delete(name);
        // Another connection took its place; to dial again would in turn take the place of that one, and so on.
        else if (current || dialed === undefined) return;
        this.#onDown(name, refused);
      },
    };
    const link: Link = new Link(clock, connection, hello().clusterId, linkHandler, buggify);
    this.#open.add(link);
    return link;
  }

  #onOtherProtocol(name: string, version: number): void {
    if (this.#otherProtocols.get(name) === version) return;
    this.#otherProtocols.set(name, version);
    this.#options.handler.onOtherProtocol(name, version);
  }

  #onDown(name: string, refused: boolean): void {
    if (this.#closed) return;
    this.#bulk.get(name)?.close();
    this.#options.handler.onDown(name, refused);
    if (this.#dials(name)) this.#redial(name);
    else if (!refused) this.#knock(name);
  }

  /** Only to see whether anybody is there. */
  #knock(name: string): void {
    const address = this.#addresses.get(name);
    if (address === undefined) return;
    const { clock, network } = this.#options;
    const connection = network.connect(address, {
      onOpen: () => connection.close(),
      onData: () => {},
      onClose: (reason) => {
        timeout.cancel();
        if (reason === 'refused' && !this.isUp(name) && !this.#closed) {
          this.#options.handler.onDown(name, true);
        }
      },
    });
    const timeout = clock.after(DIAL_TIMEOUT_MS, () => connection.close());
  }
}

function notExpected(dialed: string, { name }: Hello): Refusal | undefined {
  if (name === dialed) return undefined;
  return { reason: `${dialed} was expected here, not ${name}`, isFinal: false };
}
