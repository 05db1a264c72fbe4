import type { Connection, ConnectionHandler } from '../ports/index.ts';
import type { SimProcess } from './process.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What a kernel keeps of each side: a sender's `bufferedBytes` counts what is beyond, a receiver takes no more. */
const KERNEL_BUFFER_BYTES = 256 * 1024;

export type CloseReason = 'closed' | 'refused' | 'failed';

/** On its way to the other end: bytes, or the end of the stream. */
type Parcel =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly reason: CloseReason };

interface Place {
  readonly parcel: Parcel;
  next: Place | undefined;
}

/** First in, first out. An array would be made anew for each parcel that comes to an empty one, with room for many. */
class Parcels {
  #first: Place | undefined;
  #last: Place | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  push(parcel: Parcel): void {
    const place: Place = { parcel, next: undefined };
    if (this.#last) this.#last.next = place;
    else this.#first = place;
    this.#last = place;
  }

  shift(): Parcel | undefined {
    const first = this.#first;
    this.#first = first?.next;
    if (!this.#first) this.#last = undefined;
    return first?.parcel;
  }

  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
  }
}

/** The wire between the machines. */
export interface Wire {
  readonly time: VirtualTime;
  /** Milliseconds from one machine to another, drawn anew. */
  latency(from: string, to: string): number;
  /** Something sent now gets there. */
  isPassable(from: string, to: string): boolean;
  /** What is returned travels as chunks of their own. */
  split(bytes: Uint8Array): readonly Uint8Array[];
  /** Bytes are about to reach their process. */
  onArrival(from: Endpoint, to: Endpoint, bytes: Uint8Array): void;
}

/**
 * One end of a connection. What it sends arrives in order, or waits: while the way is cut it is not lost, as TCP sends it
 * again, and a receiver that does not read takes a kernel's buffer full and no more.
 */
export class Endpoint implements Connection {
  readonly machine: string;
  readonly process: SimProcess;
  handler: ConnectionHandler | undefined;
  readonly #wire: Wire;
  #peer: Endpoint | undefined;
  /** `gone`: the process died or the machine lost power, so nobody here will be told anything. */
  #state: 'open' | 'closed' | 'gone' = 'open';
  readonly #outgoing = new Parcels();
  #outgoingBytes = 0;
  /** A parcel is under way; the others wait for it. */
  #sending = false;
  #nextArrivalAt = 0;
  readonly #received = new Parcels();
  #receivedBytes = 0;
  #delivering = false;
  #isReading = true;
  // Made once, since each parcel needs both.
  readonly #arrives = () => this.#arrive();
  readonly #takes = () => this.#takeOne();

  constructor(machine: string, process: SimProcess, wire: Wire) {
    this.machine = machine;
    this.process = process;
    this.#wire = wire;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get peer(): Endpoint | undefined {
    return this.#peer;
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#outgoingBytes - KERNEL_BUFFER_BYTES);
  }

  send(chunks: readonly Uint8Array[]): void {
    if (this.#state !== 'open') return;
    for (const chunk of chunks) {
      for (const bytes of this.#wire.split(chunk)) {
        this.#outgoing.push({ kind: 'bytes', bytes });
        this.#outgoingBytes += bytes.length;
      }
    }
    this.pump(0);
  }

  pause(): void {
    this.#isReading = false;
  }

  resume(): void {
    this.#isReading = true;
    this.#deliver();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.endLocally('closed', 0);
    this.#sendClose();
  }

  /** The handshake is done: `peer` is at the other end, and what this side sends arrives there from `fromMs` on. */
  join(peer: Endpoint, fromMs: number): void {
    this.#peer = peer;
    this.#nextArrivalAt = fromMs;
    this.pump(0);
  }

  /** Tells the handler, `delayMs` from now, that this is the end. */
  endLocally(reason: CloseReason, delayMs: number): void {
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    this.process.schedule('io', delayMs, () => this.handler?.onClose(reason));
  }

  /** The process died: its kernel sends what it has, and the end. */
  abandon(): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'gone';
    if (wasOpen) this.#sendClose();
  }

  /** The machine lost power: it sends nothing more, not even the end. What is on the wire arrives. */
  vanish(): void {
    this.#state = 'gone';
    const onTheWire = this.#sending ? this.#outgoing.shift() : undefined;
    this.#outgoing.clear();
    if (onTheWire) this.#outgoing.push(onTheWire);
  }

  /** Sends the next parcel on its way, at the earliest `delayMs` from now. */
  pump(delayMs: number): void {
    const peer = this.#peer;
    if (this.#sending || peer === undefined || this.#outgoing.isEmpty) return;
    if (peer.#receivedBytes >= KERNEL_BUFFER_BYTES) return;
    const { time } = this.#wire;
    if (!this.#wire.isPassable(this.machine, peer.machine)) return;
    const latency = this.#wire.latency(this.machine, peer.machine);
    this.#sending = true;
    this.#nextArrivalAt = Math.max(this.#nextArrivalAt, time.now + delayMs + latency);
    time.after(this.#nextArrivalAt - time.now, this.#arrives);
  }

  #arrive(): void {
    const peer = this.#peer as Endpoint;
    this.#sending = false;
    // Cut or switched off while it was under way: it is sent again when that is over.
    if (!this.#wire.isPassable(this.machine, peer.machine)) return;
    const parcel = this.#outgoing.shift();
    if (parcel === undefined) return;
    if (parcel.kind === 'bytes') this.#outgoingBytes -= parcel.bytes.length;
    if (peer.#state === 'open') {
      peer.#received.push(parcel);
      if (parcel.kind === 'bytes') peer.#receivedBytes += parcel.bytes.length;
      if (!peer.#delivering && peer.#isReading) {
        peer.#delivering = true;
        peer.process.runNow('io', peer.#takes);
      }
    } else if (peer.#state === 'gone' && this.#wire.isPassable(peer.machine, this.machine)) {
      // A reset: that machine knows nothing of the connection.
      this.endLocally('failed', this.#wire.latency(peer.machine, this.machine));
    }
    this.pump(0);
  }

  /** Hands what was received to the process, one parcel at a time. */
  #deliver(): void {
    if (this.#delivering || this.#received.isEmpty) return;
    this.#delivering = true;
    this.process.schedule('io', 0, this.#takes);
  }

  #takeOne(): void {
    this.#delivering = false;
    if (!this.#isReading || this.#state !== 'open') return;
    const parcel = this.#received.shift();
    const peer = this.#peer;
    if (parcel === undefined || peer === undefined) return;
    if (parcel.kind === 'bytes') {
      this.#receivedBytes -= parcel.bytes.length;
      this.#wire.onArrival(peer, this, parcel.bytes);
      if (this.isOpen) this.handler?.onData(parcel.bytes);
      peer.pump(0);
    } else {
      this.#state = 'closed';
      this.handler?.onClose(parcel.reason);
    }
    this.#deliver();
  }

  #sendClose(): void {
    this.#outgoing.push({ kind: 'close', reason: 'closed' });
    this.pump(0);
  }
}
