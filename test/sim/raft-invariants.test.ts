import { describe, expect, test } from 'vitest';
import type { Config, Entry, RaftView } from '../../src/raft/index.ts';
import { RaftInvariants } from '../../src/sim/check/raft-invariants.ts';
import { bytes, configOf } from '../raft/harness.ts';

const THREE = configOf([1, 2, 3]);

interface Told {
  readonly id: number;
  readonly term: number;
  readonly role?: RaftView['role'];
  readonly commit?: number;
  readonly durableIndex?: number;
  /** From 1 on: the term of each entry, or what it holds besides. */
  readonly log: readonly (number | { readonly term: number; readonly config?: Config })[];
  /** What it goes by, and since which entry, if not by its log. */
  readonly config?: Config;
  readonly configIndex?: number;
}

/** A replica as a history has it. It is the same one from look to look, as a core is. */
class Replica implements RaftView {
  readonly id: number;
  readonly firstIndex = 1;
  readonly storedIndex = 0;
  readonly uncommittedBytes = 0;
  readonly quarantine = 0;
  readonly isQuiesced = false;
  readonly mayBeSoleVoter = true;
  transferTo = 0;
  term = 0;
  role: RaftView['role'] = 'follower';
  commit = 0;
  durableIndex = 0;
  config = THREE;
  configIndex = 0;
  #log: Entry[] = [];

  constructor(told: Told) {
    this.id = told.id;
    this.become(told);
  }

  become({
    term,
    role = 'follower',
    commit = 0,
    durableIndex,
    log,
    config,
    configIndex,
  }: Omit<Told, 'id'>) {
    this.term = term;
    this.role = role;
    this.commit = commit;
    this.#log = log.map((one, i) => {
      const { term: of, config: held } = typeof one === 'number' ? { term: one } : one;
      const kind = held ? 'config' : 'normal';
      return {
        index: i + 1,
        term: of,
        kind,
        data: held ? bytes(JSON.stringify(held)) : bytes(`${i} ${of}`),
      };
    });
    this.durableIndex = durableIndex ?? log.length;
    this.config = config ?? this.configAt(log.length);
    const entry = this.#log.findLast(({ kind }) => kind === 'config');
    this.configIndex = configIndex ?? entry?.index ?? 0;
  }

  get lastIndex(): number {
    return this.#log.length;
  }

  termAt(index: number): number | undefined {
    return index === 0 ? 0 : this.#log[index - 1]?.term;
  }

  entriesBetween(from: number, to: number): Entry[] {
    return this.#log.slice(from - 1, to - 1);
  }

  configAt(index: number): Config {
    const entry = this.#log.findLast((one) => one.kind === 'config' && one.index <= index);
    return entry ? (JSON.parse(new TextDecoder().decode(entry.data)) as Config) : THREE;
  }
}

/** Three replicas, of which the first leads in term 1 and has committed two entries with the second. */
function history() {
  const invariants = new RaftInvariants('group 1');
  const replicas = [
    new Replica({ id: 1, term: 1, role: 'leader', log: [1, 1] }),
    new Replica({ id: 2, term: 1, log: [1, 1] }),
    new Replica({ id: 3, term: 1, log: [1] }),
  ] as const;
  const vote = (from: number, to: number, term: number, granted = true) =>
    invariants.sent({ type: 'vote-response', from, to, term, incarnation: '', granted });
  const look = (...ids: number[]) => {
    for (const replica of replicas) {
      if (ids.length === 0 || ids.includes(replica.id)) invariants.check(replica, 1);
    }
  };
  vote(2, 1, 1);
  look();
  for (const replica of replicas.slice(0, 2)) replica.commit = 2;
  look();
  return { invariants, replicas, look, vote };
}

describe('the check of what replicas of a group promise each other', () => {
  test('finds nothing wrong where all is well', () => {
    const { replicas, look, vote } = history();
    replicas[1].become({ term: 2, role: 'leader', log: [1, 1, 2], commit: 2 });
    replicas[2].become({ term: 2, log: [1, 1, 2] });
    vote(3, 2, 2);
    look(3, 2);
    replicas[1].become({ term: 2, role: 'leader', log: [1, 1, 2], commit: 3 });
    expect(() => look()).not.toThrow();
  });

  test('[R2] two leaders of one term', () => {
    const { replicas, look } = history();
    replicas[2].become({ term: 1, role: 'leader', log: [1, 1] });
    expect(() => look()).toThrow('[R2]');
  });

  test('[R2] a leader for whom no majority has voted', () => {
    const { replicas, look, vote } = history();
    replicas[1].become({ term: 3, role: 'leader', log: [1, 1, 3], commit: 2 });
    // Too early, for another one, and against it.
    vote(3, 2, 2);
    vote(3, 1, 3);
    vote(1, 2, 3, false);
    expect(() => look(2)).toThrow('replica 2 leads in term 3 with the votes of 2 of 1,2,3');
  });

  test('[R2] [R7] a leader for whom a majority has voted in one of two configurations', () => {
    const joint = { term: 1, config: configOf([1, 2, 4], [1, 2, 3]) };
    const told = { term: 2, role: 'leader', log: [1, 1, joint], commit: 2 } as const;
    const { replicas, look, vote } = history();
    replicas[1].become(told);
    vote(4, 2, 2);
    expect(() => look(2)).toThrow('with the votes of 4,2 of 1,2,3');
    const other = history();
    other.replicas[1].become(told);
    other.vote(4, 2, 2);
    other.vote(3, 2, 2);
    expect(() => other.look(2)).not.toThrow();
  });

  test('[G8] who stands by itself without the pre-votes of a majority', () => {
    const { invariants, replicas, look } = history();
    const standing = { type: 'vote-request', from: 3, to: 2, term: 2, incarnation: '' } as const;
    const request = { ...standing, lastIndex: 1, lastTerm: 1 };
    replicas[2].become({ term: 2, role: 'candidate', log: [1] });
    look(3);
    const preVote = { type: 'pre-vote-response', from: 1, to: 3, incarnation: '' } as const;
    invariants.sent({ ...preVote, term: 1, granted: true });
    invariants.sent({ ...preVote, term: 2, granted: false });
    expect(() => invariants.sent({ ...request, transfer: false })).toThrow(
      '[G8] group 1: replica 3 stands in term 2 with the pre-votes of 3 of 1,2,3',
    );
    invariants.sent({ ...request, transfer: true });
    invariants.sent({ ...preVote, term: 2, granted: true });
    expect(() => invariants.sent({ ...request, transfer: false })).not.toThrow();
  });

  test('[G9] a leader that takes proposals while it hands over', () => {
    const { replicas, look } = history();
    const [leader] = replicas;
    leader.transferTo = 2;
    look(1);
    leader.become({ term: 1, role: 'leader', log: [1, 1, { term: 1, config: THREE }], commit: 2 });
    expect(() => look(1)).not.toThrow();
    leader.become({
      term: 1,
      role: 'leader',
      log: [1, 1, { term: 1, config: THREE }, 1],
      commit: 2,
    });
    expect(() => look(1)).toThrow('[G9] group 1: replica 1 takes entry 4 and hands over to 2');
    // Once it has given that up.
    const other = history();
    other.replicas[0].transferTo = 2;
    other.look(1);
    other.replicas[0].transferTo = 0;
    other.replicas[0].become({ term: 1, role: 'leader', log: [1, 1, 1], commit: 2 });
    expect(() => other.look(1)).not.toThrow();
  });

  test('[R2] a leader without what was committed', () => {
    const { replicas, look } = history();
    replicas[2].become({ term: 2, role: 'leader', log: [1, 2] });
    expect(() => look()).toThrow('[R2] group 1: replica 3 leads in term 2 without');
  });

  test('[R2] a committed entry that is given up', () => {
    const { replicas, look } = history();
    replicas[1].become({ term: 2, log: [1, 2], commit: 2 });
    expect(() => look(2)).toThrow('[R2] group 1: replica 2 gives up entry 2');
  });

  test('[R2] a term or a commit index that falls', () => {
    const { replicas, look } = history();
    replicas[1].become({ term: 0, log: [1, 1], commit: 2 });
    expect(() => look(2)).toThrow('falls from term 1 to 0');
    replicas[1].become({ term: 1, log: [1, 1], commit: 1 });
    expect(() => look(2)).toThrow('falls from commit 2 to 1');
  });

  test('[R1] what is committed without a majority that has it on disk', () => {
    const { replicas, look } = history();
    replicas[1].become({ term: 1, log: [1, 1, 1], durableIndex: 2, commit: 2 });
    look(2);
    replicas[0].become({ term: 1, role: 'leader', log: [1, 1, 1], commit: 3 });
    expect(() => look(1)).toThrow('[R1]');
  });

  test('[G2] what an earlier term left, committed by counting', () => {
    const { replicas, look, vote } = history();
    replicas[0].become({ term: 1, role: 'leader', log: [1, 1, 1], commit: 2 });
    replicas[1].become({ term: 1, log: [1, 1, 1], commit: 2 });
    look(1, 2);
    vote(1, 2, 2);
    replicas[1].become({ term: 2, role: 'leader', log: [1, 1, 1, 2], commit: 3 });
    expect(() => look(2)).toThrow('[G2]');
  });

  test('[G11] a configuration that outlives its entry', () => {
    const { replicas, look } = history();
    const config = configOf([1, 2, 3], [], [4]);
    replicas[2].become({ term: 1, log: [1, 1, { term: 1, config }] });
    look(3);
    replicas[2].become({ term: 2, log: [1, 1, { term: 2, config: THREE }], config });
    expect(() => look(3)).toThrow('[G11]');
    replicas[2].become({ term: 2, log: [1, 1, { term: 2, config: THREE }] });
    expect(() => look(3)).not.toThrow();
    // Where no other one is in memory.
    const other = history();
    other.replicas[2].become({ term: 1, log: [1, 1, { term: 1, config }] });
    other.look(3);
    other.replicas[2].become({ term: 2, log: [1, 1, 2], config, configIndex: 3 });
    expect(() => other.look(3)).toThrow('[G11]');
  });

  test('[C4] members that go back to an older plan', () => {
    const { replicas, look } = history();
    const first = { term: 1, config: { ...THREE, plan: 2 } };
    const second = { term: 1, config: { ...THREE, plan: 1 } };
    replicas[2].become({ term: 1, log: [1, 1, first] });
    look(3);
    replicas[2].become({ term: 1, log: [1, 1, first, second] });
    expect(() => look(3)).toThrow('goes back to plan 1 in entry 4, after 2');
  });
});
