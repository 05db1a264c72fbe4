import { describe, expect, it } from 'vitest';
import { ReadBackPace } from '../../src/group/read-back-pace.ts';
import { waitingClock } from '../support/waiting-clock.ts';

const KIB = 1024;
const never = () => false;

/** A node whose log takes `writesPerSecond`, and time that passes only while somebody waits. */
function nodeWith(writesPerSecond: number, bytesPerSecond: number) {
  const { clock, now } = waitingClock(5_000);
  const log = {
    get writtenBytes() {
      return (writesPerSecond * now()) / 1000;
    },
  };
  return { pace: new ReadBackPace(clock, log, bytesPerSecond), now };
}

/** Seconds. */
async function timeFor(writesPerSecond: number, bytes: number): Promise<number> {
  const { pace, now } = nodeWith(writesPerSecond, 100 * KIB);
  const began = now();
  for (let sent = 0; sent < bytes; sent += 10 * KIB) await pace.turn(10 * KIB, never);
  return (now() - began) / 1000;
}

describe('the pace of reading back', () => {
  it('[R4] is so many bytes a second', async () => {
    expect(await timeFor(0, 1000 * KIB)).toBeCloseTo(10, 0);
  });

  it('[R4] is above what is written meanwhile, however much that is', async () => {
    const seconds = await timeFor(500 * KIB, 20_000 * KIB);
    expect(20_000 / seconds).toBeGreaterThan(1.8 * 500);
    expect(20_000 / seconds).toBeLessThan(1_100 + 1);
  });

  it('[R4] does not let the first one wait, nor saves up what nobody used', async () => {
    const { pace, now } = nodeWith(0, 100 * KIB);
    const began = now();
    await pace.turn(10 * KIB, never);
    expect(now()).toBe(began);
    await pace.turn(10 * KIB, never);
    expect(now() - began).toBeCloseTo(100, 5);
  });

  it('[R4] lets go at once of what becomes urgent', async () => {
    const { pace, now } = nodeWith(0, KIB);
    await pace.turn(100 * KIB, never);
    const began = now();
    await pace.turn(KIB, () => now() > began + 1_000);
    expect(now() - began).toBeLessThan(1_200);
    await pace.turn(KIB, () => true);
    expect(now() - began).toBeLessThan(1_200);
  });
});
