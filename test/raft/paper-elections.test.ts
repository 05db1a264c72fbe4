import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/raft/index.ts';
import { Cluster, from, sent, single } from './cluster.ts';
import { bytes, configOf, logOf, Random, SimReplica } from './harness.ts';

const three = configOf([1, 2, 3]);
const plain = { config: three, preVote: false, checkQuorum: false, appendEmptyEntry: false };

function voteRequest(id: number, term: number, lastIndex: number, lastTerm: number): Message {
  return { type: 'vote-request', ...from(id, term), lastIndex, lastTerm, transfer: false };
}

function vote(id: number, term: number, granted: boolean): Message {
  return { type: 'vote-response', ...from(id, term), granted };
}

function heartbeat(id: number, term: number): Message {
  return { type: 'heartbeat', ...from(id, term), commit: 0, round: 0 };
}

/** Has it stand in the next term, on the pre-vote of replica 2, with its own vote durable or not. */
function standing(replica: SimReplica, durable = true): void {
  const { raft } = replica;
  raft.campaign();
  raft.step({ type: 'pre-vote-response', ...from(2, raft.term + 1), granted: true });
  while (replica.takeReady() !== undefined) if (durable) replica.completeWrites();
  expect(raft.role).toBe('candidate');
}

describe('Raft paper §5.1: terms', () => {
  test('a server begins as a follower, in the term it had', () => {
    const { raft } = single({ ...plain, hardState: { term: 3, vote: 2, commit: 0 } });
    expect([raft.role, raft.term, raft.leader]).toEqual(['follower', 3, 0]);
  });

  test('the current term increases monotonically and is durable before anything of it leaves [R1]', () => {
    const replica = single(plain);
    replica.raft.campaign();
    const ready = replica.takeReady();
    expect(ready?.hardState).toEqual({ term: 1, vote: 1, commit: 0 });
    expect(ready?.messages).toEqual([]);
    expect(ready?.messagesAfterWrite.map(({ type }) => type)).toEqual([
      'vote-request',
      'vote-request',
    ]);
  });

  test('whatever a server is, a newer term makes it a follower', () => {
    const cluster = new Cluster(plain);
    const leader = cluster.lead(1);
    leader.raft.step(heartbeat(2, 9));
    expect([leader.raft.role, leader.raft.term, leader.raft.leader]).toEqual(['follower', 9, 2]);
  });
});

describe('Raft paper §5.2: elections', () => {
  test('a leader sends heartbeats to everybody, at its interval', () => {
    const cluster = new Cluster({ ...plain, heartbeatTicks: 3, electionTicks: 20 });
    const leader = cluster.lead(1);
    leader.raft.tick();
    leader.raft.tick();
    expect(sent(leader).now).toEqual([]);
    leader.raft.tick();
    expect(sent(leader).now).toEqual(['heartbeat', 'heartbeat']);
  });

  test('a follower that hears its leader does not stand', () => {
    const { raft } = single(plain);
    for (let i = 0; i < 50; i++) {
      raft.tick();
      raft.step(heartbeat(2, 1));
    }
    expect([raft.role, raft.term]).toEqual(['follower', 1]);
  });

  test('one that hears nothing votes for itself in a new term and asks the others', () => {
    const replica = single(plain);
    for (let i = 0; i < 10; i++) replica.raft.tick();
    expect([replica.raft.role, replica.raft.term]).toEqual(['candidate', 1]);
    expect(sent(replica).afterWrite).toEqual(['vote-request', 'vote-request']);
    expect(replica.raft.status().vote).toBe(1);
  });

  test.each([
    { size: 1, needed: 0 },
    { size: 2, needed: 1 },
    { size: 3, needed: 1 },
    { size: 4, needed: 2 },
    { size: 5, needed: 2 },
    { size: 7, needed: 3 },
  ])('of $size servers $needed votes besides its own make a leader, one less does not', (row) => {
    const ids = Array.from({ length: row.size }, (_, i) => i + 1);
    const replica = single({ ...plain, config: configOf(ids) });
    replica.raft.campaign();
    replica.takeReady();
    for (let id = 2; id <= row.needed + 1; id++) {
      expect(replica.raft.role).toBe('candidate');
      replica.raft.step(vote(id, 1, true));
    }
    // [R1] Its own vote counts once it is durable.
    expect(replica.raft.role).toBe('candidate');
    replica.completeWrites();
    expect(replica.raft.role).toBe('leader');
  });

  test('a refusing majority ends the candidacy, and answers count once', () => {
    const replica = single({ ...plain, config: configOf([1, 2, 3, 4, 5]) });
    replica.raft.campaign();
    replica.takeReady();
    replica.completeWrites();
    replica.raft.step(vote(2, 1, true));
    replica.raft.step(vote(2, 1, true));
    replica.raft.step(vote(3, 1, false));
    replica.raft.step(vote(3, 1, true));
    expect(replica.raft.role).toBe('candidate');
    replica.raft.step(vote(4, 1, false));
    replica.raft.step(vote(5, 1, false));
    expect(replica.raft.role).toBe('follower');
  });

  test('each server votes for at most one candidate in a term, first come first served', () => {
    const replica = single(plain);
    replica.raft.step(voteRequest(2, 1, 0, 0));
    replica.raft.step(voteRequest(3, 1, 0, 0));
    replica.raft.step(voteRequest(2, 1, 0, 0));
    const answers = replica
      .takeReady()
      ?.messagesAfterWrite.map((message) => [
        message.to,
        message.type === 'vote-response' && message.granted,
      ]);
    expect(answers).toEqual([
      [2, true],
      [3, false],
      [2, true],
    ]);
  });

  test('[G3] a vote asked for again after a crash is the same', () => {
    const replica = single(plain);
    replica.raft.step(voteRequest(2, 1, 0, 0));
    replica.takeReady();
    replica.completeWrites();
    replica.crash();
    replica.restart();
    replica.raft.step(voteRequest(3, 1, 5, 1));
    replica.raft.step(voteRequest(2, 1, 0, 0));
    const answers = replica
      .takeReady()
      ?.messages.map((message) => [
        message.to,
        message.type === 'vote-response' && message.granted,
      ]);
    expect(answers).toEqual([
      [3, false],
      [2, true],
    ]);
  });

  test('[R1] a vote that is still on its way to the disk is not repeated before it is there', () => {
    const replica = single(plain);
    replica.raft.step(voteRequest(2, 1, 0, 0));
    expect(sent(replica).afterWrite).toEqual(['vote-response']);
    replica.raft.step(voteRequest(2, 1, 0, 0));
    expect(sent(replica)).toEqual({ now: [], afterWrite: [] });
    replica.completeWrites();
    expect(sent(replica).now).toEqual(['vote-response']);
  });

  test('a candidate that hears the leader of its term follows it', () => {
    const { raft } = single(plain);
    raft.campaign();
    raft.step(heartbeat(3, 1));
    expect([raft.role, raft.leader]).toEqual(['follower', 3]);
  });

  test('a split vote ends with a new election in the next term', () => {
    const cluster = new Cluster(plain);
    for (const { raft } of cluster.replicas) raft.campaign();
    cluster.settle();
    expect(cluster.replicas.every(({ raft }) => raft.role !== 'leader')).toBe(true);
    cluster.pass(15);
    expect(cluster.replicas.filter(({ raft }) => raft.role === 'leader')).toHaveLength(1);
    expect(cluster.replica(1).raft.term).toBe(2);
  });

  test('[R3] timeouts are spread over [electionTicks, 1.5 electionTicks]', () => {
    const random = new Random(1);
    const seen = new Set<number>();
    for (let i = 0; i < 300; i++) {
      const replica = new SimReplica(
        1,
        { ...plain, electionTicks: 10 },
        (n) => random.below(n),
        () => {},
      );
      let ticks = 0;
      while (replica.raft.role === 'follower') {
        replica.raft.tick();
        ticks++;
      }
      seen.add(ticks);
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15]);
  });
});

describe('Raft paper §5.4.1: the election restriction', () => {
  // The voter's log ends at index 2 in term 3.
  test.each([
    { lastTerm: 3, lastIndex: 2, granted: true },
    { lastTerm: 3, lastIndex: 3, granted: true },
    { lastTerm: 3, lastIndex: 1, granted: false },
    { lastTerm: 4, lastIndex: 1, granted: true },
    { lastTerm: 2, lastIndex: 9, granted: false },
    { lastTerm: 0, lastIndex: 0, granted: false },
  ])('a log that ends at $lastIndex in term $lastTerm: $granted', (row) => {
    for (const type of ['vote-request', 'pre-vote-request'] as const) {
      const replica = single({
        ...plain,
        entries: logOf([1, 3]),
        hardState: { term: 3, vote: 0, commit: 0 },
      });
      const { lastIndex, lastTerm } = row;
      replica.raft.step({ type, ...from(2, 4), lastIndex, lastTerm, transfer: false });
      const ready = replica.takeReady();
      const [answer] = [...(ready?.messages ?? []), ...(ready?.messagesAfterWrite ?? [])];
      expect(answer).toMatchObject({ granted: row.granted });
    }
  });

  test('entries that are not durable yet count for the voter', () => {
    const cluster = new Cluster(plain);
    cluster.lead(2);
    cluster.propose(2, 'a');
    cluster.replica(2).takeReady();
    cluster.deliver();
    const voter = cluster.replica(1);
    voter.takeReady();
    expect(voter.writes).toHaveLength(1);
    voter.raft.step(voteRequest(3, 2, 0, 0));
    expect(voter.takeReady()?.messagesAfterWrite).toMatchObject([{ granted: false }]);
  });
});

describe('thesis §9.6 and §4.2.3: pre-votes and stickiness', () => {
  const services = { config: three };

  test('[R3] a pre-vote changes neither term nor vote, and needs no write', () => {
    const replica = single({ ...services, checkQuorum: false });
    replica.raft.campaign();
    const ready = replica.takeReady();
    expect([replica.raft.role, replica.raft.term, ready?.writeNumber]).toEqual([
      'pre-candidate',
      0,
      0,
    ]);
    expect(ready?.messages.map(({ type, term }) => [type, term])).toEqual([
      ['pre-vote-request', 1],
      ['pre-vote-request', 1],
    ]);
  });

  test('[R3] a follower that is asked to stands without a pre-vote, and asks for pre-votes when it is asked again', () => {
    const replica = single(services);
    replica.raft.campaign(true);
    expect([replica.raft.role, replica.raft.term]).toEqual(['candidate', 1]);
    const requests = replica.takeReady()?.messagesAfterWrite;
    expect(requests).toMatchObject([{ transfer: true }, { transfer: true }]);
    replica.raft.campaign(true);
    expect([replica.raft.role, replica.raft.term]).toEqual(['pre-candidate', 1]);
  });

  test('[R3] votes that come after the candidate asks for pre-votes again still count, in the term that it is in', () => {
    const replica = single(services);
    standing(replica);
    replica.raft.step(vote(3, 1, false));
    replica.raft.campaign();
    expect([replica.raft.role, replica.raft.term]).toEqual(['pre-candidate', 1]);
    replica.raft.step(vote(2, 1, true));
    expect([replica.raft.role, replica.raft.term]).toEqual(['leader', 1]);
  });

  test('[R1] its own vote, too, counts once it is durable, however late', () => {
    const replica = single(services);
    standing(replica, false);
    replica.raft.campaign();
    replica.raft.step(vote(2, 1, true));
    expect(replica.raft.role).toBe('pre-candidate');
    replica.completeWrites();
    expect([replica.raft.role, replica.raft.term]).toEqual(['leader', 1]);
  });

  test('[R3] late votes do not make a leader of one that has heard of a newer term, or stands in one', () => {
    const follower = single(services);
    standing(follower);
    follower.raft.campaign();
    follower.raft.step(heartbeat(3, 2));
    follower.raft.step(vote(2, 1, true));
    expect([follower.raft.role, follower.raft.term]).toEqual(['follower', 2]);
    const candidate = single(services);
    standing(candidate);
    standing(candidate);
    candidate.raft.step(vote(2, 1, true));
    expect([candidate.raft.role, candidate.raft.term]).toEqual(['candidate', 2]);
  });

  test('[R3] late refusals do not end the pre-vote that is under way', () => {
    const replica = single(services);
    standing(replica);
    replica.raft.campaign();
    for (const id of [2, 3]) replica.raft.step(vote(id, 1, false));
    expect([replica.raft.role, replica.raft.term]).toEqual(['pre-candidate', 1]);
  });

  test('[R3] who hears a leader ignores elections until the timeout; then it takes part', () => {
    for (const type of ['vote-request', 'pre-vote-request'] as const) {
      const replica = single(services);
      replica.raft.step(heartbeat(2, 1));
      while (replica.takeReady() !== undefined) replica.completeWrites();
      const request: Message = { type, ...from(3, 2), lastIndex: 9, lastTerm: 1, transfer: false };
      for (let i = 0; i < 9; i++) replica.raft.tick();
      replica.raft.step(request);
      expect([replica.raft.term, replica.raft.hasReady()]).toEqual([1, false]);
      replica.raft.tick();
      replica.raft.step(request);
      expect(replica.raft.hasReady()).toBe(true);
    }
  });

  test('[G9] an election that the leader asked for passes stickiness', () => {
    const replica = single(services);
    replica.raft.step(heartbeat(2, 1));
    replica.raft.step({
      type: 'vote-request',
      ...from(3, 2),
      lastIndex: 0,
      lastTerm: 0,
      transfer: true,
    });
    expect(replica.takeReady()?.messagesAfterWrite.at(-1)).toMatchObject({ granted: true });
  });

  test('[G8] a leader without a quorum steps down within an election timeout', () => {
    const cluster = new Cluster(services);
    const leader = cluster.lead(1);
    cluster.cut.add(1);
    cluster.pass(9);
    expect(leader.raft.role).toBe('leader');
    cluster.pass(1);
    expect(leader.raft.role).toBe('follower');
  });

  test('[R10] a follower whose leader refuses connections stands within a third of the timeout', () => {
    const cluster = new Cluster(services);
    cluster.lead(1);
    cluster.replica(1).crash();
    for (const id of [2, 3]) cluster.replica(id).raft.reportUnreachable(1, true);
    cluster.pass(4);
    expect(cluster.replicas.filter((r) => r.alive && r.raft.role === 'leader')).toHaveLength(1);
  });

  test('[R7] a message under another incarnation, or the answer of a stranger, is dropped', () => {
    const replica = single(services);
    replica.raft.step({ ...heartbeat(2, 7), incarnation: 'another' });
    replica.raft.step({ type: 'heartbeat-response', ...from(9, 7), round: 1, quarantine: 0 });
    replica.raft.step({ ...heartbeat(2, 7), to: 3 });
    expect([replica.raft.term, replica.raft.hasReady()]).toEqual([0, false]);
  });

  test('[R7] a leader that is a member in a configuration yet to come is heard', () => {
    const replica = single(services);
    replica.raft.step(heartbeat(9, 7));
    expect([replica.raft.term, replica.raft.leader]).toEqual([7, 9]);
  });

  test('[R7] who finds another incarnation under its own id neither votes nor stands nor acknowledges', () => {
    const replica = single({
      ...plain,
      config: {
        ...three,
        incoming: three.incoming.map((m) => (m.id === 1 ? { id: 1, incarnation: 'old' } : m)),
      },
    });
    replica.raft.campaign();
    for (let i = 0; i < 50; i++) replica.raft.tick();
    expect(replica.raft.role).toBe('follower');
    replica.raft.step(voteRequest(2, 1, 0, 0));
    replica.raft.step({
      type: 'append-request',
      ...from(2, 1),
      prevIndex: 0,
      prevTerm: 0,
      entries: [{ index: 1, term: 1, kind: 'normal', data: bytes('a') }],
      commit: 1,
    });
    replica.raft.step({ type: 'heartbeat', ...from(2, 1), commit: 1, round: 4 });
    const ready = replica.takeReady();
    expect(ready?.messages).toMatchObject([{ rejected: true }, { round: 0 }]);
    expect(ready?.messagesAfterWrite).toEqual([]);
  });
});
