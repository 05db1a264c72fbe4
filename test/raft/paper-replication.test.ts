import { describe, expect, test } from 'vitest';
import type { Config, Entry, Membership, Message } from '../../src/raft/index.ts';
import { Cluster, from, sent, single, termsOf } from './cluster.ts';
import { bytes, configOf, logOf, member, type SimReplica } from './harness.ts';

const three = configOf([1, 2, 3]);
const plain = { config: three, preVote: false, checkQuorum: false, appendEmptyEntry: false };

function entry(index: number, term: number): Entry {
  return { index, term, kind: 'normal', data: bytes(`${index}.${term}`) };
}

function append(
  term: number,
  prevIndex: number,
  prevTerm: number,
  entries: readonly Entry[],
  commit = 0,
): Message {
  return { type: 'append-request', ...from(2, term), prevIndex, prevTerm, entries, commit };
}

function acknowledgement(id: number, term: number, index: number): Message {
  return {
    type: 'append-response',
    ...from(id, term),
    index,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
    quarantine: 0,
  };
}

function follower(terms: readonly number[], term: number, commit = 0): SimReplica {
  return single({ ...plain, entries: logOf(terms), hardState: { term, vote: 0, commit } });
}

function answerOf(replica: SimReplica): Message | undefined {
  const ready = replica.takeReady();
  return [...(ready?.messages ?? []), ...(ready?.messagesAfterWrite ?? [])].at(-1);
}

describe('Raft paper §5.3: log replication', () => {
  test('a command is appended, sent in parallel with the own write, and committed by a majority', () => {
    const cluster = new Cluster(plain);
    const leader = cluster.lead(1);
    cluster.propose(1, 'a');
    const ready = leader.takeReady();
    expect(ready?.entries.map(({ index, term }) => [index, term])).toEqual([[1, 1]]);
    expect(ready?.messages.map(({ type }) => type)).toEqual(['append-request', 'append-request']);
    leader.completeWrites();
    expect(leader.raft.commit).toBe(0);
    leader.raft.step(acknowledgement(3, 1, 1));
    expect(leader.raft.commit).toBe(1);
    expect(leader.takeReady()?.committedEntries).toHaveLength(1);
  });

  test('[G7] the leader counts itself only when its write is durable; two followers suffice without it', () => {
    const cluster = new Cluster(plain);
    const leader = cluster.lead(1);
    cluster.propose(1, 'a');
    leader.takeReady();
    leader.raft.step(acknowledgement(2, 1, 1));
    expect(leader.raft.commit).toBe(0);
    leader.raft.step(acknowledgement(3, 1, 1));
    expect(leader.raft.commit).toBe(1);
  });

  test('[G7] what a truncation took is not durable any more when the same indexes come again', () => {
    const replica = follower([1, 1, 1, 1, 1], 1);
    const { raft } = replica;
    raft.step(append(2, 2, 1, [entry(3, 2)]));
    replica.takeReady();
    replica.completeWrites();
    expect(raft.status().durable).toBe(3);
    raft.campaign();
    replica.takeReady();
    replica.completeWrites();
    raft.step({ type: 'vote-response', ...from(2, 3), granted: true });
    raft.propose(bytes('x'));
    replica.takeReady();
    raft.step(acknowledgement(2, 3, 4));
    expect(raft.commit).toBe(0);
    replica.completeWrites();
    expect(raft.commit).toBe(4);
  });

  test('a follower learns the commit index and applies in log order', () => {
    const replica = follower([], 1);
    replica.raft.step(append(1, 0, 0, [entry(1, 1), entry(2, 1), entry(3, 1)], 2));
    expect(replica.takeReady()?.committedEntries.map(({ index }) => index)).toEqual([1, 2]);
    replica.raft.step(append(1, 3, 1, [], 3));
    expect(replica.takeReady()?.committedEntries.map(({ index }) => index)).toEqual([3]);
  });

  test('the commit index never passes what this append brought or matched', () => {
    const replica = follower([1, 1, 1], 2);
    replica.raft.step(append(2, 1, 1, [entry(2, 1)], 9));
    expect(replica.raft.commit).toBe(2);
  });

  test('[R1] a follower acknowledges what is durable, and only then', () => {
    const replica = follower([], 1);
    replica.raft.step(append(1, 0, 0, [entry(1, 1)]));
    const ready = replica.takeReady();
    expect(ready?.messages).toEqual([]);
    expect(ready?.messagesAfterWrite).toMatchObject([{ index: 1, rejected: false }]);
    // The same append again, while the write is under way: still nothing to say.
    replica.raft.step(append(1, 0, 0, [entry(1, 1)]));
    expect(sent(replica)).toEqual({ now: [], afterWrite: [] });
    replica.completeWrites();
    expect(replica.takeReady()?.messages).toMatchObject([{ index: 1, rejected: false }]);
  });

  // The follower's log is that of replica (f) in figure 7: 1 1 1 2 2 2 3 3 3 3 3.
  test.each([
    { prevIndex: 11, prevTerm: 3, rejected: false },
    { prevIndex: 3, prevTerm: 1, rejected: false },
    { prevIndex: 0, prevTerm: 0, rejected: false },
    { prevIndex: 12, prevTerm: 3, rejected: true, hint: [11, 3] },
    { prevIndex: 10, prevTerm: 6, rejected: true, hint: [9, 3] },
    { prevIndex: 10, prevTerm: 2, rejected: true, hint: [6, 2] },
    { prevIndex: 5, prevTerm: 4, rejected: true, hint: [4, 2] },
    { prevIndex: 6, prevTerm: 1, rejected: true, hint: [3, 1] },
  ])('the consistency check at $prevIndex/$prevTerm rejects: $rejected', (row) => {
    const replica = follower([1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 7);
    replica.raft.step(append(8, row.prevIndex, row.prevTerm, []));
    const answer = answerOf(replica);
    expect(answer).toMatchObject({ rejected: row.rejected, index: row.prevIndex });
    if (answer?.type === 'append-response' && row.hint !== undefined) {
      expect([answer.hintIndex, answer.hintTerm]).toEqual(row.hint);
    }
  });

  test('a conflicting entry goes with all that follows it, and nothing before it', () => {
    const replica = follower([1, 1, 2, 2, 2], 3);
    replica.raft.step(append(3, 2, 1, [entry(3, 3)]));
    expect(termsOf(replica)).toEqual([1, 1, 3]);
    const ready = replica.takeReady();
    expect(ready?.entries.map(({ index, term }) => [index, term])).toEqual([[3, 3]]);
    replica.completeWrites();
    expect(replica.disk.entries.map(({ term }) => term)).toEqual([1, 1, 3]);
  });

  test('[G4] an old append that agrees truncates nothing, in whatever order it comes', () => {
    const replica = follower([], 1);
    const first = append(1, 0, 0, [entry(1, 1), entry(2, 1)]);
    const second = append(1, 2, 1, [entry(3, 1), entry(4, 1)], 4);
    for (const message of [first, second, first, append(1, 0, 0, [entry(1, 1)]), second, first]) {
      replica.raft.step(message);
      while (replica.takeReady() !== undefined) replica.completeWrites();
    }
    expect(termsOf(replica)).toEqual([1, 1, 1, 1]);
    expect(replica.raft.commit).toBe(4);
  });

  test('[G4] an append that reaches back below the commit index and the compaction point', () => {
    const replica = follower([1, 1, 1, 1], 1, 3);
    replica.takeReady();
    replica.apply();
    replica.flush(0);
    expect(replica.raft.firstIndex).toBe(4);
    replica.raft.step(append(1, 1, 1, [entry(2, 1), entry(3, 1), entry(4, 1), entry(5, 1)]));
    expect(answerOf(replica)).toMatchObject({ rejected: false, index: 5 });
    replica.raft.step(append(1, 1, 1, [entry(2, 1)]));
    expect(replica.takeReady()).toBeDefined();
    replica.completeWrites();
    expect(replica.raft.lastIndex).toBe(5);
  });

  test('[R2] a leader that contradicts what is committed stops the replica', () => {
    expect(() => follower([1, 1], 1, 2).raft.step(append(2, 1, 1, [entry(2, 2)]))).not.toThrow();
    expect(() => follower([1, 1], 1, 2).raft.step(append(2, 2, 2, []))).toThrow(/contradicts/);
  });

  test('[R4] a wrong suffix of many entries costs a round per term', () => {
    const mine = [
      1,
      ...Array<number>(50).fill(2),
      ...Array<number>(50).fill(5),
      ...Array<number>(50).fill(8),
    ];
    const other = [
      1,
      ...Array<number>(60).fill(3),
      ...Array<number>(60).fill(4),
      ...Array<number>(60).fill(6),
    ];
    const cluster = new Cluster(plain, {
      1: { entries: logOf(mine), hardState: { term: 9, vote: 0, commit: 0 } },
      2: { entries: logOf(other), hardState: { term: 9, vote: 0, commit: 0 } },
      3: { entries: logOf(mine), hardState: { term: 9, vote: 0, commit: 0 } },
    });
    cluster.lead(1);
    cluster.propose(1, 'x');
    cluster.settle();
    expect(termsOf(cluster.replica(2))).toEqual([...mine, 10]);
    const rejections = cluster.delivered.filter(
      (message) => message.type === 'append-response' && message.rejected,
    );
    expect(rejections.length).toBeLessThanOrEqual(3);
  });

  test('[R4] appends are pipelined within a window of bytes, and messages bounded', () => {
    const cluster = new Cluster({ ...plain, appendBytesMax: 400, inflightBytesMax: 1000 });
    const leader = cluster.lead(1);
    for (let i = 0; i < 20; i++) cluster.propose(1, 'x'.repeat(72));
    const appends = leader.takeReady()?.messages.filter(({ to }) => to === 2);
    // Each entry counts 200 bytes: two a message, and the window is passed with the third.
    expect(appends?.map((m) => m.type === 'append-request' && m.entries.length)).toEqual([2, 2, 2]);
    leader.raft.step(acknowledgement(2, 1, 2));
    const more = leader.takeReady()?.messages.filter(({ to }) => to === 2);
    expect(more?.map((m) => m.type === 'append-request' && m.prevIndex)).toEqual([6]);
  });

  test('[G5] a heartbeat never tells a commit index beyond what the follower has', () => {
    const cluster = new Cluster({ ...plain, appendEmptyEntry: true });
    cluster.cut.add(3);
    const leader = cluster.lead(1);
    leader.raft.tick();
    const commits = leader
      .takeReady()
      ?.messages.map((m) => (m.type === 'heartbeat' ? [m.to, m.commit] : undefined));
    expect(commits).toEqual([
      [2, 1],
      [3, 0],
    ]);
  });

  test('[F28] a disk that lost what it had acknowledged stops its replica', () => {
    const replica = follower([1], 1);
    expect(() =>
      replica.raft.step({ type: 'heartbeat', ...from(2, 1), commit: 5, round: 0 }),
    ).toThrow(/lost from this disk/);
  });
});

describe('Raft paper §5.4.2: entries of previous terms', () => {
  test('[G2] they commit only along with an entry of the current term', () => {
    const cluster = new Cluster(plain, {
      1: { entries: logOf([1, 2]), hardState: { term: 2, vote: 0, commit: 0 } },
    });
    const leader = cluster.lead(1);
    expect(termsOf(cluster.replica(2))).toEqual([1, 2]);
    expect(leader.raft.commit).toBe(0);
    cluster.propose(1, 'x');
    cluster.settle();
    expect(cluster.replicas.map(({ raft }) => raft.commit)).toEqual([3, 3, 3]);
  });
});

describe('[R5] bounds', () => {
  test('[G17] without a quorum proposals are refused once the bound is reached', () => {
    const cluster = new Cluster({ ...plain, uncommittedBytesMax: 1000 });
    const leader = cluster.lead(1);
    cluster.cut.add(1);
    const outcomes = Array.from({ length: 8 }, () => leader.raft.propose(bytes('x'.repeat(72))));
    expect(outcomes.filter(({ accepted }) => accepted)).toHaveLength(5);
    expect(outcomes.at(-1)).toEqual({ accepted: false, reason: 'overloaded', leader: 1 });
    cluster.cut.clear();
    cluster.settle();
    cluster.pass(2);
    expect(leader.raft.uncommittedBytes).toBe(0);
    expect(leader.raft.propose(bytes('x')).accepted).toBe(true);
  });

  test('what waits for the own disk is bounded though followers commit it', () => {
    const cluster = new Cluster({ ...plain, uncommittedBytesMax: 1000 });
    const leader = cluster.lead(1);
    let accepted = 0;
    for (let i = 1; leader.raft.propose(bytes('x'.repeat(72))).accepted; i++) {
      leader.takeReady();
      for (const id of [2, 3]) leader.raft.step(acknowledgement(id, 1, i));
      expect(leader.raft.commit).toBe(i);
      accepted = i;
    }
    expect([accepted, leader.raft.uncommittedBytes]).toEqual([6, 0]);
    leader.completeWrites();
    expect(leader.raft.propose(bytes('x')).accepted).toBe(true);
  });

  test('one proposal of any size is taken', () => {
    const cluster = new Cluster({ ...plain, uncommittedBytesMax: 1000, inflightBytesMax: 500 });
    cluster.lead(1);
    cluster.propose(1, 'x'.repeat(5000));
    cluster.settle();
    expect(cluster.replica(3).raft.commit).toBe(1);
  });

  test('found by the random network: R9 off and a log full of older terms must not shut out proposals', () => {
    const old = logOf([1, 1, 1, 1, 1, 1]);
    const state = { entries: old, hardState: { term: 1, vote: 0, commit: 0 } };
    const cluster = new Cluster({ ...plain, uncommittedBytesMax: 500, ...state });
    cluster.lead(1);
    cluster.propose(1, 'x');
    cluster.settle();
    expect(cluster.replica(1).raft.commit).toBe(7);
  });
});

describe('Raft paper §7: snapshots', () => {
  const meta = { index: 5, term: 2, config: three };
  const offer: Message = { type: 'snapshot-request', ...from(2, 3), snapshot: meta };
  const file = { index: 5, term: 2, hash: 77, config: three };

  function offered(terms: readonly number[], commit = 0): SimReplica {
    const replica = follower(terms, 3, commit);
    replica.raft.step(offer);
    return replica;
  }

  // Plays the host that has fetched the file.
  function install(replica: SimReplica): void {
    replica.toApply = [];
    replica.installing = undefined;
    replica.disk.state = file;
    replica.state = file;
    replica.raft.snapshotInstalled(meta);
  }

  test('a log that does not reach or contradicts it is dropped, on disk too', () => {
    for (const terms of [[], [1, 1], [1, 1, 1, 1, 1, 1, 1]]) {
      const replica = offered(terms);
      expect(replica.takeReady()?.snapshot).toEqual({ from: 2, meta });
      install(replica);
      const ready = replica.takeReady();
      expect(ready?.logReset).toEqual({ index: 5, term: 2 });
      expect(ready?.messagesAfterWrite).toMatchObject([{ index: 5, rejected: false }]);
      replica.completeWrites();
      expect(replica.disk).toMatchObject({ compacted: { index: 5, term: 2 }, entries: [] });
      expect([replica.raft.commit, replica.raft.appliedIndex, replica.raft.lastIndex]).toEqual([
        5, 5, 5,
      ]);
    }
  });

  test('[G12] a log that has its last entry only moves its commit index: nothing is fetched', () => {
    const replica = offered([1, 1, 2, 2, 2, 2]);
    const ready = replica.takeReady();
    expect(ready?.snapshot).toBeUndefined();
    expect(ready?.messages).toMatchObject([{ index: 5, rejected: false }]);
    expect([replica.raft.commit, replica.raft.lastIndex]).toEqual([5, 6]);
  });

  test('[G12] one that came to match while the snapshot was fetched keeps what follows', () => {
    const replica = offered([1, 1]);
    replica.takeReady();
    const entries = [entry(3, 2), entry(4, 2), entry(5, 2), entry(6, 2)];
    replica.raft.step(append(3, 2, 1, entries, 4));
    const ready = replica.takeReady();
    // Nothing is applied beside the installation, though it is committed.
    expect([replica.raft.commit, ready?.committedEntries]).toEqual([4, []]);
    replica.completeWrites();
    install(replica);
    expect(replica.takeReady()?.logReset).toBeUndefined();
    expect([replica.raft.firstIndex, replica.raft.lastIndex, replica.raft.commit]).toEqual([
      6, 6, 5,
    ]);
  });

  test('[G12] entries that were never handed out leave no gap on disk', () => {
    const replica = offered([1, 1]);
    replica.takeReady();
    replica.raft.step(append(3, 2, 1, [entry(3, 2), entry(4, 2), entry(5, 2), entry(6, 2)]));
    install(replica);
    const ready = replica.takeReady();
    expect(ready?.logReset).toEqual({ index: 5, term: 2 });
    expect(ready?.entries.map(({ index }) => index)).toEqual([6]);
    replica.completeWrites();
    expect(replica.disk.compacted.index + replica.disk.entries.length).toBe(6);
  });

  test('one that ends at or before the commit index is answered with what is here', () => {
    const replica = offered([1, 1, 2, 2, 2, 2], 6);
    const ready = replica.takeReady();
    expect(ready?.snapshot).toBeUndefined();
    expect(ready?.messages).toMatchObject([{ index: 6, rejected: false }]);
  });

  test('the same offer again while it is being installed is ignored, and nobody stands meanwhile', () => {
    const replica = offered([]);
    replica.takeReady();
    replica.raft.step(offer);
    expect(replica.raft.hasReady()).toBe(false);
    for (let i = 0; i < 40; i++) replica.raft.tick();
    expect(replica.raft.role).toBe('follower');
    expect(() => replica.raft.snapshotInstalled({ ...meta, index: 6 })).toThrow(/not the snapshot/);
  });

  test('one that cannot be had is refused and may be offered again', () => {
    const replica = offered([1]);
    replica.takeReady();
    replica.raft.snapshotFailed(meta);
    expect(replica.takeReady()?.messages).toMatchObject([
      { index: 5, rejected: true, hintIndex: 1 },
    ]);
    replica.raft.step(offer);
    expect(replica.takeReady()?.snapshot).toEqual({ from: 2, meta });
  });

  test('[C6] a replica without its first snapshot refuses everything else and gets one', () => {
    const cluster = new Cluster({ ...plain, appendEmptyEntry: true }, { 3: { canVote: false } });
    cluster.replica(3).raft.campaign();
    expect(cluster.replica(3).raft.role).toBe('follower');
    cluster.lead(1);
    cluster.pass(2);
    const { raft } = cluster.replica(3);
    expect([raft.commit, raft.firstIndex, raft.status().canVote]).toEqual([1, 2, true]);
    const answers = cluster.delivered.filter((m) => m.from === 3 && m.type === 'vote-response');
    expect(answers).toEqual([]);
  });

  test('found by the random network: a snapshot that compaction has overtaken is made anew', () => {
    const cluster = new Cluster({ ...plain, appendEmptyEntry: true });
    const leader = cluster.lead(1);
    cluster.cut.add(3);
    cluster.propose(1, 'a');
    cluster.settle();
    leader.flush(0);
    cluster.cut.clear();
    cluster.propose(1, 'b');
    leader.takeReady();
    leader.completeWrites();
    cluster.deliver();
    cluster.replica(3).takeReady();
    cluster.deliver();
    leader.takeReady();
    leader.makeSnapshots();
    // Before the offer arrives, the log after the snapshot is gone too.
    cluster.replica(2).settle(() => undefined);
    cluster.deliver();
    leader.takeReady();
    leader.apply();
    leader.flush(0);
    cluster.settle();
    cluster.pass(3);
    expect(cluster.replicas.map(({ state }) => state.index)).toEqual([3, 3, 3]);
  });

  test('[F31] a log that does not fit the state is refused at the start', () => {
    expect(() => single({ ...plain, entries: logOf([1, 1]).slice(1) })).toThrow(/does not follow/);
    expect(() => follower([1, 1], 1, 3)).toThrow(/does not reach/);
    expect(() => follower([1, 4], 1)).toThrow(/ahead of the term/);
  });
});

describe('Raft paper §8 and thesis §6.4: reads', () => {
  const reading = { config: three, preVote: false };

  function roundAnswer(id: number, term: number, round: number): Message {
    return { type: 'heartbeat-response', ...from(id, term), round, quarantine: 0 };
  }

  test('[R9] a new leader appends an empty entry, unless it is told not to', () => {
    const cluster = new Cluster(reading);
    cluster.lead(1);
    expect(cluster.replica(1).raft.entriesBetween(1, 2)).toMatchObject([{ kind: 'empty' }]);
    expect(new Cluster(plain).lead(1).raft.lastIndex).toBe(0);
  });

  test('[R6] a read is confirmed by a quorum of answers to its own round, at the commit index of its beginning', () => {
    const cluster = new Cluster({ ...reading, config: configOf([1, 2, 3, 4, 5]) });
    const leader = cluster.lead(1);
    leader.raft.readIndex(10);
    expect(leader.takeReady()?.messages).toMatchObject([
      { round: 1 },
      { round: 1 },
      { round: 1 },
      { round: 1 },
    ]);
    leader.raft.step(roundAnswer(2, 1, 0));
    leader.raft.step(roundAnswer(3, 1, 0));
    leader.raft.step(roundAnswer(2, 1, 1));
    leader.raft.step(roundAnswer(2, 1, 1));
    expect(leader.takeReady()?.readStates ?? []).toEqual([]);
    leader.raft.step(roundAnswer(5, 1, 1));
    expect(leader.takeReady()?.readStates).toEqual([{ context: 10, index: 1, rejected: false }]);
  });

  test('[R6] a read that comes while a round is under way is not confirmed by it', () => {
    const cluster = new Cluster(reading);
    const leader = cluster.lead(1);
    leader.raft.readIndex(10);
    leader.takeReady();
    leader.raft.readIndex(11);
    leader.raft.step(roundAnswer(2, 1, 1));
    const ready = leader.takeReady();
    expect(ready?.readStates).toEqual([{ context: 10, index: 1, rejected: false }]);
    expect(ready?.messages).toMatchObject([{ round: 2 }, { round: 2 }]);
    leader.raft.step(roundAnswer(3, 1, 1));
    expect(leader.raft.hasReady() && leader.raft.ready().readStates.length).toBeFalsy();
    leader.raft.step(roundAnswer(3, 1, 2));
    expect(leader.takeReady()?.readStates).toEqual([{ context: 11, index: 1, rejected: false }]);
  });

  test('[G6] reads wait for a commit in the current term', () => {
    const cluster = new Cluster({ ...reading, appendEmptyEntry: false });
    const leader = cluster.lead(1);
    leader.raft.readIndex(1);
    cluster.settle();
    expect(leader.reads).toEqual([]);
    cluster.propose(1, 'a');
    cluster.settle();
    expect(leader.reads).toEqual([{ context: 1, index: 1, rejected: false }]);
  });

  test('[R6] a follower asks the leader; learners may ask too', () => {
    const cluster = new Cluster({ ...reading, config: configOf([1, 2, 3], [], [4]) });
    cluster.lead(1);
    for (const id of [2, 4]) {
      expect(cluster.replica(id).raft.readIndex(id)).toBe(true);
      cluster.settle();
      expect(cluster.replica(id).reads).toEqual([{ context: id, index: 1, rejected: false }]);
    }
  });

  test('[R6] a follower of the term that asks confirms the leader, where the two are a quorum', () => {
    const answersAtOnce = (
      config: Config,
      asking: { id: number; term: number; confirms: boolean },
      change?: Membership,
    ) => {
      const leader = new Cluster({ ...reading, config }).lead(1);
      if (change) expect(leader.raft.proposeConfig(change).accepted).toBe(true);
      const { id, term, confirms } = asking;
      leader.raft.step({ type: 'read-index-request', ...from(id, term), context: 7, confirms });
      const messages = leader.takeReady()?.messages ?? [];
      return messages.some(
        (message) => message.type === 'read-index-response' && !message.rejected,
      );
    };
    expect(answersAtOnce(three, { id: 2, term: 1, confirms: true })).toBe(true);
    // It may have forgotten a vote, it was in an older term, it has no vote, or the two are too few.
    expect(answersAtOnce(three, { id: 2, term: 1, confirms: false })).toBe(false);
    expect(answersAtOnce(three, { id: 2, term: 0, confirms: true })).toBe(false);
    expect(answersAtOnce(configOf([1, 2, 3], [], [4]), { id: 4, term: 1, confirms: true })).toBe(
      false,
    );
    expect(answersAtOnce(configOf([1, 2, 3, 4, 5]), { id: 2, term: 1, confirms: true })).toBe(
      false,
    );
    // One of the old voters is not enough for a majority of the new ones.
    const asking = { id: 2, term: 1, confirms: true };
    const change = { voters: [1, 4, 5].map(member), learners: [], plan: 0 };
    expect(answersAtOnce(configOf([1, 2, 3], [], [4, 5]), asking, change)).toBe(false);
  });

  test('[G10] no answer of a moment ago confirms a read, since there are no leases', () => {
    const cluster = new Cluster(reading);
    const leader = cluster.lead(1);
    leader.raft.readIndex(1);
    leader.takeReady();
    leader.raft.step(roundAnswer(2, 1, 1));
    leader.raft.step(roundAnswer(3, 1, 1));
    expect(leader.takeReady()?.readStates).toHaveLength(1);
    leader.raft.readIndex(2);
    expect(leader.takeReady()?.readStates).toEqual([]);
  });

  test('[R6] [G6] nobody confirms a leader that has committed nothing in its term', () => {
    const leader = new Cluster({ ...reading, appendEmptyEntry: false }).lead(1);
    leader.raft.step({ type: 'read-index-request', ...from(2, 1), context: 7, confirms: true });
    expect(leader.takeReady()?.messages ?? []).toEqual([]);
  });

  test('[R6] whoever is cut off from a quorum confirms nothing, and rejects when it stops leading', () => {
    const cluster = new Cluster(reading);
    const leader = cluster.lead(1);
    cluster.cut.add(1);
    leader.raft.readIndex(1);
    cluster.pass(9);
    expect(leader.reads).toEqual([]);
    cluster.pass(1);
    expect(leader.reads).toEqual([{ context: 1, index: 0, rejected: true }]);
    expect(leader.raft.readIndex(2)).toBe(false);
  });
});

describe('thesis §3.10: leadership transfer', () => {
  test('[R8] the target catches up, stands at once without pre-vote, and proposals stop meanwhile', () => {
    const cluster = new Cluster({ config: three });
    const leader = cluster.lead(1);
    cluster.cut.add(2);
    cluster.propose(1, 'a');
    cluster.settle();
    cluster.cut.clear();
    expect(leader.raft.transferLeader(2)).toBe(true);
    expect(leader.raft.propose(bytes('b'))).toMatchObject({
      accepted: false,
      reason: 'transferring',
    });
    cluster.settle();
    expect(cluster.replica(2).raft.role).toBe('leader');
    expect(cluster.replica(2).raft.commit).toBe(3);
  });

  test('[R8] it is given up after an election timeout', () => {
    const cluster = new Cluster({ config: three });
    const leader = cluster.lead(1);
    cluster.cut.add(2);
    leader.raft.transferLeader(2);
    cluster.pass(9);
    expect(leader.raft.propose(bytes('b')).accepted).toBe(false);
    cluster.pass(1);
    expect(leader.raft.propose(bytes('b')).accepted).toBe(true);
  });

  test('[R8] a leader that steps down picks the follower that has most', () => {
    const cluster = new Cluster({ config: three });
    const leader = cluster.lead(1);
    cluster.cut.add(2);
    cluster.propose(1, 'a');
    cluster.settle();
    cluster.cut.clear();
    leader.raft.stepDown();
    cluster.settle();
    expect(cluster.replica(3).raft.role).toBe('leader');
  });
});
