import type { Connection, ConnectionHandler, Listener, Network } from '../ports/index.ts';
import { Endpoint, type Wire } from './endpoint.ts';
import type { SimProcess } from './process.ts';
import { SimRandom } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What a network does to what is sent, apart from cuts. */
export interface Weather {
  /** One parcel of so many is lost and sent again a while later, as TCP does it; everything behind it waits. 0: none. */
  readonly lossOnceIn: number;
  /** One of so many takes far longer than the others. 0: none. */
  readonly tailOnceIn: number;
  /** One of so many has a bit that is wrong. 0: none. */
  readonly corruptOnceIn: number;
  /** One connection of so many parcels is reset. 0: none. */
  readonly resetOnceIn: number;
}

export const FAIR: Weather = { lossOnceIn: 0, tailOnceIn: 0, corruptOnceIn: 0, resetOnceIn: 0 };

export interface SimNetworkOptions {
  readonly seed: number;
  /** Milliseconds one way, drawn uniformly for each chunk; 0.1 to 1 unless told. */
  readonly latencyMs?: readonly [min: number, max: number];
}

/** A chunk on its last step, for tests that watch or cut at an exact place. */
export interface Arrival {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
  /** Breaks the connection before the chunk arrives. */
  breakConnection(): void;
}

interface Bound {
  readonly process: SimProcess;
  readonly accept: (connection: Connection) => ConnectionHandler;
  readonly accepted: Set<Endpoint>;
}

/** Linux sends a SYN again after 1, 2, 4 … seconds and gives up after the sixth (tcp_syn_retries). */
const SYN_RETRY_MS = 1000;
const SYN_RETRIES = 6;
/** One chunk of so many arrives in two. */
const SPLIT_ONCE_IN = 16;
const CHUNK_ARRIVED = 4;
/** Linux sends a lost segment again after 200 ms at the earliest (TCP_RTO_MIN). */
const RETRANSMISSION_MS = [200, 800] as const;
const TAIL_MS = [20, 400] as const;

/** Byte streams between the machines of a world. An address is `machine:port`. */
export class SimNetwork {
  readonly #time: VirtualTime;
  readonly #random: SimRandom;
  readonly #latencyMs: readonly [number, number];
  readonly #wire: Wire;
  readonly #bound = new Map<string, Bound>();
  readonly #endpoints = new Set<Endpoint>();
  /** `from>to`, with the time of the cut. */
  readonly #cuts = new Map<string, number>();
  readonly #off = new Set<string>();
  /** `from>to`: milliseconds that everything takes longer on this way. */
  readonly #clogs = new Map<string, number>();
  weather = FAIR;
  /** How often each of these things happened. */
  readonly counts = { lost: 0, tail: 0, corrupt: 0, reset: 0 };
  /** Called for each chunk before its process gets it. */
  onArrival: ((arrival: Arrival) => void) | undefined;

  constructor(time: VirtualTime, options: SimNetworkOptions) {
    this.#time = time;
    this.#random = new SimRandom(options.seed, 'network');
    this.#latencyMs = options.latencyMs ?? [0.1, 1];
    this.#wire = {
      time,
      latency: (from, to) => this.#latency(from, to),
      isPassable: (from, to) => !this.#isCut(from, to) && !this.#off.has(to),
      split: (bytes) => this.#split(bytes),
      onArrival: (from, to, bytes) => this.#onArrival(from, to, bytes),
    };
  }

  /** The network as one process on a machine sees it. */
  on(machine: string, process: SimProcess): Network {
    return {
      listen: (address, accept) => this.#listen(process, address, accept),
      connect: (address, handler) => this.#connect(machine, process, address, handler),
    };
  }

  #isCut(from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  /** Nothing gets from one machine to another, in this direction. */
  cut(from: string, to: string): void {
    this.#cuts.set(`${from}>${to}`, this.#time.now);
  }

  mend(from: string, to: string): void {
    const since = this.#cuts.get(`${from}>${to}`);
    if (since === undefined) return;
    this.#cuts.delete(`${from}>${to}`);
    // TCP tries again after about as long as it has waited.
    const pause = this.#random.between(0, this.#time.now - since);
    for (const endpoint of this.#endpoints) {
      if (endpoint.machine === from && endpoint.peer?.machine === to) endpoint.pump(pause);
    }
  }

  /** Everything takes so much longer from one machine to another, in this direction; 0 ends it. */
  clog(from: string, to: string, ms: number): void {
    if (ms === 0) this.#clogs.delete(`${from}>${to}`);
    else this.#clogs.set(`${from}>${to}`, ms);
  }

  /** One end of each connection between two machines is gone, and the other does not know. */
  halfOpen(gone: string, other: string): void {
    for (const endpoint of this.#endpoints) {
      if (endpoint.machine !== gone || endpoint.peer?.machine !== other) continue;
      endpoint.vanish();
      endpoint.process.schedule('io', 0, () => endpoint.handler?.onClose('failed'));
    }
  }

  /** Splits the machines into sets that do not reach each other, in both directions. */
  partition(...sets: readonly (readonly string[])[]): void {
    for (const [i, set] of sets.entries()) {
      for (const other of sets.slice(i + 1)) {
        for (const a of set) {
          for (const b of other) {
            this.cut(a, b);
            this.cut(b, a);
          }
        }
      }
    }
  }

  /** Mends every cut and clog, and the weather is fair. */
  heal(): void {
    this.#clogs.clear();
    this.weather = FAIR;
    for (const cut of [...this.#cuts.keys()]) {
      const [from, to] = cut.split('>') as [string, string];
      this.mend(from, to);
    }
  }

  /** The process is gone: its connections end, and nobody listens where it did. */
  onKilled(process: SimProcess): void {
    this.#forget(process, (endpoint) => endpoint.abandon());
  }

  /** The machine lost power: the others hear nothing more of it. */
  switchOff(machine: string, process: SimProcess): void {
    this.#off.add(machine);
    this.#forget(process, (endpoint) => endpoint.vanish());
  }

  /** What others still send to a connection of before is answered with a reset. */
  switchOn(machine: string): void {
    if (!this.#off.delete(machine)) return;
    for (const endpoint of this.#endpoints) {
      if (endpoint.peer?.machine === machine) endpoint.pump(0);
    }
  }

  #forget(process: SimProcess, end: (endpoint: Endpoint) => void): void {
    for (const [address, bound] of this.#bound) {
      if (bound.process === process) this.#bound.delete(address);
    }
    for (const endpoint of this.#endpoints) if (endpoint.process === process) end(endpoint);
  }

  #listen(process: SimProcess, address: string, accept: Bound['accept']): Promise<Listener> {
    // What is left of a dead process in this event does nothing any more.
    if (!process.isAlive) return new Promise(() => {});
    if (this.#bound.has(address)) return Promise.reject(new Error(`${address} is in use`));
    const bound: Bound = { process, accept, accepted: new Set() };
    this.#bound.set(address, bound);
    return Promise.resolve({
      address,
      close: () => {
        if (this.#bound.get(address) === bound) this.#bound.delete(address);
        for (const endpoint of bound.accepted) endpoint.close();
        return Promise.resolve();
      },
    });
  }

  #connect(
    machine: string,
    process: SimProcess,
    address: string,
    handler: ConnectionHandler,
  ): Connection {
    const client = this.#endpoint(machine, process);
    client.handler = handler;
    if (process.isAlive) this.#knock(client, address, 0);
    else client.vanish();
    return client;
  }

  /** Sends a SYN. */
  #knock(client: Endpoint, address: string, tries: number): void {
    const machine = address.slice(0, address.lastIndexOf(':'));
    this.#time.after(this.#latency(client.machine, machine), () => {
      if (!client.isOpen) return;
      const { isPassable } = this.#wire;
      if (!isPassable(client.machine, machine) || !isPassable(machine, client.machine)) {
        const wait = SYN_RETRY_MS * 2 ** tries;
        if (tries === SYN_RETRIES) client.endLocally('failed', wait);
        else this.#time.after(wait, () => this.#knock(client, address, tries + 1));
        return;
      }
      const bound = this.#bound.get(address);
      const back = this.#latency(machine, client.machine);
      if (!bound) client.endLocally('refused', back);
      else this.#open(client, machine, bound, this.#time.now + back);
    });
  }

  /** The kernel accepts, also for a process that is paused. */
  #open(client: Endpoint, machine: string, bound: Bound, openAt: number): void {
    const server = this.#endpoint(machine, bound.process);
    bound.accepted.add(server);
    bound.process.schedule('io', 0, () => {
      server.handler = bound.accept(server);
      server.handler.onOpen();
    });
    client.process.schedule('io', openAt - this.#time.now, () => {
      if (client.isOpen) client.handler?.onOpen();
    });
    server.join(client, openAt);
    client.join(server, this.#time.now);
  }

  #endpoint(machine: string, process: SimProcess): Endpoint {
    for (const old of this.#endpoints) if (isForgotten(old)) this.#endpoints.delete(old);
    const endpoint = new Endpoint(machine, process, this.#wire);
    this.#endpoints.add(endpoint);
    return endpoint;
  }

  #latency(from: string, to: string): number {
    const [min, max] = this.#latencyMs;
    if (from === to) return min;
    const { lossOnceIn, tailOnceIn } = this.weather;
    let ms = this.#random.between(min, max);
    if (this.#clogs.size > 0) ms += this.#clogs.get(`${from}>${to}`) ?? 0;
    if (lossOnceIn > 0 && this.#random.once(lossOnceIn)) {
      this.counts.lost++;
      ms += this.#random.between(...RETRANSMISSION_MS);
    }
    if (tailOnceIn > 0 && this.#random.once(tailOnceIn)) {
      this.counts.tail++;
      ms += this.#random.between(...TAIL_MS);
    }
    return ms;
  }

  #split(whole: Uint8Array): readonly Uint8Array[] {
    const { corruptOnceIn } = this.weather;
    let bytes = whole;
    if (corruptOnceIn > 0 && whole.length > 0 && this.#random.once(corruptOnceIn)) {
      this.counts.corrupt++;
      bytes = whole.slice();
      const at = this.#random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << this.#random.below(8));
    }
    if (bytes.length < 2 || !this.#random.once(SPLIT_ONCE_IN)) return [bytes];
    const at = 1 + this.#random.below(bytes.length - 1);
    return [bytes.subarray(0, at), bytes.subarray(at)];
  }

  #onArrival(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const { trace, now } = this.#time;
    trace.add(now, CHUNK_ARRIVED, to.process.id);
    trace.addBytes(bytes);
    const { resetOnceIn } = this.weather;
    if (resetOnceIn > 0 && this.#random.once(resetOnceIn)) {
      this.counts.reset++;
      breakConnection(from, to);
    }
    this.onArrival?.({
      from: from.machine,
      to: to.machine,
      bytes,
      breakConnection: () => breakConnection(from, to),
    });
  }
}

function breakConnection(from: Endpoint, to: Endpoint): void {
  from.endLocally('failed', 0);
  to.endLocally('failed', 0);
}

function isForgotten(endpoint: Endpoint): boolean {
  return !endpoint.isOpen && !(endpoint.peer?.isOpen ?? false);
}
