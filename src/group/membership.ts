import type { Config, Member, Membership, ReplicaId } from '../raft/index.ts';

/** Who shall be a group's voters, by the newest plan of the controller's that is known here. */
export interface MemberPlan {
  /** See `Config.plan`. */
  readonly number: number;
  readonly voters: readonly Member[];
}

/**
 * The next step of a group towards the voters of a plan and no learners (R7). First the log says by which plan it goes, and who is
 * missing learns; when all of them have caught up (`canVote`), voters change at once, by joint consensus. Undefined while there is
 * nothing to do but to wait, or nothing at all. What a leader wants that knows only of an older plan, Raft refuses.
 */
export function nextMembership(
  { incoming, outgoing, learners, plan }: Config,
  { number, voters }: MemberPlan,
  canVote: (id: ReplicaId) => boolean,
): Membership | undefined {
  if (outgoing.length > 0) return undefined;
  const missing = voters.filter((member) => !has(incoming, member) && !has(learners, member));
  const staying = learners.filter((member) => has(voters, member));
  if (number !== plan || missing.length > 0 || staying.length < learners.length) {
    return { voters: incoming, learners: [...staying, ...missing], plan: number };
  }
  if (!staying.every(({ id }) => canVote(id))) return undefined;
  const isDone = incoming.length === voters.length && incoming.every((one) => has(voters, one));
  return isDone ? undefined : { voters, learners: [], plan: number };
}

function has(members: readonly Member[], { id }: Member): boolean {
  return members.some((member) => member.id === id);
}
