import { describe, expect, it } from 'vitest';
import {
  isNeededToCommit,
  isSnapshotAwaited,
  neededByFollowers,
} from '../../src/group/retention.ts';
import type { RaftStatus } from '../../src/raft/index.ts';

type Follower = RaftStatus['followers'][number];

const MIB = 1024 * 1024;
const log = { hasRoom: true, liveSegments: 3, segmentBytes: MIB };

function follower(more: Partial<Follower>): Follower {
  return {
    id: 2,
    state: 'replicate',
    match: 100,
    next: 101,
    inflightBytes: 0,
    inflightAppends: 0,
    silentTicks: 0,
    snapshotIndex: 0,
    quarantine: 0,
    ...more,
  };
}

function needed(followers: readonly Follower[], more: Partial<typeof log> = {}, offeredBytes = 0) {
  return neededByFollowers({
    followers,
    log: { ...log, ...more },
    offeredBytes,
    silentTicksMax: 10,
  });
}

describe('what followers need of the log', () => {
  it('[L3] is what the one that is furthest behind lacks', () => {
    expect(needed([follower({ match: 70 }), follower({ match: 90 })])).toBe(70);
    expect(needed([])).toBe(Number.POSITIVE_INFINITY);
  });

  it('[L3] is what comes after a snapshot on offer, and nothing before there is one', () => {
    const state = 'snapshot';
    expect(needed([follower({ state, match: 1, snapshotIndex: 80 })])).toBe(80);
    expect(needed([follower({ state, match: 1 })])).toBe(Number.POSITIVE_INFINITY);
  });

  it('[L3] is nothing for one that is not there', () => {
    expect(needed([follower({ silentTicks: 10 })])).toBe(Number.POSITIVE_INFINITY);
    expect(needed([follower({ silentTicks: 9 })])).toBe(100);
  });

  it('[L3] [L4] is nothing once that takes too much of the disk', () => {
    const behind = [follower({ match: 70 })];
    expect(needed(behind, { liveSegments: 16 })).toBe(70);
    expect(needed(behind, { liveSegments: 17 })).toBe(Number.POSITIVE_INFINITY);
    expect(needed(behind, { hasRoom: false })).toBe(Number.POSITIVE_INFINITY);
  });

  it('[L3] [E3] may take more while snapshots are on their way, the larger they are', () => {
    const behind = [follower({ match: 70 })];
    expect(needed(behind, { liveSegments: 40 }, 2 * MIB)).toBe(Number.POSITIVE_INFINITY);
    expect(needed(behind, { liveSegments: 40 }, 3 * MIB)).toBe(70);
  });

  it('[R5] a follower is needed to commit when the others that are there are no majority', () => {
    const behind = follower({ id: 2, match: 10 });
    const isNeeded = (...others: readonly Follower[]) =>
      isNeededToCommit(2, { followers: [behind, ...others], commit: 100 }, 10);
    expect(isNeeded(follower({ id: 3 }))).toBe(false);
    expect(isNeeded(follower({ id: 3, silentTicks: 10 }))).toBe(true);
    expect(isNeeded(follower({ id: 3, match: 99 }))).toBe(true);
    expect(isNeeded(follower({ id: 3, quarantine: 1 }))).toBe(true);
    expect(isNeeded()).toBe(true);
    const four = [follower({ id: 3 }), follower({ id: 4, match: 5 }), follower({ id: 5 })];
    expect(isNeeded(...four)).toBe(false);
    expect(isNeeded(...four.slice(1))).toBe(true);
  });

  it('[E3] a snapshot is awaited by whoever is there and was offered that one', () => {
    const followers = [follower({ state: 'snapshot', snapshotIndex: 80 })];
    expect(isSnapshotAwaited(80, followers, 10)).toBe(true);
    expect(isSnapshotAwaited(79, followers, 10)).toBe(false);
    expect(isSnapshotAwaited(80, [follower({ snapshotIndex: 80, silentTicks: 10 })], 10)).toBe(
      false,
    );
  });
});
