import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../src/platform/index.ts';
import { type FaultKind, runWorld } from '../../src/sim/index.ts';

/** What a fault needs to happen at all: a node to spare, snapshots that are made, a log that is read. */
interface Needs {
  readonly seed?: number;
  readonly nodes?: number;
  readonly minutes?: number;
  readonly with?: readonly FaultKind[];
}

/** A world for each kind, with no other faults than it needs. */
export function describeFaults(
  what: string,
  faults: object,
  needs: Partial<Record<FaultKind, Needs>> = {},
): void {
  describe(`a simulated world with ${what}`, () => {
    test.each(Object.keys(faults) as FaultKind[])(
      '[R2] [D1] [S3] survives %s alone',
      async (kind) => {
        const { seed = 11, nodes = 3, minutes = 0.4, with: others = [] } = needs[kind] ?? {};
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
      },
    );
  });
}
