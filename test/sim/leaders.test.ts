import { describe, expect, test } from 'vitest';
import type { RaftView } from '../../src/raft/index.ts';
import { checkUncommitted } from '../../src/sim/check/checks.ts';
import { Deposed } from '../../src/sim/check/deposed.ts';
import type { World } from '../../src/sim/index.ts';

/** One replica of group 1, and what time it is. */
function watched() {
  const raft = { role: 'leader', term: 3 };
  const process = { isPaused: false };
  const replica = { group: 1, isClosed: false, raft };
  const machine = {
    name: 'n1',
    isRunning: true,
    process,
    created: { replicas: { all: () => [replica] } },
  };
  const time = { now: 0 };
  const group = { newest: 3 };
  const deposed = new Deposed(
    { time, machines: [machine] } as unknown as World,
    () => group.newest,
  );
  const watch = (ms: number) => {
    for (const until = time.now + ms; time.now < until; time.now += 1_000) deposed.look();
  };
  return { raft, process, group, watch };
}

describe('the check of leaders', () => {
  test('[G8] one that leads on beside a newer one is found', () => {
    const { group, watch } = watched();
    watch(10_000);
    group.newest = 4;
    expect(() => watch(10_000)).toThrow('[G8] n1: the replica of group 1 has led in term 3');
  });

  test('[G8] one that gives up in time is not, nor one whose process stands still', () => {
    const { raft, process, group, watch } = watched();
    group.newest = 4;
    watch(4_000);
    process.isPaused = true;
    watch(10_000);
    process.isPaused = false;
    watch(4_000);
    raft.role = 'follower';
    expect(() => watch(10_000)).not.toThrow();
  });

  test('[R5] [G17] one that takes more than it may is found, and not for what others left it or for one large proposal', () => {
    const entry = (index: number, term: number, kind = 'normal') => ({ index, term, kind });
    const leader = (log: readonly object[], uncommittedBytes = 20_000) =>
      ({
        id: 7,
        role: 'leader',
        term: 2,
        commit: 0,
        lastIndex: log.length,
        uncommittedBytes,
        entriesBetween: (from: number, to: number) => log.slice(from - 1, to - 1),
      }) as unknown as RaftView;
    const inherited = [entry(1, 1), entry(2, 1), entry(3, 2, 'empty')];
    expect(() => checkUncommitted(1, leader(inherited), 8_192)).not.toThrow();
    const one = [...inherited, entry(4, 2)];
    expect(() => checkUncommitted(1, leader(one), 8_192)).not.toThrow();
    const two = [...one, entry(5, 2)];
    expect(() => checkUncommitted(1, leader(two, 8_192), 8_192)).not.toThrow();
    expect(() => checkUncommitted(1, leader(two), 8_192)).toThrow(
      '[R5] group 1: 20000 bytes are uncommitted on the leader 7, 2 of its own entries, of 8192',
    );
  });
});
