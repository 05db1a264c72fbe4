import { describe, expect, test } from 'vitest';
import type { GroupRecord, MemberRecord } from '../../src/controller/index.ts';
import { forgetNodes, planRescue, type RescueHost, type Survey } from '../../src/node/rescue.ts';
import { EMPTY_ROSTER, type Roster } from '../../src/node/roster.ts';
import type { Config } from '../../src/raft/index.ts';

const NODES = ['a', 'b', 'c', 'd', 'e'];
/** Replica 10 of group 1 is on node a, 11 on b; 20 of group 2 on a … */
const replicaOf = (group: number, node: string) => 10 * group + NODES.indexOf(node);

function configOf(group: number, incoming: string, outgoing = '', learners = ''): Config {
  const of = (nodes: string) =>
    [...nodes].map((node) => ({ id: replicaOf(group, node), incarnation: `i-${node}` }));
  return { incoming: of(incoming), outgoing: of(outgoing), learners: of(learners), plan: 1 };
}

function groupOf(id: number, replicas: string, leaving = ''): GroupRecord {
  const of = (nodes: string) =>
    [...nodes].map((node) => ({ replica: replicaOf(id, node), node, incarnation: `i-${node}` }));
  const [changing, joined, retiring] = [false, true, false];
  const [born, gone] = [of(replicas), of(leaving)];
  return { id, replicas: born, leaving: gone, born, plan: 1, changing, joined, retiring };
}

function rosterOf(groups: readonly GroupRecord[], nodes = NODES, number = 1): Roster {
  const record = (name: string): MemberRecord => {
    const where = { http: '', peer: '', zone: '', draining: false, group: 0 };
    return { name, incarnation: `i-${name}`, ...where };
  };
  return { ...EMPTY_ROSTER, number, groups, nodes: nodes.map(record) };
}

interface Has {
  readonly group?: number;
  readonly node: string;
  readonly term?: number;
  readonly index?: number;
  readonly config: Config;
  readonly mayVote?: boolean;
  readonly isWhole?: boolean;
}

/** What the nodes have that are left; those that have nothing say so. */
function surveysOf(roster: Roster, has: readonly Has[], left: string): Map<string, Survey> {
  const replicasOn = (name: string) =>
    has
      .filter(({ node }) => node === name)
      .map(({ group = 1, term = 1, index = 5, config, mayVote = true, isWhole = mayVote }) => {
        const id = replicaOf(group, name);
        return { group, id, term, index, config, mayVote, isWhole };
      });
  return new Map([...left].map((name) => [name, { roster, replicas: replicasOn(name) }]));
}

function plan(groups: readonly GroupRecord[], has: readonly Has[], lost: string) {
  const left = NODES.filter((name) => !lost.includes(name)).join('');
  return planRescue(surveysOf(rosterOf(groups), has, left), [...lost]);
}

describe('what a group goes on with', () => {
  const config = configOf(1, 'abcde');
  const group = groupOf(1, 'abcde');

  test('[R7] is the newest term, and then the longest log', () => {
    const has = (a: Partial<Has>, b: Partial<Has>) => [
      { node: 'a', config, ...a },
      { node: 'b', config, ...b },
    ];
    const longer = has({ index: 7 }, { index: 9 });
    expect(plan([group], longer, 'cde')).toEqual([{ group: 1, node: 'b' }]);
    const newer = has({ term: 2, index: 7 }, { index: 9 });
    expect(plan([group], newer, 'cde')).toEqual([{ group: 1, node: 'a' }]);
  });

  test('[R7] a group that has a majority by its own configuration is left alone', () => {
    // The record names whom it shall have; c has only begun to learn.
    const record = groupOf(1, 'cde', 'ab');
    const old = configOf(1, 'abd', '', 'c');
    const has = ['a', 'b', 'c'].map((node) => ({ node, config: old }));
    expect(plan([record], has, 'de')).toMatch(/every group has its majority/);
    // Not so in the middle of a change: both halves decide.
    const joint = has.map(({ node }) => ({ node, config: configOf(1, 'cde', 'abd') }));
    expect(plan([record], joint, 'de')).toEqual([{ group: 1, node: 'a' }]);
  });

  test('[R7] one that is fetching its state goes on with nothing, and votes all the same', () => {
    const three = configOf(1, 'abc');
    const has = [
      { node: 'a', config: three, index: 9, isWhole: false },
      { node: 'b', config: three },
    ];
    expect(plan([groupOf(1, 'abc')], has, 'c')).toMatch(/every group has its majority/);
    const five = has.map((one) => ({ ...one, config }));
    expect(plan([group], five, 'cde')).toEqual([{ group: 1, node: 'b' }]);
  });

  test('[R7] [L2] one in quarantine neither votes nor goes on', () => {
    const three = configOf(1, 'abc');
    const has = [
      { node: 'a', config: three, index: 9, mayVote: false },
      { node: 'b', config: three },
    ];
    expect(plan([groupOf(1, 'abc')], has, 'c')).toEqual([{ group: 1, node: 'b' }]);
    const both = has.map((one) => ({ ...one, mayVote: false }));
    expect(plan([groupOf(1, 'abc')], both, 'c')).toMatch(/what is left of group 1 is damaged/);
  });

  test('[R7] one that goes on by itself already does so, whoever has learned its log meanwhile', () => {
    const alone = configOf(1, 'b', '', 'ac');
    const has = ['a', 'b'].map((node) => ({ node, term: 3, config: alone }));
    expect(plan([groupOf(1, 'abc')], has, 'c')).toEqual([{ group: 1, node: 'b' }]);
  });

  test('[R7] groups of which nothing is left stop it, those that have lost nothing do not matter', () => {
    const two = configOf(2, 'ab');
    const other = { group: 2, node: 'a', config: two };
    expect(plan([group, groupOf(2, 'ab')], [other], 'cde')).toMatch(/of group 1 nothing is left/);
    const has = [{ node: 'a', config }];
    expect(plan([group, groupOf(2, 'ab')], has, 'cde')).toEqual([{ group: 1, node: 'a' }]);
  });
});

describe('giving up nodes', () => {
  const config = configOf(1, 'abcde');
  const group = groupOf(1, 'abcde');

  function hostOf(surveys: ReadonlyMap<string, Survey>, roster: Roster) {
    const done: string[] = [];
    const host: RescueHost = {
      roster,
      isHeard: (node) => Promise.resolve(surveys.has(node)),
      survey: (node) => Promise.resolve(surveys.get(node)),
      rescue: (node, id) => Promise.resolve(done.push(`${id} on ${node}`) > 0),
      forget: (nodes) => {
        done.push(`forget ${nodes.join(' ')}`);
        return Promise.resolve({ kind: 'done' });
      },
    };
    return { host, done };
  }

  test('[R7] needs what all others have, and goes by the newest of what they know', async () => {
    const old = rosterOf([groupOf(1, 'abd')], ['a', 'b', 'd']);
    const newer = rosterOf([group], NODES, 2);
    const has = ['a', 'b', 'c'].map((node) => ({ node, config, index: node === 'c' ? 9 : 5 }));
    const surveys = surveysOf(newer, has, 'abc');
    surveys.set('a', { roster: old, replicas: surveys.get('a')?.replicas ?? [] });
    const { host, done } = hostOf(surveys, old);
    // Of e it had not heard.
    expect(await forgetNodes(host, ['d'], true)).toEqual({
      kind: 'refused',
      reason: 'node e does not answer: start it first, or give it up as well',
    });
    expect(done).toEqual([]);
    const known = hostOf(surveys, newer);
    expect(await forgetNodes(known.host, ['d', 'e'], true)).toMatchObject({ kind: 'refused' });
    const wider = configOf(1, 'abcde', 'de');
    const joint = surveysOf(newer, [{ node: 'c', config: wider, index: 9 }], 'abc');
    const other = hostOf(joint, newer);
    expect(await forgetNodes(other.host, ['d', 'e'], true)).toEqual({ kind: 'done' });
    expect(other.done).toEqual(['1 on c', 'forget d e']);
  });

  test('[R7] begins with the controller, and does nothing unless told that data may be lost', async () => {
    const groups = [groupOf(2, 'abc'), groupOf(0, 'abc')];
    const has = [0, 2].map((id) => ({ group: id, node: 'a', config: configOf(id, 'abc') }));
    const roster = rosterOf(groups, ['a', 'b', 'c']);
    const { host, done } = hostOf(surveysOf(roster, has, 'a'), roster);
    expect(await forgetNodes(host, ['b', 'c'], false)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('nothing was done. It would go on with group 2 with what a'),
    });
    expect(done).toEqual([]);
    expect(await forgetNodes(host, ['b', 'c'], true)).toEqual({ kind: 'done' });
    expect(done).toEqual(['0 on a', '2 on a', 'forget b c']);
  });
});
