import { describe, expect, test } from 'vitest';
import { Ownership } from '../../src/sim/check/ownership.ts';
import type { DataMachine, Shard } from '../../src/store/index.ts';

type Part = Pick<Shard, 'id' | 'epoch' | 'state'> & Partial<Pick<Shard, 'hashStart' | 'hashEnd'>>;

/** What replicas of groups have, one look after the other. */
function seen(...looks: readonly (readonly [group: number, ...shards: readonly Part[]])[]) {
  const ownership = new Ownership();
  for (const [group, ...parts] of looks) {
    const shards = parts.map((part) => ({ table: 1, hashStart: '', hashEnd: '', ...part }));
    ownership.look(group, { shards: () => shards } as unknown as DataMachine);
  }
  return ownership;
}

const LOWER = { hashStart: '', hashEnd: '8' };
const UPPER = { hashStart: '8', hashEnd: '' };

describe('who has a shard', () => {
  test('[C2] one group after the other, each once the one before it has fenced it', () => {
    const moved = seen(
      [1, { id: 5, epoch: 1, state: 'serving' }],
      [2, { id: 5, epoch: 2, state: 'receiving' }],
      [1, { id: 5, epoch: 1, state: 'fenced' }],
      [2, { id: 5, epoch: 2, state: 'serving' }],
      [1, { id: 5, epoch: 1, state: 'purging' }],
    );
    expect(moved.moves).toBe(1);
  });

  test('[C2] a second group that serves it, or the first one still, is found', () => {
    const serving = { id: 5, epoch: 1, state: 'serving' } as const;
    expect(() => seen([1, serving], [2, { ...serving, epoch: 2 }])).toThrow('[C2]');
    expect(() => seen([1, { ...serving, state: 'fenced' }], [2, { ...serving, epoch: 3 }])).toThrow(
      '[C2]',
    );
  });

  test('[C2] what comes of a split or a merge is of shards that the group served', () => {
    const split = seen(
      [1, { id: 5, epoch: 1, state: 'serving' }],
      [
        1,
        { id: 6, epoch: 2, state: 'serving', ...LOWER },
        { id: 7, epoch: 2, state: 'serving', ...UPPER },
      ],
      [1, { id: 8, epoch: 3, state: 'serving' }],
    );
    expect([split.splits, split.merges]).toEqual([1, 1]);
    expect(() =>
      seen(
        [1, { id: 5, epoch: 1, state: 'serving' }],
        [1, { id: 5, epoch: 1, state: 'fenced' }],
        [1, { id: 6, epoch: 2, state: 'serving', ...LOWER }],
      ),
    ).toThrow('[C2]');
  });

  test('[C2] a copy that begins anew was never served', () => {
    const begunAnew = [
      [1, { id: 5, epoch: 1, state: 'serving' }],
      [2, { id: 5, epoch: 2, state: 'receiving' }],
      [2, { id: 5, epoch: 2, state: 'purging' }],
      [1, { id: 5, epoch: 1, state: 'fenced' }],
      [2, { id: 5, epoch: 2, state: 'serving' }],
    ] as const;
    expect(seen(...begunAnew).moves).toBe(1);
    // World 526: a late replica emptied its copy when the others served theirs already, and then it was split.
    const late = seen(
      ...begunAnew,
      [2, { id: 5, epoch: 2, state: 'purging' }],
      [
        2,
        { id: 6, epoch: 3, state: 'serving', ...LOWER },
        { id: 7, epoch: 3, state: 'serving', ...UPPER },
      ],
    );
    expect(late.splits).toBe(1);
    // Once it is fenced, it is what was served that is emptied.
    expect(() =>
      seen(
        ...begunAnew,
        [2, { id: 5, epoch: 2, state: 'fenced' }],
        [2, { id: 5, epoch: 2, state: 'purging' }],
        [2, { id: 6, epoch: 3, state: 'serving', ...LOWER }],
      ),
    ).toThrow('[C2]');
  });
});
