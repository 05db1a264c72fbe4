import { describe, expect, it } from 'vitest';
import { type PaceLimits, paceOf } from '../../src/engine/index.ts';
import { waitingClock } from '../support/waiting-clock.ts';

/** Work of pieces that take `workMs` each. Returns how long all of it took, in milliseconds. */
async function timeOf(limits: PaceLimits, pieces: number, bytes: number, workMs: number) {
  const { clock, now, pass } = waitingClock(1000);
  const pace = paceOf(clock, limits);
  for (let i = 0; i < pieces; i++) {
    pass(workMs);
    await pace(bytes);
  }
  return now() - 1000;
}

describe('a pace', () => {
  const limits = { perSecond: 1_000_000, share: 0.25, slowestPerSecond: 100_000 };

  it('[E3] keeps to its bytes a second where work is cheap, in small pieces too', async () => {
    expect(await timeOf(limits, 100, 10_000, 1)).toBeCloseTo(1000, 0);
    expect(await timeOf(limits, 10_000, 100, 0.01)).toBeCloseTo(1000, -1);
  });

  it('[E3] works no more than its share of the time', async () => {
    expect(await timeOf(limits, 100, 10_000, 20)).toBeCloseTo(4 * 100 * 20, 0);
  });

  it('[E3] rests no longer than its slowest allows, whatever the work took', async () => {
    expect(await timeOf(limits, 100, 10_000, 500)).toBeCloseTo(100 * (500 + 100), 0);
  });
});
