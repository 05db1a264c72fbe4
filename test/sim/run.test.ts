import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../src/platform/index.ts';
import { runWorld } from '../../src/sim/index.ts';

const host = nodeHost();

describe('a simulated world', () => {
  test('[R2] [D1] [S3] [F12] [F14] [F21] is clean under all faults, and the same again from the same seed', async () => {
    const first = await runWorld({ seed: 7, nodes: 3, minutes: 0.3, host });
    expect(first.wrong).toEqual([]);
    expect(first.outcome).toBe('clean');
    // Without the short way to run microtasks everything takes the event loop, and happens just so.
    const slow = { ...host, runMicrotasks: undefined };
    const again = await runWorld({ seed: 7, nodes: 3, minutes: 0.3, host: slow });
    expect(again.trace).toBe(first.trace);
    expect([...again.occurred]).toEqual([...first.occurred]);
    const other = await runWorld({ seed: 8, nodes: 3, minutes: 0.3, host });
    expect(other.trace).not.toBe(first.trace);
    expect(other.outcome).toBe('clean');
  });

  test('[R2] of one machine has faults and is clean, too', async () => {
    const alone = await runWorld({ seed: 7, nodes: 1, minutes: 0.3, host });
    expect(alone.wrong).toEqual([]);
    expect(alone.outcome).toBe('clean');
    expect(alone.occurred.size).toBeGreaterThan(0);
  });
});
