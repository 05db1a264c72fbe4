import { type Clock, wait } from '../ports/index.ts';

/**
 * How fast work in the background goes on: called after each piece of it, with the piece's size, in bytes unless said otherwise,
 * and waited for before the next one.
 */
export type Pace = (size: number) => Promise<void>;

export interface PaceLimits {
  /** On the average, pauses included. */
  readonly perSecond: number;
  /** The part of the time that may be work, above 0 and at most 1. */
  readonly share: number;
  /** No pause is longer than it takes at this pace, however long the work took: it has to end. */
  readonly slowestPerSecond: number;
}

/** Timers are of whole milliseconds: shorter pauses are saved up. */
const PAUSE_MS_MIN = 1;
/** No pauses: for work that nobody else waits beside. */
export const AT_ONCE: Pace = () => Promise.resolve();

/**
 * Two bounds: that in a second's size holds where work is cheap. The share of the time is what gives way where it is not: on a
 * machine that is busy with clients, or on a slow disk, a piece takes longer, and so does the pause after it, up to a point.
 */
export function paceOf(clock: Clock, limits: PaceLimits): Pace {
  const { perSecond, share, slowestPerSecond } = limits;
  let beganAt = clock.monotonic();
  let owedMs = 0;
  return async (size) => {
    const workMs = clock.monotonic() - beganAt;
    const restMs = Math.min(workMs * (1 / share - 1), (1000 * size) / slowestPerSecond);
    owedMs += Math.max(restMs, (1000 * size) / perSecond - workMs);
    if (owedMs >= PAUSE_MS_MIN) {
      const pauseMs = owedMs;
      owedMs = 0;
      await wait(clock, pauseMs);
    }
    beganAt = clock.monotonic();
  };
}
