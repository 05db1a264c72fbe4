import { describe, expect, test } from 'vitest';
import type { ReplicaState } from '../../src/engine/index.ts';
import { reconcile } from '../../src/group/reconcile.ts';
import { type RecoveredLog, readRecovered } from '../../src/group/recovered-log.ts';
import type { WriteAheadLog } from '../../src/log/index.ts';

const HARD = { term: 5, vote: 2, commit: 8 };

function stateAt(index: number, term: number): ReplicaState {
  return { appliedIndex: index, appliedTerm: term } as ReplicaState;
}

const TERM = 4;

/** What is read back of a log with the entries after `compacted` to `last`, all of one term, for an engine at `applied`. */
function readBack(compacted: number, last: number, applied: number): Promise<RecoveredLog> {
  const read = (_: number, from: number, to: number) =>
    Promise.resolve(
      Array.from({ length: Math.min(3, to - from) }, (_, i) => ({
        index: from + i,
        term: TERM,
        kind: 'normal' as const,
        data: new Uint8Array(0),
      })),
    );
  const recovered = {
    hardState: HARD,
    compacted: { index: compacted, term: compacted === 0 ? 0 : TERM },
    last,
    terms: [{ index: compacted + 1, term: TERM }],
  };
  return readRecovered({ read } as unknown as WriteAheadLog, 1, recovered, applied);
}

describe('log and engine after a start', () => {
  test('[F31] a new replica starts empty', () => {
    expect(reconcile(1, stateAt(0, 0), undefined)).toEqual({
      hardState: { term: 0, vote: 0, commit: 0 },
      compacted: { index: 0, term: 0 },
      stored: { compacted: { index: 0, term: 0 }, terms: [] },
      entries: [],
      reset: undefined,
    });
  });

  test.each([
    [4, 4],
    [6, 4],
    [10, 4],
  ])('[F31] [G16] an engine at {%i, %i} inside the log goes on from there', async (index, term) => {
    const log = await readBack(4, 10, index);
    const fitted = reconcile(1, stateAt(index, term), log);
    expect(fitted).toMatchObject({
      hardState: { ...HARD, commit: Math.max(8, index) },
      compacted: { index, term },
      stored: { compacted: { index: 4, term: 4 }, terms: [{ index: 5, term: 4 }] },
      reset: undefined,
    });
    // In memory is only what is still to be applied.
    const rest = Array.from({ length: 10 - index }, (_, i) => index + 1 + i);
    expect(fitted.entries.map((entry) => entry.index)).toEqual(rest);
  });

  test.each([
    [11, 4],
    [30, 7],
    [8, 3],
  ])(
    '[F30] [F31] a snapshot at {%i, %i} that the log does not know makes the log start anew',
    async (index, term) => {
      const { reset, entries, compacted, hardState } = reconcile(
        1,
        stateAt(index, term),
        await readBack(4, 10, index),
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

  test('[F31] a gap between the engine and the log is damage', async () => {
    const log = await readBack(4, 10, 3);
    expect(() => reconcile(1, stateAt(3, 4), log)).toThrow(/what lies between is lost/);
  });

  test('[F31] [F29] [G3] an engine without any log is damage: votes may have been given', () => {
    expect(() => reconcile(1, stateAt(3, 4), undefined)).toThrow(/its votes are lost/);
  });

  test('[L2] a replica in quarantine, whose log is void, goes on after its state', () => {
    const { hardState, reset, entries } = reconcile(1, stateAt(3, 4), undefined, true);
    expect(hardState).toEqual({ term: 4, vote: 0, commit: 3 });
    expect(reset).toEqual({ index: 3, term: 4 });
    expect(entries).toEqual([]);
  });
});
