import type { Core, Votes } from './core.ts';
import { becomeLeader } from './leader.ts';
import { knock, wake } from './quiescence.ts';
import { voteResult, voters } from './quorum.ts';
import type { ReplicaId, Term, VoteRequest, VoteResponse } from './types.ts';

// Elections: Raft paper §5.2 and §5.4.1, pre-votes as in thesis §9.6.

/**
 * Stands for election. `transfer`: the leader asked for it, so there is no pre-vote, and the voters that still hear the
 * leader do not ignore the request (thesis §4.2.3).
 */
export function campaign(core: Core, transfer: boolean): void {
  if (core.role.name === 'leader' || !core.promotable) return;
  wake(core);
  if (core.options.preVote && !transfer) becomePreCandidate(core);
  else becomeCandidate(core, transfer);
}

// Asks whether it could win, in a term that it does not enter yet; nothing is promised, so nothing has to be durable. Until it enters
// the next term, votes for it in this one are no less true for being late: where answers take longer than an election timeout, nobody
// would ever lead without them.
function becomePreCandidate(core: Core): void {
  const votes = votesOf(core);
  core.role = { name: 'pre-candidate', preVotes: new Map(), votes };
  core.resetElectionTimer();
  requestVotes(core, 'pre-vote-request', false);
  recordPreVote(core, core.id, true);
}

// The requests leave once term and vote are durable. Otherwise a crash could bring this replica back into the same term
// with a shorter log, where answers to the first requests would still count. For the same reason its own vote counts
// only then (see `ownVoteDurable`).
function becomeCandidate(core: Core, transfer: boolean): void {
  core.raiseTerm(core.term + 1);
  core.vote = core.id;
  core.role = { name: 'candidate', votes: new Map() };
  core.resetElectionTimer();
  requestVotes(core, 'vote-request', transfer);
}

function requestVotes(core: Core, type: VoteRequest['type'], transfer: boolean): void {
  const pre = type === 'pre-vote-request';
  for (const { id } of voters(core.config)) {
    if (id === core.id) continue;
    const request: VoteRequest = {
      type,
      from: core.id,
      to: id,
      term: pre ? core.term + 1 : core.term,
      incarnation: core.incarnation,
      lastIndex: core.log.lastIndex,
      lastTerm: core.log.lastTerm,
      transfer,
    };
    if (pre) core.send(request);
    else core.sendAfterWrite(request);
  }
}

/** Of a replica that stands, or stood, in the term that it is in. */
function votesOf({ role }: Core): Votes | undefined {
  return role.name === 'candidate' || role.name === 'pre-candidate' ? role.votes : undefined;
}

/** A hard state with this replica's vote for itself in `term` is durable. */
export function ownVoteDurable(core: Core, term: Term, vote: ReplicaId): void {
  if (term === core.term && vote === core.id) recordVote(core, core.id, true);
}

export function handleVoteResponse(core: Core, message: VoteResponse): void {
  const { from, granted } = message;
  if (message.type === 'vote-response') recordVote(core, from, granted);
  // Answers to an earlier pre-vote of this replica name an earlier term.
  else if (!granted || message.term === core.term + 1) recordPreVote(core, from, granted);
}

function recordPreVote(core: Core, from: ReplicaId, granted: boolean): void {
  if (core.role.name !== 'pre-candidate') return;
  switch (resultWith(core, core.role.preVotes, from, granted)) {
    case 'won':
      becomeCandidate(core, false);
      break;
    case 'lost':
      core.becomeFollower(core.term, 0);
      break;
    case 'pending':
      break;
  }
}

function recordVote(core: Core, from: ReplicaId, granted: boolean): void {
  const votes = votesOf(core);
  if (!votes) return;
  switch (resultWith(core, votes, from, granted)) {
    case 'won':
      becomeLeader(core);
      break;
    case 'lost':
      if (core.role.name === 'candidate') core.becomeFollower(core.term, 0);
      break;
    case 'pending':
      break;
  }
}

// The first answer of each voter stands.
function resultWith(core: Core, votes: Votes, from: ReplicaId, granted: boolean) {
  if (!votes.has(from)) votes.set(from, granted);
  return voteResult(core.config, (id) => votes.get(id));
}

/**
 * Votes for whoever asks first in a term, if its log holds everything committed. A vote leaves once it is durable, and
 * asked again, after a crash too, it is the same (G3). A pre-vote promises nothing and changes nothing here.
 */
export function handleVoteRequest(core: Core, message: VoteRequest): void {
  if (!core.counts) return;
  const pre = message.type === 'pre-vote-request';
  const free =
    core.vote === message.from ||
    (core.vote === 0 && core.leader === 0) ||
    (pre && message.term > core.term);
  const granted = free && core.log.isUpToDate(message.lastIndex, message.lastTerm);
  if (pre) {
    respondPreVote(core, message, granted);
    return;
  }
  if (granted) {
    core.vote = message.from;
    core.resetElectionTimer();
  }
  core.sendAfterWrite(voteResponse(core, message.from, granted));
}

function voteResponse(core: Core, to: ReplicaId, granted: boolean): VoteResponse {
  const { id: from, term, incarnation } = core;
  return { type: 'vote-response', from, to, term, incarnation, granted };
}

function respondPreVote(core: Core, message: VoteRequest, granted: boolean): void {
  core.send({
    type: 'pre-vote-response',
    from: core.id,
    to: message.from,
    // A refusal carries this replica's own term, so that a candidate that is behind catches up.
    term: granted ? message.term : core.term,
    incarnation: core.incarnation,
    granted,
  });
}

/** Refuses a candidate of an older term, which learns the newer one from the answer. */
export function rejectOldCandidate(core: Core, message: VoteRequest): void {
  if (!core.counts) return;
  if (message.type === 'pre-vote-request') respondPreVote(core, message, false);
  else core.send(voteResponse(core, message.from, false));
}

/**
 * Leader stickiness: who hears a leader, or leads, takes no part in an election (thesis §4.2.3, §9.6), so that a replica
 * that was cut off cannot depose a leader that works. Needs CheckQuorum, or a leader that hears nobody would be kept.
 */
export function sticksToLeader(core: Core, message: VoteRequest): boolean {
  if (!core.options.checkQuorum || message.transfer || core.leader === 0) return false;
  return core.role.name === 'leader' || core.electionElapsed < core.options.electionTicks;
}

export function tickElection(core: Core): void {
  core.electionElapsed++;
  if (core.electionElapsed < core.electionTimeout) return;
  if (core.promotable) campaign(core, false);
  else knock(core);
}
