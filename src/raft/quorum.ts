import type { Config, Member, ReplicaId } from './types.ts';

// Majorities over a joint configuration (Raft paper §6, thesis §4.3): what both halves agree to is decided. Outside a
// membership change `outgoing` is empty and decides nothing. Learners are in neither half, so they never count (R7).

export type VoteResult = 'pending' | 'won' | 'lost';

/** How many of `members` are needed: more than half. */
export function majority(members: readonly Member[]): number {
  return (members.length >> 1) + 1;
}

/**
 * The largest value that a quorum has reached, `valueAt` being non-negative. 0 when there are no voters at all: an
 * unconfigured replica decides nothing.
 */
export function quorumValue(config: Config, valueAt: (id: ReplicaId) => number): number {
  if (config.incoming.length === 0) return 0;
  const incoming = majorityValue(config.incoming, valueAt);
  if (config.outgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(config.outgoing, valueAt));
}

// Counting beats sorting for the handful of voters that a group has, and allocates nothing: this runs for every
// acknowledgement.
function majorityValue(members: readonly Member[], valueAt: (id: ReplicaId) => number): number {
  const needed = majority(members);
  let best = 0;
  for (const candidate of members) {
    const value = valueAt(candidate.id);
    if (value <= best) continue;
    let reached = 0;
    for (const member of members) if (valueAt(member.id) >= value) reached++;
    if (reached >= needed) best = value;
  }
  return best;
}

/** `voteOf` gives undefined for a replica that has not answered. Lost in either half is lost. */
export function voteResult(
  config: Config,
  voteOf: (id: ReplicaId) => boolean | undefined,
): VoteResult {
  if (config.incoming.length === 0) return 'lost';
  const incoming = majorityVote(config.incoming, voteOf);
  if (config.outgoing.length === 0) return incoming;
  const outgoing = majorityVote(config.outgoing, voteOf);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}

function majorityVote(
  members: readonly Member[],
  voteOf: (id: ReplicaId) => boolean | undefined,
): VoteResult {
  const needed = majority(members);
  let granted = 0;
  let open = 0;
  for (const member of members) {
    const vote = voteOf(member.id);
    if (vote === undefined) open++;
    else if (vote) granted++;
  }
  if (granted >= needed) return 'won';
  return granted + open >= needed ? 'pending' : 'lost';
}

export function findVoter(config: Config, id: ReplicaId): Member | undefined {
  return find(config.incoming, id) ?? find(config.outgoing, id);
}

export function findMember(config: Config, id: ReplicaId): Member | undefined {
  return findVoter(config, id) ?? find(config.learners, id);
}

function find(members: readonly Member[], id: ReplicaId): Member | undefined {
  for (const member of members) if (member.id === id) return member;
  return undefined;
}

/** Every voter once, those of `incoming` first. */
export function voters(config: Config): readonly Member[] {
  if (config.outgoing.length === 0) return config.incoming;
  return config.incoming.concat(
    config.outgoing.filter((member) => !find(config.incoming, member.id)),
  );
}

/** Every voter and learner once. */
export function members(config: Config): readonly Member[] {
  return voters(config).concat(config.learners.filter((member) => !findVoter(config, member.id)));
}
