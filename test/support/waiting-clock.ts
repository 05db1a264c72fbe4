import type { Clock } from '../../src/ports/index.ts';

/** Time that passes only while somebody waits, or by `pass`. Milliseconds. */
export function waitingClock(startMs: number): {
  readonly clock: Clock;
  now(): number;
  pass(ms: number): void;
} {
  let now = startMs;
  const clock: Clock = {
    monotonic: () => now,
    wall: () => 0,
    after: (delayMs, callback) => {
      now += delayMs;
      callback();
      return { cancel: () => {} };
    },
    endOfTurn: (callback) => callback(),
  };
  return {
    clock,
    now: () => now,
    pass: (ms) => {
      now += ms;
    },
  };
}
