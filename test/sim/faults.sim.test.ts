import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../src/platform/index.ts';
import { FAULTS, type FaultKind, runWorld } from '../../src/sim/index.ts';

/** What some faults need to happen at all: a node to spare, snapshots that are made, a log that is read. */
const NEEDS: Partial<
  Record<FaultKind, { seed?: number; nodes?: number; minutes?: number; with?: FaultKind[] }>
> = {
  'move-replica': { nodes: 5 },
  'cut-at-change': { nodes: 5 },
  'stop-at-change': { nodes: 5, seed: 12 },
  'drain-node': { nodes: 5 },
  'damage-snapshot': { nodes: 5, with: ['move-replica'] },
  misread: { seed: 7, minutes: 1, with: ['partition', 'pause'] },
};

describe('a simulated world', () => {
  test.each(FAULTS)('[R2] [D1] [S3] survives %s alone', async (kind) => {
    const { seed = 11, nodes = 3, minutes = 0.4, with: others = [] } = NEEDS[kind] ?? {};
    const faults = [kind, ...others];
    const { outcome, wrong, occurred } = await runWorld({
      seed,
      nodes,
      minutes,
      host: nodeHost(),
      faults,
      drawn: { faults },
    });
    expect(wrong).toEqual([]);
    expect(outcome).toBe('clean');
    expect(occurred.get(`fault: ${kind}`) ?? 0).toBeGreaterThan(0);
  });
});
