import type { Config, Member, Membership, ReplicaId } from '../raft/index.ts';

/**
 * The next step of a group towards these voters and no learners (R7): who is missing learns first; when all of them have caught up
 * (`canVote`), voters change at once, by joint consensus. Undefined while there is nothing to do but to wait, or nothing at all.
 */
export function nextMembership(
  { incoming, outgoing, learners }: Config,
  wanted: readonly Member[],
  canVote: (id: ReplicaId) => boolean,
): Membership | undefined {
  if (outgoing.length > 0) return undefined;
  const missing = wanted.filter((member) => !has(incoming, member) && !has(learners, member));
  const staying = learners.filter((member) => has(wanted, member));
  if (missing.length > 0 || staying.length < learners.length) {
    return { voters: incoming, learners: [...staying, ...missing] };
  }
  if (!staying.every(({ id }) => canVote(id))) return undefined;
  const isDone = incoming.length === wanted.length && incoming.every((one) => has(wanted, one));
  return isDone ? undefined : { voters: wanted, learners: [] };
}

function has(members: readonly Member[], { id }: Member): boolean {
  return members.some((member) => member.id === id);
}
