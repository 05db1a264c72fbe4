import { SimRandom, type VirtualTime } from '../../src/sim/index.ts';

/** What one message is to the network: its size, and whether it answers another one. */
export interface Traffic {
  readonly bytes: number;
  readonly isReply: boolean;
}

/** Milliseconds of a message's way at best: time must cost something (§12.1). */
const LATENCY_MS = [0.1, 1] as const;
const UNRELIABLE_DELAY_MS_MAX = 27;
const LOST_ONCE_IN = 10;
const HELD_BACK_MS_MIN = 200;
const HELD_BACK_MS_MAX = 2000;

/**
 * The network of §2 for one-way messages. The caller of the original learns that a call failed; here nobody learns of a lost
 * message, which is stricter (§12.6). What the original does to replies is done to the messages that answer others.
 */
export class MitNetwork<Message> {
  /** Requests wait up to 26 ms, and one in ten of all messages is lost. */
  unreliable = false;
  /** Two of three replies are held back for up to 2.2 s, and come even if the link was cut meanwhile. */
  longReordering = false;
  /** Requests sent, also on dead links, and bytes of all messages. */
  calls = 0;
  bytes = 0;
  /** Requests that reached a server. */
  received = 0;
  readonly #time: VirtualTime;
  readonly #random: SimRandom;
  readonly #traffic: (message: Message) => Traffic;
  readonly #latencyMs: readonly [min: number, max: number];
  readonly #enabled = new Set<string>();

  constructor(
    time: VirtualTime,
    seed: number,
    traffic: (message: Message) => Traffic,
    latencyMs: readonly [min: number, max: number] = LATENCY_MS,
  ) {
    this.#time = time;
    this.#latencyMs = latencyMs;
    this.#random = new SimRandom(seed, 'mit network');
    this.#traffic = traffic;
  }

  /** One direction. */
  enable(from: number, to: number, enabled: boolean): void {
    if (enabled) this.#enabled.add(`${from}>${to}`);
    else this.#enabled.delete(`${from}>${to}`);
  }

  /** `deliver` is not called for a message that is lost. */
  send(from: number, to: number, message: Message, deliver: (message: Message) => void): void {
    const random = this.#random;
    const { bytes, isReply } = this.#traffic(message);
    this.bytes += bytes;
    if (!isReply) this.calls++;
    // Drawn for every message, so that a link more or less leaves the rest of the run as it was.
    let delay = random.between(...this.#latencyMs);
    if (!this.#enabled.has(`${from}>${to}`)) return;
    if (this.unreliable) {
      if (!isReply) delay += random.below(UNRELIABLE_DELAY_MS_MAX);
      if (random.once(LOST_ONCE_IN)) return;
    }
    if (isReply && this.longReordering && random.below(3) < 2) {
      delay += HELD_BACK_MS_MIN + random.below(1 + random.below(HELD_BACK_MS_MAX));
    }
    this.#time.after(delay, () => {
      if (!isReply) this.received++;
      deliver(message);
    });
  }
}
