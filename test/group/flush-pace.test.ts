import { describe, expect, it } from 'vitest';
import { flushPace } from '../../src/group/flush-pace.ts';
import { waitingClock } from '../support/waiting-clock.ts';

/** How long a flush of ten parts rests, in milliseconds, when each takes so long. */
async function restOf(workMs: number, bytes: number, pressure: number): Promise<number> {
  const { clock, now, pass } = waitingClock(5_000);
  const pace = flushPace(clock, () => pressure);
  for (let part = 0; part < 10; part++) {
    pass(workMs);
    await pace(bytes);
  }
  return now() - 5_000 - 10 * workMs;
}

describe('the pace of a flush', () => {
  it('[S4] rests most of the time, and less where memory is short', async () => {
    expect(await restOf(5, 1_000_000, 0)).toBeCloseTo(350, 5);
    expect(await restOf(5, 1_000_000, 0.5)).toBeCloseTo(175, 5);
    expect(await restOf(5, 1_000_000, 1)).toBe(0);
  });

  it('[S4] comes to its end on a disk that is slow', async () => {
    expect(await restOf(1_000, 256 * 1024, 0)).toBeCloseTo(2_500, 0);
  });
});
