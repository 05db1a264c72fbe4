import { describe, expect, test } from 'vitest';
import type { ReplicaState } from '../../src/engine/index.ts';
import { reconcile } from '../../src/group/reconcile.ts';

const HARD = { term: 5, vote: 2, commit: 8 };

function stateAt(index: number, term: number): ReplicaState {
  return { appliedIndex: index, appliedTerm: term } as ReplicaState;
}

/** A log with the entries after `compacted`, all of one term. */
function logOf(compacted: number, last: number, term = 4) {
  const entries = Array.from({ length: last - compacted }, (_, i) => ({
    index: compacted + 1 + i,
    term,
    kind: 'normal' as const,
    data: new Uint8Array(0),
  }));
  return {
    hardState: HARD,
    compacted: { index: compacted, term: compacted === 0 ? 0 : term },
    entries,
  };
}

describe('log and engine after a start', () => {
  test('[F31] a new replica starts empty', () => {
    expect(reconcile(1, stateAt(0, 0), undefined)).toEqual({
      hardState: { term: 0, vote: 0, commit: 0 },
      compacted: { index: 0, term: 0 },
      entries: [],
      reset: undefined,
    });
  });

  test.each([
    [4, 4],
    [6, 4],
    [10, 4],
  ])('[F31] [G16] an engine at {%i, %i} inside the log goes on from there', (index, term) => {
    const log = logOf(4, 10);
    const fitted = reconcile(1, stateAt(index, term), log);
    expect(fitted).toEqual({
      hardState: { ...HARD, commit: Math.max(8, index) },
      compacted: log.compacted,
      entries: log.entries,
      reset: undefined,
    });
  });

  test.each([
    [11, 4],
    [30, 7],
    [8, 3],
  ])(
    '[F30] [F31] a snapshot at {%i, %i} that the log does not know makes the log start anew',
    (index, term) => {
      const { reset, entries, compacted, hardState } = reconcile(
        1,
        stateAt(index, term),
        logOf(4, 10),
      );
      expect(reset).toEqual({ index, term });
      expect(compacted).toEqual({ index, term });
      expect(entries).toEqual([]);
      expect(hardState.commit).toBe(index);
      // A vote stands in its term, and is void in a newer one.
      expect(hardState.term).toBe(Math.max(5, term));
      expect(hardState.vote).toBe(term > 5 ? 0 : 2);
    },
  );

  test('[F31] a gap between the engine and the log is damage', () => {
    expect(() => reconcile(1, stateAt(3, 4), logOf(4, 10))).toThrow(/what lies between is lost/);
  });

  test('[F31] [F29] [G3] an engine without any log is damage: votes may have been given', () => {
    expect(() => reconcile(1, stateAt(3, 4), undefined)).toThrow(/its votes are lost/);
  });
});
