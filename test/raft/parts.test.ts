import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/raft/index.ts';
import { Inflights } from '../../src/raft/inflights.ts';
import { Progress } from '../../src/raft/progress.ts';
import { quorumValue, voteResult } from '../../src/raft/quorum.ts';
import { entryBytes, RaftLog } from '../../src/raft/raft-log.ts';
import { Writes } from '../../src/raft/writes.ts';
import { Cluster, from, single } from './cluster.ts';
import { bytes, configOf, logOf, member } from './harness.ts';

const runs = { seed: 42, numRuns: 200 };

describe('[R7] quorums against a plain reading of the definition', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 7 });
  const maybe = fc.oneof(fc.constant<number[]>([]), ids);

  // What more than half of each half has reached: sort and take the middle one.
  function naive(members: readonly number[], values: readonly number[]): number {
    const sorted = members.map((id) => values[id] ?? 0).sort((a, b) => b - a);
    return sorted[members.length >> 1] ?? 0;
  }

  test('the committed value', () => {
    fc.assert(
      fc.property(
        ids,
        maybe,
        fc.array(fc.nat(9), { minLength: 8, maxLength: 8 }),
        (a, b, values) => {
          const expected =
            b.length === 0 ? naive(a, values) : Math.min(naive(a, values), naive(b, values));
          expect(quorumValue(configOf(a, b), (id) => values[id] ?? 0)).toBe(expected);
        },
      ),
      runs,
    );
  });

  test('a vote is won when the yes alone decide, lost when the open ones cannot turn it', () => {
    const votes = fc.array(fc.constantFrom(true, false, undefined), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(ids, maybe, votes, (a, b, given) => {
        const decides = (half: number[], yes: (id: number) => boolean): boolean =>
          half.length === 0 || half.filter(yes).length * 2 > half.length;
        const both = (yes: (id: number) => boolean): boolean => decides(a, yes) && decides(b, yes);
        const expected = both((id) => given[id] === true)
          ? 'won'
          : both((id) => given[id] !== false)
            ? 'pending'
            : 'lost';
        // Each half may still be open while both together cannot be: lost in one half is lost.
        expect(voteResult(configOf(a, b), (id) => given[id])).toBe(expected);
      }),
      runs,
    );
  });
});

describe('the log against an array', () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant('truncate' as const), back: fc.nat(20) }),
    fc.record({ kind: fc.constant('commit' as const), by: fc.nat(30) }),
    fc.record({ kind: fc.constant('write' as const) }),
    fc.record({ kind: fc.constant('apply' as const) }),
    fc.record({ kind: fc.constant('compact' as const), keep: fc.nat(5) }),
  );

  test('appends, conflicts, commits and compactions keep entries, marks and byte counts', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const log = new RaftLog({ index: 0, term: 0 }, [], 0, 0);
        const model: Entry[] = [];
        let term = 1;
        for (const step of operations) {
          switch (step.kind) {
            case 'append': {
              const added = Array.from({ length: step.count }, (_, i): Entry => {
                const index = log.lastIndex + 1 + i;
                return { index, term, kind: 'normal', data: bytes(`${index}`) };
              });
              log.append(added);
              model.push(...added);
              break;
            }
            case 'truncate': {
              const index = Math.max(log.commit + 1, log.lastIndex - step.back);
              if (index > log.lastIndex) break;
              log.truncateFrom(index);
              model.length = index - 1;
              term++;
              break;
            }
            case 'commit':
              log.commitTo(Math.min(log.lastIndex, log.commit + step.by));
              break;
            case 'write':
              expect(log.takeUnwritten().at(-1)?.index ?? log.lastIndex).toBe(log.lastIndex);
              log.durableTo(log.lastIndex);
              break;
            case 'apply':
              log.takeCommitted();
              log.appliedTo(log.commit);
              break;
            case 'compact':
              log.compactTo(Math.max(0, log.applied - step.keep));
              break;
          }
          const kept = model.slice(log.compacted.index);
          expect(log.slice(log.firstIndex, log.lastIndex + 1)).toEqual(kept);
          expect(log.bytes).toBe(kept.reduce((sum, entry) => sum + entryBytes(entry), 0));
          expect(log.uncommittedBytes).toBe(
            model.slice(log.commit).reduce((sum, entry) => sum + entryBytes(entry), 0),
          );
          expect(log.termAt(log.compacted.index)).toBe(model[log.compacted.index - 1]?.term ?? 0);
          expect(log.termAt(log.compacted.index - 1)).toBeUndefined();
          expect(log.termAt(log.lastIndex + 1)).toBeUndefined();
        }
      }),
      { ...runs, numRuns: 60 },
    );
  });

  test('compaction is cheap and lets go of what it drops, over many thousands of entries', () => {
    const log = new RaftLog({ index: 0, term: 0 }, [], 0, 0);
    for (let i = 1; i <= 50_000; i++) {
      log.append([{ index: i, term: 1, kind: 'normal', data: new Uint8Array(8) }]);
      if (i % 100 !== 0) continue;
      log.commitTo(i);
      log.takeCommitted();
      log.appliedTo(i);
      log.compactTo(i - 50);
    }
    expect([log.firstIndex, log.lastIndex]).toEqual([49_951, 50_000]);
    expect(log.slice(49_951, 50_001).map(({ index }) => index)).toHaveLength(50);
  });

  test('[R4] the last position within a term, against a search entry by entry', () => {
    const terms = fc.array(fc.nat(3), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(terms, fc.nat(40), fc.integer({ min: 1, max: 40 }), (steps, index, term) => {
        let current = 1;
        const entries = logOf(steps.map((step) => (current += step)));
        const log = new RaftLog({ index: 0, term: 0 }, entries, 0, 0);
        let expected = Math.min(index, log.lastIndex);
        while ((log.termAt(expected) as number) > term) expected--;
        expect(log.lastPositionWithin(index, term)).toEqual({
          index: expected,
          term: log.termAt(expected),
        });
      }),
      runs,
    );
  });

  test('[R2] broken invariants stop with their values', () => {
    const log = new RaftLog({ index: 0, term: 0 }, logOf([1, 1, 2]), 2, 0);
    expect(() => log.truncateFrom(2)).toThrow(/overwritten \(index=2 commit=2\)/);
    expect(() => log.commitTo(4)).toThrow(/commit=4 lastIndex=3/);
    expect(() => log.append(logOf([1]))).toThrow(/does not follow/);
    expect(() => log.appliedTo(1)).toThrow(/applied out of range/);
    expect(() => log.compactTo(1)).toThrow(/beyond the applied/);
    expect(() => log.slice(3, 5)).toThrow(/outside the log/);
    expect(() => log.installed({ index: 2, term: 9 })).toThrow(/contradicts/);
  });
});

describe('[L5] writes in flight', () => {
  test('a write counts only for what still stands', () => {
    const writes = new Writes();
    writes.issue(undefined, 5, 10);
    writes.truncateFrom(4);
    writes.issue(undefined, 4, 20);
    expect(writes.bytes).toBe(30);
    expect(writes.complete(1).lastIndex).toBe(3);
    expect(writes.bytes).toBe(20);
    expect(writes.complete(2).lastIndex).toBe(4);
  });

  test('one report may stand for several; none counts twice', () => {
    const writes = new Writes();
    for (let i = 1; i <= 3; i++) writes.issue({ term: i, vote: 0, commit: 0 }, i, 0);
    expect(writes.complete(2)).toMatchObject({ hardState: { term: 2 }, lastIndex: 2 });
    expect(() => writes.complete(2)).toThrow(/not in flight/);
    expect(() => writes.complete(4)).toThrow(/not in flight/);
  });

  // The same index and term come back after another leader's entry was there: the first write must not vouch for what
  // the second has removed from the disk.
  test('an entry that was overwritten and came back is durable only with the last write', () => {
    const replica = single({ config: configOf([1, 2, 3]), checkQuorum: false });
    const { raft } = replica;
    const append = (sender: number, term: number, entryTerm: number): void => {
      const entries: Entry[] = [{ index: 1, term: entryTerm, kind: 'normal', data: bytes('a') }];
      raft.step({
        type: 'append-request',
        ...from(sender, term),
        prevIndex: 0,
        prevTerm: 0,
        entries,
        commit: 0,
      });
      replica.takeReady();
    };
    append(2, 1, 1);
    append(3, 2, 2);
    append(2, 3, 1);
    replica.completeWrites(1);
    expect(raft.status().durable).toBe(0);
    replica.completeWrites(1);
    expect(raft.status().durable).toBe(0);
    replica.completeWrites(1);
    expect(raft.status().durable).toBe(1);
  });
});

describe('[R4] progress', () => {
  test('the window is in bytes, and acknowledgements free it', () => {
    const inflights = new Inflights(100);
    for (let i = 1; i <= 200; i++) {
      inflights.add(i, 60);
      inflights.add(i + 0.5, 60);
      expect([inflights.full, inflights.count]).toEqual([true, 2]);
      inflights.freeTo(i);
      expect([inflights.full, inflights.bytes]).toEqual([false, 60]);
      inflights.freeTo(i + 0.5);
    }
    expect([inflights.bytes, inflights.count]).toEqual([0, 0]);
  });

  test('stale rejections change nothing', () => {
    const progress = new Progress(member(2), 10, 100);
    expect(progress.rejected(7, 3)).toBe(false);
    expect(progress.rejected(9, 3)).toBe(true);
    expect([progress.state, progress.next]).toEqual(['probe', 4]);
    expect(progress.acknowledged(5)).toBe(true);
    progress.becomeReplicate();
    progress.sent(8, 50);
    expect(progress.rejected(5, 2)).toBe(false);
    expect(progress.acknowledged(4)).toBe(false);
    expect(progress.rejected(8, 6)).toBe(true);
    expect([progress.state, progress.next, progress.inflights.count]).toEqual(['probe', 7, 0]);
  });

  test('a rejection never moves next to what is known to match', () => {
    const progress = new Progress(member(2), 10, 100);
    progress.acknowledged(6);
    progress.becomeReplicate();
    progress.sent(9, 1);
    expect(progress.rejected(9, 2)).toBe(true);
    expect(progress.next).toBe(7);
  });
});

describe('the host’s mistakes stop the replica', () => {
  test('illegal reports and options', () => {
    const cluster = new Cluster({ config: configOf([1, 2, 3]) });
    const { raft } = cluster.lead(1);
    expect(() => raft.persisted(99)).toThrow(/not in flight/);
    expect(() => raft.applied(99)).toThrow(/applied out of range/);
    expect(() => raft.compact(99)).toThrow(/beyond the applied/);
    expect(() => single({ config: configOf([1]), electionTicks: 1 })).toThrow(/option/);
    expect(() => single({ config: configOf([1]), appendBytesMax: 0.5 })).toThrow(/option/);
  });

  test('[R2] two leaders in one term stop whoever sees both', () => {
    const cluster = new Cluster({ config: configOf([1, 2, 3]) });
    const { raft } = cluster.lead(1);
    expect(() =>
      raft.step({ type: 'heartbeat', ...from(2, raft.term), commit: 0, round: 0 }),
    ).toThrow(/two leaders in one term \(term=1 leader=1 other=2\)/);
  });
});
