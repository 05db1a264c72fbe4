/** A pending callback of a {@link Clock}. */
export interface Timer {
  /** Harmless when the timer has fired or was cancelled already. */
  cancel(): void;
}

/** Time, as one node sees it. */
export interface Clock {
  /** Monotonic time in milliseconds, with fractions, from an arbitrary origin. Never goes back. */
  monotonic(): number;
  /** Wall time in milliseconds since the Unix epoch. May jump in both directions: never measure with it. */
  wall(): number;
  /** Calls back once, not before `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
  /**
   * Calls back when the events that are ready now have been handled: after the sockets of this turn of the event loop
   * were read, before it waits again. Work that is collected over a turn (log batches, frames) leaves here.
   *
   * `turns`: at the end of this turn, or, for 2, of the next one, which comes at once even if it brings nothing.
   */
  endOfTurn(callback: () => void, turns?: 1 | 2): void;
}

/** Resolves after `delayMs`. */
export function wait(clock: Pick<Clock, 'after'>, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
