import { encodeConfig } from './configs.ts';
import type { Core, LeaderRole } from './core.ts';
import { broken } from './invariant.ts';
import { Progress } from './progress.ts';
import { wake } from './quiescence.ts';
import { findMember, findVoter, members } from './quorum.ts';
import { confirmRound } from './read-rounds.ts';
import type { Config, ConfigOutcome, EntryKind, Index, Member, Membership } from './types.ts';

// Changes of membership by joint consensus (Raft paper §6, thesis §4.3, R7): an entry with the old and the new voters, of whom
// each decision needs both majorities; once that is committed, by itself, an entry with the new ones alone. Learners come and go
// with one entry, since they decide nothing.

/** Appends an entry to a leader's log. */
export function append(core: Core, kind: EntryKind, data: Uint8Array): Index {
  const index = core.log.lastIndex + 1;
  if (!Number.isSafeInteger(index)) throw broken('index', { index });
  core.log.append([{ index, term: core.term, kind, data }]);
  return index;
}

/** See `Raft.proposeConfig`. */
export function proposeConfig(core: Core, target: Membership): ConfigOutcome {
  const { role, log, config, configs, leader } = core;
  if (role.name !== 'leader') return { accepted: false, reason: 'not-leader', leader };
  if (role.transfer !== undefined) return { accepted: false, reason: 'transferring', leader };
  if (config.outgoing.length > 0 || configs.index > log.commit) {
    return { accepted: false, reason: 'changing', leader };
  }
  if (!core.knowsCommit) return { accepted: false, reason: 'not-ready', leader };
  const { voters, learners, plan } = target;
  if (plan < config.plan) return { accepted: false, reason: 'old-plan', leader };
  checkMembership(config, target);
  const isNew = ({ id }: Member) => findVoter(config, id) === undefined;
  const isJoint = voters.some(isNew) || voters.length !== config.incoming.length;
  if (!isJoint && isSame(learners, config.learners) && plan === config.plan) {
    return { accepted: false, reason: 'known', leader };
  }
  for (const { id } of voters.filter(isNew)) {
    const progress = role.progressOf.get(id);
    if (progress === undefined || !isCaughtUp(core, progress)) {
      return { accepted: false, reason: 'not-caught-up', leader };
    }
  }
  wake(core);
  const outgoing = isJoint ? config.incoming : [];
  return {
    accepted: true,
    index: change(core, role, { incoming: voters, outgoing, learners, plan }),
    term: core.term,
  };
}

/**
 * For a leader that has committed something: a joint configuration is left as soon as it is committed, by whoever leads then (G15),
 * and a leader that is no member any more steps back once the others can do without it (thesis §4.2.2, G13).
 */
export function finishChange(core: Core, role: LeaderRole): void {
  const { config, configs, log } = core;
  if (configs.index > log.commit || !core.knowsCommit) return;
  if (config.outgoing.length > 0) {
    change(core, role, { ...config, outgoing: [] });
  } else if (findVoter(config, core.id) === undefined) {
    // The one that has most is as good as elected, and the group does not wait for a timeout.
    const best = role.followers
      .filter(({ id, quarantine }) => quarantine === 0 && findVoter(config, id) !== undefined)
      .reduce<Progress | undefined>(
        (a, b) => (a === undefined || b.match > a.match ? b : a),
        undefined,
      );
    if (best)
      core.send({
        type: 'timeout-now',
        from: core.id,
        to: best.id,
        term: core.term,
        incarnation: core.incarnation,
      });
    core.becomeFollower(core.term, 0);
  }
}

/** Progress begins for members that are new and ends for those that are none any more. */
export function followMembers(core: Core, role: LeaderRole): void {
  const { id: self, config, log, options } = core;
  role.followers = members(config)
    .filter(({ id }) => id !== self)
    .map(
      (member) =>
        role.progressOf.get(member.id) ??
        new Progress(member, log.lastIndex + 1, options.inflightBytesMax),
    );
  role.progressOf = new Map(role.followers.map((progress) => [progress.id, progress]));
}

/** Appends the entry, and with it the configuration counts (G11). */
export function change(core: Core, role: LeaderRole, config: Config): Index {
  const data = encodeConfig(config);
  const index = append(core, 'config', data);
  core.configs.append([{ index, term: core.term, kind: 'config', data }]);
  core.onConfig();
  followMembers(core, role);
  // Those who have not answered may be those who went.
  confirmRound(core, role);
  role.sendDue = true;
  return index;
}

/** It lacks no more than a leader has in memory: as a voter it can acknowledge at once. */
function isCaughtUp(core: Core, { state, match, quarantine, silentTicks }: Progress): boolean {
  const isThere = quarantine === 0 && silentTicks < core.options.electionTicks;
  return isThere && state === 'replicate' && match + 1 >= core.log.firstIndex;
}

function checkMembership(config: Config, { voters, learners }: Membership): void {
  const all = [...voters, ...learners];
  const isTwice = new Set(all.map(({ id }) => id)).size < all.length;
  const isOther = all.some(({ id, incarnation }) => {
    const known = findMember(config, id);
    return known !== undefined && known.incarnation !== incarnation;
  });
  if (voters.length > 0 && !isTwice && !isOther) return;
  throw broken('membership', { members: JSON.stringify({ voters, learners }) });
}

function isSame(a: readonly Member[], b: readonly Member[]): boolean {
  return a.length === b.length && a.every(({ id }) => b.some((other) => other.id === id));
}
