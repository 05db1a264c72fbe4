import { describe, expect, test } from 'vitest';
import type { RaftOptions } from '../../src/raft/index.ts';
import { Cluster } from './cluster.ts';
import { configOf, incarnationOf } from './harness.ts';

const config = configOf([1, 2, 3]);

/** Three voters of which the third lost its log `times` times. */
function clusterWith(times: number, options: Partial<RaftOptions> = {}) {
  return new Cluster({ config, ...options }, { 3: { quarantine: times } });
}

describe('a voter whose log was damaged (L2)', () => {
  test('[L2] [R7] its acknowledgements commit nothing, and it gets everything all the same', () => {
    const cluster = clusterWith(1);
    const leader = cluster.lead(1);
    cluster.settle();
    const before = leader.raft.commit;
    cluster.cut.add(2);
    cluster.propose(1, 'a');
    cluster.settle();
    const damaged = cluster.replica(3).raft;
    expect(damaged.lastIndex).toBe(before + 1);
    const progress = leader.raft.status().followers.find(({ id }) => id === 3);
    expect(progress).toMatchObject({ state: 'replicate', match: before + 1 });
    expect([leader.raft.commit, damaged.commit]).toEqual([before, before]);
    cluster.cut.clear();
    cluster.pass(2);
    expect([leader.raft.commit, damaged.commit]).toEqual([before + 1, before + 1]);
    expect(cluster.replica(3).state.index).toBe(before + 1);
  });

  test('[L2] [R3] with nobody else a leader steps down, and nobody is elected', () => {
    const cluster = clusterWith(1);
    cluster.lead(1);
    cluster.cut.add(2);
    cluster.pass(60);
    expect([1, 2, 3].map((id) => cluster.replica(id).raft.role)).not.toContain('leader');
    cluster.cut.clear();
    cluster.pass(40);
    expect([1, 2].filter((id) => cluster.replica(id).raft.role === 'leader')).toHaveLength(1);
  });

  test('[L2] it neither stands nor votes nor is handed the lead', () => {
    const cluster = clusterWith(1);
    const leader = cluster.lead(1);
    cluster.settle();
    cluster.replica(3).raft.campaign();
    expect(cluster.replica(3).raft.role).toBe('follower');
    expect(leader.raft.transferLeader(3)).toBe(false);
    cluster.cut.add(1);
    cluster.pass(60);
    const answers = cluster.delivered.filter(
      (message) => message.from === 3 && message.type.endsWith('vote-response'),
    );
    expect(answers).toEqual([]);
    expect(cluster.replica(2).raft.role).not.toBe('leader');
  });

  test('[L2] [R6] it confirms no read, and reads by the leader', () => {
    const cluster = clusterWith(1);
    const leader = cluster.lead(1);
    cluster.settle();
    cluster.replica(3).raft.readIndex(7);
    cluster.settle();
    expect(cluster.replica(3).reads).toMatchObject([{ context: 7, rejected: false }]);
    cluster.cut.add(2);
    leader.raft.readIndex(8);
    cluster.replica(3).raft.readIndex(9);
    cluster.settle();
    expect(leader.reads).toEqual([]);
    expect(cluster.replica(3).reads).toHaveLength(1);
  });

  test('[L2] what it acknowledged before the damage is forgotten, and it is brought up to date again', () => {
    const cluster = new Cluster({ config });
    const leader = cluster.lead(1);
    for (const value of ['a', 'b', 'c']) cluster.propose(1, value);
    cluster.settle();
    const last = leader.raft.lastIndex;
    for (let times = 1; times <= 2; times++) {
      // The log is gone; the state, which has only what was committed, may be there.
      cluster.replica(3).loseLog(times);
      cluster.pass(1);
      const progress = () => leader.raft.status().followers.find(({ id }) => id === 3);
      cluster.pass(4);
      expect(progress()).toMatchObject({ state: 'replicate', match: last });
      expect(cluster.replica(3).raft.commit).toBe(last);
    }
  });

  test('[L2] it commits nothing on the word of a leader that knows it from before the damage', () => {
    const cluster = new Cluster({ config });
    cluster.lead(1);
    cluster.propose(1, 'a');
    cluster.settle();
    const { raft } = cluster.replica(1);
    const commit = raft.commit;
    const damaged = cluster.replica(3);
    damaged.loseLog(1, false);
    const envelope = { from: 1, to: 3, term: raft.term, incarnation: incarnationOf(1) };
    damaged.raft.step({ type: 'heartbeat', ...envelope, commit, round: 0 });
    damaged.raft.step({ type: 'commit-notice', ...envelope, commit });
    expect(damaged.raft.commit).toBe(0);
    cluster.pass(4);
    expect(damaged.raft.commit).toBe(commit);
  });
});
