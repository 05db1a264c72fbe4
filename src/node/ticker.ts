import { TICK_MS } from '../group/index.ts';
import type { Clock, Random, Timer } from '../ports/index.ts';

/** The spread of a tick's length, as a part of it. */
const TICK_JITTER = 0.4;

/** The time of a node and of all its groups, in ticks. */
export class Ticker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onTick: (lateMs: number) => void;
  #timer: Timer | undefined;
  #at: number;
  #stopped = false;

  /** `onTick` hears how late the tick is, in milliseconds. */
  constructor(clock: Clock, random: Random, onTick: (lateMs: number) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onTick = onTick;
    this.#at = clock.monotonic();
  }

  /** When the last tick was, by the monotonic clock. */
  get at(): number {
    return this.#at;
  }

  /** What took long before this is no stall. */
  start(): void {
    this.#at = this.#clock.monotonic();
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #next(): void {
    const clock = this.#clock;
    // Election timeouts are drawn in whole ticks. Nodes that were started together would tick together, and those that draw
    // the same number stand at once and split the vote; so the length of a tick differs, too.
    const random = this.#random.uint32() / 0x1_0000_0000;
    const delay = TICK_MS * (1 - TICK_JITTER / 2 + TICK_JITTER * random);
    this.#timer = clock.after(delay, () => {
      const lateMs = clock.monotonic() - this.#at - delay;
      const late = lateMs > TICK_MS;
      // A stall of our own is not silence of the leader: what came meanwhile is in the sockets, so they are read before
      // the tick counts, and only one does (R10).
      if (late) clock.endOfTurn(() => this.#tick(lateMs), 2);
      else this.#tick(lateMs);
    });
  }

  #tick(lateMs: number): void {
    if (this.#stopped) return;
    this.#at = this.#clock.monotonic();
    this.#onTick(lateMs);
    if (!this.#stopped) this.#next();
  }
}
