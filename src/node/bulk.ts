import type { Buggify, Clock, Network } from '../ports/index.ts';
import { type Hello, Link, type Refusal } from './link.ts';

export interface BulkOptions {
  readonly clock: Clock;
  readonly network: Network;
  /** `host:port` of the peer. */
  readonly address: string;
  /** What this node says of itself. */
  readonly hello: Hello;
  onHello(hello: Hello): Refusal | undefined;
  onQueued(): void;
  /** It is closed, or could not be had. */
  onDown(): void;
  readonly buggify: Buggify;
}

/**
 * Dials a peer for what is large, a snapshot or a shard that comes over: it has a connection of its own, so that what Raft has to say
 * to the same node waits neither behind it nor until what the network lost of it has come after all. Requests may follow at once.
 */
export function dialBulk(options: BulkOptions): Link {
  const { clock, network, address, hello, buggify } = options;
  const connection = network.connect(address, {
    onOpen: () => {},
    onData: (chunk) => link.onData(chunk),
    onClose: () => link.onClose(false),
  });
  const handler = {
    onHello: options.onHello,
    onQueued: options.onQueued,
    onDown: options.onDown,
    // Whoever is dialed answers, and begins nothing.
    onRaft: () => {},
    onRequest: () => {},
    // The main connection tells.
    onRefusal: () => {},
    onOtherProtocol: () => {},
    onSilent: () => {},
  };
  const link = new Link(clock, connection, hello.clusterId, handler, buggify);
  link.sendHello({ ...hello, stream: 'bulk' });
  return link;
}
