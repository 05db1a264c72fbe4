import { describe, expect, test } from 'vitest';
import { Health } from '../../src/node/health.ts';

const TICK_MS = 50;
/** How long a node waits after its last trouble before it leads again. */
const RECOVERY_MS = 30_000;

/** A node's log and clock, ticked by hand. */
class Machine {
  readonly log = { inFlight: false, writes: 0, isFull: false };
  readonly states = { isDiskFull: false };
  readonly health = new Health(this.log, this.states);
  now: number;

  constructor(now = 1_000_000) {
    this.now = now;
  }

  /** The first trouble that is news, if any. */
  run(ms: number, { lateMs = 0, onTick = () => {} } = {}): string | undefined {
    let news: string | undefined;
    for (const end = this.now + ms; this.now < end; ) {
      this.now += TICK_MS + lateMs;
      onTick();
      const trouble = this.health.tick(this.now, lateMs);
      news ??= trouble;
    }
    return news;
  }

  /** Each write takes so long, and the next one begins at once. */
  write(ms: number, eachMs: number): string | undefined {
    this.log.inFlight = true;
    let began = this.now;
    const onTick = () => {
      if (this.now - began < eachMs) return;
      this.log.writes++;
      began = this.now;
    };
    return this.run(ms, { onTick });
  }
}

describe('[R8] a node is fit to lead', () => {
  test('while its log writes fast, however much', () => {
    const machine = new Machine();
    expect(machine.write(60_000, TICK_MS)).toBeUndefined();
    expect(machine.health.isWell).toBe(true);
  });

  test.each([0, 1, 1_549, 3_642, 10_000_000])(
    '[F45] from its start on, which falls into a write, %i ms after the zero of its clock',
    (at) => {
      const machine = new Machine(at);
      expect(machine.write(10_000, TICK_MS)).toBeUndefined();
    },
  );

  test('though its log writes next to nothing', () => {
    const machine = new Machine();
    const onTick = () => {
      machine.log.inFlight = machine.now % 1_000 < 200;
      if (machine.now % 1_000 === 200) machine.log.writes++;
    };
    expect(machine.run(60_000, { onTick })).toBeUndefined();
  });

  test('after two short stalls of its loop, and after one that a write seems to have lasted through', () => {
    const machine = new Machine();
    machine.log.inFlight = true;
    expect(machine.health.tick(machine.now, 0)).toBeUndefined();
    for (let i = 0; i < 2; i++) {
      machine.now += 900;
      expect(machine.health.tick(machine.now, 850)).toBeUndefined();
    }
    machine.log.writes++;
    machine.log.inFlight = false;
    expect(machine.run(10_000)).toBeUndefined();
  });
});

describe('[R8] others shall lead', () => {
  test('[F9] [F45] when a write does not come to its end', () => {
    const machine = new Machine();
    machine.run(5_000);
    machine.log.inFlight = true;
    expect(machine.run(1_000)).toBe('the log has been writing for 500 ms');
  });

  test('[F45] when writes take long, each of them', () => {
    expect(new Machine().write(5_000, 300)).toMatch(/^a write to the log takes (2|3)\d\d ms$/);
  });

  test.each(['log', 'engine'])('[L4] when the disk is full, as the %s says', (who) => {
    const machine = new Machine();
    machine.run(1_000);
    if (who === 'log') machine.log.isFull = true;
    else machine.states.isDiskFull = true;
    expect(machine.run(TICK_MS)).toBe('the disk is full');
  });

  test('when its loop stands still for long, or a third time within half a minute', () => {
    const long = new Machine();
    long.run(1_000);
    expect(long.run(1, { lateMs: 1_000 })).toBe('the event loop stood still for 1000 ms');
    const short = new Machine();
    expect(short.run(1, { lateMs: 400 })).toBeUndefined();
    short.run(5_000);
    expect(short.run(1, { lateMs: 400 })).toBeUndefined();
    short.run(5_000);
    expect(short.run(1, { lateMs: 400 })).toBe(
      'the event loop stood still for 400 ms, 3 times within half a minute',
    );
  });

  test('until half a minute after the last trouble, and it is told once', () => {
    const machine = new Machine();
    machine.run(1_000);
    machine.log.isFull = true;
    expect(machine.run(10_000)).toBe('the disk is full');
    machine.log.isFull = false;
    expect(machine.run(RECOVERY_MS - TICK_MS)).toBeUndefined();
    expect(machine.health.isWell).toBe(false);
    machine.run(TICK_MS);
    expect(machine.health.isWell).toBe(true);
  });
});
