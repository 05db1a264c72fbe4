import { describe, expect, test } from 'vitest';
import { RaftLog } from '../../src/raft/raft-log.ts';
import { Cluster } from './cluster.ts';
import { configOf, logOf } from './harness.ts';

const config = configOf([1, 2, 3]);

describe('entries that are on the disk only', () => {
  test('[R4] a follower that needs them gets them from there, without a snapshot', () => {
    const cluster = new Cluster({ config });
    const leader = cluster.lead(1);
    cluster.cut.add(3);
    for (let i = 0; i < 10; i++) {
      cluster.propose(1, `command ${i}`);
      cluster.settle();
    }
    leader.evict(2);
    expect([leader.raft.storedIndex, leader.raft.firstIndex]).toEqual([0, 10]);
    cluster.cut.clear();
    cluster.pass(8);
    expect(cluster.replica(3).state).toEqual(leader.state);
    const offers = cluster.delivered.filter(({ type }) => type === 'snapshot-request');
    expect(offers).toEqual([]);
  });

  test('[R4] what the disk has let go of meanwhile costs a snapshot after all', () => {
    const cluster = new Cluster({ config });
    const leader = cluster.lead(1);
    cluster.cut.add(3);
    for (let i = 0; i < 10; i++) {
      cluster.propose(1, `command ${i}`);
      cluster.settle();
    }
    leader.evict(0);
    cluster.cut.clear();
    // Asked for, and trimmed before it is read.
    for (let i = 0; i < 20 && leader.toRead.length === 0; i++) {
      leader.raft.tick();
      for (const replica of cluster.replicas) {
        replica.takeReady();
        replica.completeWrites();
        replica.apply();
      }
      cluster.deliver();
    }
    expect(leader.toRead).toMatchObject([{ to: 3 }]);
    leader.flush(1);
    cluster.pass(20);
    expect(cluster.replica(3).state).toEqual(leader.state);
    const offers = cluster.delivered.filter(({ type }) => type === 'snapshot-request');
    expect(offers.length).toBeGreaterThan(0);
  });

  test('their terms are known as long as they can be read back', () => {
    const log = new RaftLog({ index: 0, term: 0 }, logOf([1, 1, 2, 2, 2, 5, 5]), 7, 7);
    log.evictTo(6);
    const terms = () => Array.from({ length: 9 }, (_, index) => log.termAt(index));
    expect(terms()).toEqual([0, 1, 1, 2, 2, 2, 5, 5, undefined]);
    expect(log.lastPositionWithin(6, 3)).toEqual({ index: 5, term: 2 });
    log.compactTo(3);
    expect(terms()).toEqual([...Array(3).fill(undefined), 2, 2, 2, 5, 5, undefined]);
    expect([log.stored, log.compacted]).toEqual([
      { index: 3, term: 2 },
      { index: 6, term: 5 },
    ]);
    log.compactTo(5);
    expect(terms()).toEqual([...Array(5).fill(undefined), 2, 5, 5, undefined]);
    log.compactTo(7);
    expect(terms()).toEqual([...Array(7).fill(undefined), 5, undefined]);
    // As after a restart.
    const terms2 = [
      { index: 1, term: 1 },
      { index: 3, term: 2 },
      { index: 6, term: 5 },
    ];
    const stored = { compacted: { index: 0, term: 0 }, terms: terms2 };
    const rest = logOf([1, 1, 2, 2, 2, 5, 5]).slice(5);
    const again = new RaftLog({ index: 5, term: 2 }, rest, 7, 5, stored);
    expect([0, 1, 2, 3, 5, 6, 7].map((index) => again.termAt(index))).toEqual([
      0, 1, 1, 2, 2, 5, 5,
    ]);
    expect(() => new RaftLog({ index: 5, term: 4 }, rest, 7, 5, stored)).toThrow(/does not reach/);
  });
});
