import {
  CONTROLLER_GROUP,
  type ControllerOutcome,
  type GroupId,
  type NodeName,
} from '../controller/index.ts';
import { type Clock, wait } from '../ports/index.ts';
import type { Replicas } from './replicas.ts';
import type { Roster } from './roster.ts';

/** How long a replica is waited for that is to lead by itself, and how often it is looked at. Milliseconds. */
const PATIENCE_MS = 5_000;
const POLL_MS = 50;

/** A group that has lost its majority, and the one replica of it that is left to go on with. */
export interface Rescue {
  readonly group: GroupId;
  readonly node: NodeName;
}

export interface RescueHost {
  readonly roster: Roster;
  isUp(node: NodeName): boolean;
  /** Has a node make its replica of the group the only voter; false when it did not. */
  rescue(node: NodeName, group: GroupId): Promise<boolean>;
  /** Has the controller forget the nodes; undefined when it did not answer. */
  forget(nodes: readonly NodeName[]): Promise<ControllerOutcome | undefined>;
}

/**
 * What has to be done so that the cluster goes on without nodes that are lost for good, by name; or why it cannot be, in one line. A
 * group of which most replicas are left needs nothing: it changes its members as ever.
 */
export function planRescue(
  { roster, isUp }: Pick<RescueHost, 'roster' | 'isUp'>,
  lost: readonly NodeName[],
): readonly Rescue[] | string {
  const unknown = lost.find((name) => roster.nodes.every((node) => node.name !== name));
  if (unknown !== undefined) return `there is no node ${unknown}`;
  const up = lost.find(isUp);
  if (up !== undefined) return `node ${up} is up: stop it for good first`;
  const rescues: Rescue[] = [];
  for (const group of roster.groups) {
    const left = group.replicas.filter(({ node }) => !lost.includes(node));
    if (left.length > group.replicas.length / 2) continue;
    const [first] = left;
    if (!first) return `of ${nameOf(group.id)} nothing is left elsewhere: that data is gone`;
    // With three replicas a group, or two, one is left at most.
    if (left.length > 1) return `of ${nameOf(group.id)} more than one replica is left`;
    rescues.push({ group: group.id, node: first.node });
  }
  if (rescues.length > 0) return rescues;
  return 'every group has its majority without them: drain and remove them, or wait until they are replaced';
}

/**
 * Has the cluster go on without the nodes. Nothing is done unless `loseData`: what only they had is lost, whoever it was acknowledged
 * to. Saying it again does no harm. Undefined: the controller did not answer, and it may be done or not.
 */
export async function forgetNodes(
  host: RescueHost,
  lost: readonly NodeName[],
  loseData: boolean,
): Promise<ControllerOutcome | undefined> {
  const plan = planRescue(host, lost);
  if (typeof plan === 'string') return { kind: 'refused', reason: plan };
  if (!loseData) return { kind: 'refused', reason: warningOf(plan, lost) };
  // The controller's own group comes first, since it is told of the rest.
  const inOrder = [...plan].sort((a, b) => a.group - b.group);
  for (const { group, node } of inOrder) {
    if (await host.rescue(node, group)) continue;
    const reason = `node ${node} did not go on with ${nameOf(group)} by itself: say it again`;
    return { kind: 'refused', reason };
  }
  return host.forget(lost);
}

function warningOf(plan: readonly Rescue[], lost: readonly NodeName[]): string {
  const groups = plan.map(({ group, node }) => `${nameOf(group)} with what ${node} has`);
  return (
    `nothing was done. It would go on with ${groups.join(', ')}, and whatever only ${lost.join(', ')} had is lost for good, ` +
    'acknowledged or not. They must never come back'
  );
}

/** On the node that holds the replica: true when it leads by itself, also where it did before. */
export async function rescueHere(
  replicas: Replicas,
  group: GroupId,
  clock: Clock,
): Promise<boolean> {
  const replica = replicas.get(group);
  if (!replica) return false;
  const isAlone = () => replica.isCurrent && !replica.hasPeers;
  if (isAlone()) return true;
  if (!replica.becomeSoleVoter()) return false;
  for (let waitedMs = 0; waitedMs < PATIENCE_MS && !replica.isClosed; waitedMs += POLL_MS) {
    if (isAlone()) return true;
    await wait(clock, POLL_MS);
  }
  return false;
}

function nameOf(id: GroupId): string {
  return id === CONTROLLER_GROUP ? 'the controller' : `group ${id}`;
}
