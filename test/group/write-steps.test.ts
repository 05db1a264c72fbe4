import { expect, test } from 'vitest';
import { writeSteps } from '../../src/group/write-steps.ts';
import type { Entry, Ready } from '../../src/raft/index.ts';

const SEGMENT = 8 * 1024 * 1024;

function ready(sizes: readonly number[], commit: number): Ready {
  const entries: Entry[] = sizes.map((size, i) => ({
    index: 11 + i,
    term: 3,
    kind: 'normal',
    data: new Uint8Array(size),
  }));
  return {
    writeNumber: 1,
    hardState: { term: 3, vote: 2, commit },
    logReset: undefined,
    entries,
    snapshot: undefined,
    messages: [],
    messagesAfterWrite: [],
    committedEntries: [],
    readStates: [],
    snapshotsWanted: [],
    entriesWanted: [],
  };
}

test('[R1] what fits is one step with everything', () => {
  const { entries, hardState, logReset: reset } = ready([100, 200_000], 12);
  expect(writeSteps(ready([100, 200_000], 12), SEGMENT)).toEqual([{ reset, entries, hardState }]);
});

test('[R1] a large write is steps of about a megabyte, the first with term, vote and a commit index of its own', () => {
  const steps = writeSteps(ready(Array<number>(40).fill(300_000), 45), SEGMENT);
  expect(steps.length).toBeGreaterThan(10);
  expect(steps.flatMap(({ entries }) => (entries ?? []).map(({ index }) => index))).toEqual(
    Array.from({ length: 40 }, (_, i) => 11 + i),
  );
  for (const { entries } of steps) {
    const bytes = (entries ?? []).reduce((sum, { data }) => sum + data.length, 0);
    expect(bytes).toBeLessThanOrEqual(1024 * 1024);
  }
  const [first, ...rest] = steps;
  expect(first?.hardState).toEqual({ term: 3, vote: 2, commit: 13 });
  expect(rest.every(({ hardState }) => hardState === undefined)).toBe(true);
});

test('[R1] an entry larger than a step goes alone', () => {
  const steps = writeSteps(ready([10, 3_000_000, 10], 10), SEGMENT);
  expect(steps.map(({ entries }) => entries?.length)).toEqual([1, 1, 1]);
  expect(steps[0]?.hardState?.commit).toBe(10);
});

test('[R1] in a small segment steps are small, however little is in the entries', () => {
  const steps = writeSteps(ready(Array<number>(1000).fill(0), 10), 64 * 1024);
  expect(steps.flatMap(({ entries }) => entries ?? [])).toHaveLength(1000);
  // With the overhead that is counted for each: 128 bytes, where the log has 5 to 45.
  for (const { entries } of steps) expect(entries?.length).toBeLessThanOrEqual(128);
});
