import type { Core } from './core.ts';
import { becomeLeader } from './leader.ts';
import { change } from './membership.ts';
import { wake } from './quiescence.ts';
import { findMember } from './quorum.ts';

/**
 * Makes this replica the group's only voter and its leader, without anybody's consent: for a group most of whose voters are lost for
 * good. What only they had is lost with them, whoever it was acknowledged to, and what only this one has is committed. Were they to
 * come back, the group would have two leaders: whoever calls this sees to it that they do not.
 *
 * It stands in the next term. That and the configuration leave in one write; if a crash comes before, nothing has happened. False where
 * this replica may not vote: it has not all that it ever promised.
 */
export function becomeSoleVoter(core: Core): boolean {
  const self = findMember(core.config, core.id);
  if (!mayBeSoleVoter(core) || self === undefined) return false;
  wake(core);
  if (core.role.name !== 'follower') core.becomeFollower(core.term, 0);
  core.raiseTerm(core.term + 1);
  core.vote = core.id;
  core.role = { name: 'candidate', votes: new Map([[core.id, true]]) };
  change(core, becomeLeader(core), {
    ...core.config,
    incoming: [self],
    outgoing: [],
    learners: [],
  });
  return true;
}

export function mayBeSoleVoter({ id, config, counts, installing }: Core): boolean {
  return counts && installing === undefined && findMember(config, id) !== undefined;
}
