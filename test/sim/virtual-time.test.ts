import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../src/platform/index.ts';
import { SimRandom, VirtualTime } from '../../src/sim/index.ts';

function setUp() {
  const time = new VirtualTime(nodeHost());
  const log: string[] = [];
  const note = (what: string) => () => log.push(`${time.now} ${what}`);
  return { time, log, note };
}

describe('virtual time', () => {
  test('goes from event to event, in the order of time and then of scheduling', async () => {
    const { time, log, note } = setUp();
    const { clock } = time.process('p');
    clock.after(10, note('b'));
    clock.after(5, note('a'));
    clock.after(10, note('c'));
    clock.endOfTurn(note('first'));
    await time.run(10);
    expect(log).toEqual(['0 first', '5 a', '10 b', '10 c']);
    expect(time.now).toBe(10);
  });

  test('keeps the order over near and far events, and drops those that are cancelled', async () => {
    const { time } = setUp();
    const { clock } = time.process('p');
    const random = new SimRandom(1, 'far events');
    const fired: number[] = [];
    const wanted: number[] = [];
    for (let i = 0; i < 500; i++) {
      const delay = random.between(0, random.pick([10, 1_000, 100_000]));
      const timer = clock.after(delay, () => fired.push(delay));
      if (random.once(3)) timer.cancel();
      else wanted.push(delay);
    }
    await time.run(100_000);
    expect(fired).toEqual(wanted.sort((a, b) => a - b));
    expect(() => clock.after(Number.POSITIVE_INFINITY, () => {})).toThrow(RangeError);
  });

  test('lets every microtask run between two events', async () => {
    const { time, log, note } = setUp();
    const { clock } = time.process('p');
    const work = async () => {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      note('after twenty promises')();
    };
    clock.after(1, () => void work());
    clock.after(1, note('the next event'));
    await time.run(1);
    expect(log).toEqual(['1 after twenty promises', '1 the next event']);
  });

  test('a cancelled timer does not fire, and to cancel late is harmless', async () => {
    const { time, log, note } = setUp();
    const { clock } = time.process('p');
    const timer = clock.after(1, note('cancelled'));
    const other = clock.after(2, note('fired'));
    timer.cancel();
    await time.run(5);
    other.cancel();
    expect(log).toEqual(['2 fired']);
  });

  test('a dead process is never called again, by whatever', async () => {
    const { time, log, note } = setUp();
    const process = time.process('p');
    process.clock.after(5, note('timer'));
    process.clock.endOfTurn(note('turn'));
    process.schedule('io', 1, note('io'));
    process.kill();
    await time.run(10);
    expect(log).toEqual([]);
  });

  test('[F18] after a pause timers that came due fire first, then the sockets are read', async () => {
    const { time, log, note } = setUp();
    const process = time.process('p', { monotonicOrigin: 7 });
    process.schedule('io', 1, note('socket'));
    process.clock.after(2, note('timer'));
    process.pause();
    await time.run(100);
    expect(log).toEqual([]);
    process.resume();
    process.clock.endOfTurn(note('turn'));
    await time.run(100);
    expect(log).toEqual(['100 timer', '100 socket', '100 turn']);
    expect(process.clock.monotonic()).toBe(107);
  });

  test('what a process throws ends it', async () => {
    const { time, log, note } = setUp();
    const errors: unknown[] = [];
    const process = time.process('p', { onError: (error) => errors.push(error) });
    process.clock.after(1, () => {
      throw new Error('broken');
    });
    process.clock.after(2, note('never'));
    await time.run(5);
    expect([String(errors[0]), log]).toEqual(['Error: broken', []]);
  });

  test('finds what goes round without letting time pass', async () => {
    const { time } = setUp();
    const { clock } = time.process('p');
    const again = () => clock.endOfTurn(again);
    again();
    await expect(time.run(1)).rejects.toThrow(/time stands still at 0 ms: turn of p/);
  });

  test('waits for a condition or a promise, and not for ever', async () => {
    const { time } = setUp();
    const { clock } = time.process('p');
    let isDone = false;
    clock.after(30, () => {
      isDone = true;
    });
    expect(await time.runUntil(() => isDone, 20)).toBe(false);
    expect(time.now).toBe(20);
    expect(await time.runUntil(() => isDone, 20)).toBe(true);
    expect(time.now).toBe(30);
    const slow = new Promise<number>((resolve) => clock.after(5, () => resolve(9)));
    expect(await time.settle(slow, 10)).toBe(9);
    await expect(time.settle(new Promise(() => {}), 10)).rejects.toThrow(/within 10 ms/);
  });
});

test('[lessons §2] streams of one seed are the same each time, and have nothing to do with each other', () => {
  const draw = (seed: number, name: string) => {
    const random = new SimRandom(seed, name);
    return Array.from({ length: 50 }, () => random.uint32());
  };
  expect(draw(1, 'disk')).toEqual(draw(1, 'disk'));
  const streams = [draw(1, 'disk'), draw(1, 'network'), draw(2, 'disk'), draw(2 ** 40, 'disk')];
  expect(new Set(streams.flat()).size).toBe(200);
  const random = new SimRandom(3, 'x');
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const n = random.below(10);
    counts[n] = (counts[n] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});
