import type { NodeName } from '../controller/index.ts';
import type { Clock, Random } from '../ports/index.ts';

/** A request that is not answered after this is given up: the client gets a retryable error. Milliseconds. */
export const REQUEST_TIMEOUT_MS = 8_000;

// A node that died or stalled is noticed by the transport within about a second. This bounds only what it cannot notice: a
// node that speaks but does not answer.
const TRY_TIMEOUT_MS = 3_000;

/** Tries without a pause in between. */
const HURRIES_MAX = 3;

const PAUSE_MIN_MS = 10;
const PAUSE_MAX_MS = 200;

/** The tries of one request: whom to ask next, how long to wait in between, and when to stop. */
export class Attempts {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #deadline: number;
  #pauses = 0;
  #turn = 0;
  #redirected: NodeName | undefined;
  #asked: NodeName | undefined;
  #hurries = 0;
  #changes = false;
  #asksSuccessor = false;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#deadline = clock.monotonic() + REQUEST_TIMEOUT_MS;
  }

  /** Milliseconds until the request is given up; zero or less when it is. */
  get remainingMs(): number {
    return this.#deadline - this.#clock.monotonic();
  }

  get tryTimeoutMs(): number {
    return Math.min(TRY_TIMEOUT_MS, Math.max(1, this.remainingMs));
  }

  /** Somebody said who leads: that one is asked next. */
  redirect(to: NodeName): void {
    this.#redirected = to;
  }

  /**
   * Whether the next try may follow at once. Not for ever: two nodes whose news are old would send the request to and fro.
   */
  mayHurry(): boolean {
    return this.#hurries++ < HURRIES_MAX;
  }

  /** Something is under way with the request's shard, as far as is known: it may be done already. */
  changes(itDoes: boolean): void {
    this.#changes = itDoes;
  }

  /** Whoever serves the shard once that is done is to be asked, since who served it before has refused. */
  get asksSuccessor(): boolean {
    return this.#changes && this.#asksSuccessor;
  }

  /** A group does not serve the shard. True: its successor may be served, and is asked for at once; the two take turns. */
  refused(): boolean {
    this.#asksSuccessor = this.#changes && !this.#asksSuccessor;
    return this.#asksSuccessor;
  }

  /** Whom the last `next` named. */
  get asked(): NodeName | undefined {
    return this.#asked;
  }

  /** Takes turns over the nodes that could know, from the second try on. */
  next(preferred: NodeName | undefined, candidates: readonly NodeName[]): NodeName | undefined {
    this.#asked = this.#choose(preferred, candidates);
    return this.#asked;
  }

  #choose(preferred: NodeName | undefined, candidates: readonly NodeName[]): NodeName | undefined {
    const redirected = this.#redirected;
    this.#redirected = undefined;
    if (redirected !== undefined) return redirected;
    const turn = this.#turn++;
    if (preferred !== undefined && turn % 2 === 0) return preferred;
    if (candidates.length === 0) return preferred;
    const start = preferred === undefined ? 0 : candidates.indexOf(preferred) + 1;
    return candidates[(start + (turn >>> 1)) % candidates.length];
  }

  /** Waits before the next try: exponentially longer, with jitter, so that many routers do not come at once. */
  pause(): Promise<void> {
    this.#hurries = 0;
    const ceiling = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** this.#pauses++);
    const delay = ceiling / 2 + (ceiling / 2) * (this.#random.uint32() / 0x1_0000_0000);
    return new Promise((resolve) => {
      this.#clock.after(Math.min(delay, Math.max(0, this.remainingMs)), resolve);
    });
  }
}
