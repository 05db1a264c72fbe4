import type { Pace } from '../engine/index.ts';
import { type Clock, wait } from '../ports/index.ts';

/** Rests are up to so many times as long as the work before them. */
const REST_PER_WORK = 7;
/** No rest is longer than it takes at this pace, however slow the disk: what is flushed comes in faster on a node with little to do. */
const SLOWEST_BYTES_PER_SECOND = 1024 * 1024;
/** Timers are of whole milliseconds. */
const REST_MS_MIN = 1;

/**
 * The pace of a flush: its work is felt by clients on a machine with few processors, and so is what it writes. It rests most of
 * the time while there is room in the memtables, and the less the more `pressure`, from 0 to 1, there is.
 */
export function flushPace(clock: Clock, pressure: () => number): Pace {
  let beganAt = clock.monotonic();
  return async (bytes) => {
    const workMs = clock.monotonic() - beganAt;
    const mostMs = Math.min(workMs * REST_PER_WORK, (1000 * bytes) / SLOWEST_BYTES_PER_SECOND);
    const restMs = mostMs * (1 - pressure());
    if (restMs >= REST_MS_MIN) await wait(clock, restMs);
    beganAt = clock.monotonic();
  };
}
