import {
  CONTROLLER_GROUP,
  type ControllerOutcome,
  type GroupId,
  holdersOf,
  type NodeName,
} from '../controller/index.ts';
import { type Clock, wait } from '../ports/index.ts';
import { type Config, type Index, type ReplicaId, voteResult, voters } from '../raft/index.ts';
import type { Replicas } from './replicas.ts';
import type { Roster } from './roster.ts';

// What is done when groups have lost their majorities for good. The nodes that are left say what they have, and each such group
// goes on with the replica whose log is the most up to date (Raft paper §5.4.1): whatever was committed and is left anywhere,
// that one has.

/** How long a replica is waited for that is to lead by itself, and how often it is looked at. Milliseconds. */
const PATIENCE_MS = 5_000;
const POLL_MS = 50;

/** What a node has. */
export interface Survey {
  readonly roster: Roster;
  readonly replicas: readonly Survivor[];
}

/** A replica that is left. */
export interface Survivor {
  readonly group: GroupId;
  readonly id: ReplicaId;
  /** Of the last entry of its log. */
  readonly term: number;
  readonly index: Index;
  /** By which it goes, committed or not. */
  readonly config: Config;
  /** It has all that it ever promised. */
  readonly mayVote: boolean;
  /** And all that it needs to go on alone. */
  readonly isWhole: boolean;
}

/** A group that has lost its majority, and the node with the replica that it goes on with. */
interface Rescue {
  readonly group: GroupId;
  readonly node: NodeName;
}

export interface RescueHost {
  readonly roster: Roster;
  /** By any of the nodes that this one reaches: whoever is cut off from this one only is not lost. */
  isHeard(node: NodeName): Promise<boolean>;
  /** Undefined: the node does not answer. */
  survey(node: NodeName): Promise<Survey | undefined>;
  /** Has a node make its replica of the group the only voter; false when it did not. */
  rescue(node: NodeName, group: GroupId): Promise<boolean>;
  /** Has the controller forget the nodes; undefined when it did not answer. */
  forget(nodes: readonly NodeName[]): Promise<ControllerOutcome | undefined>;
}

/**
 * Has the cluster go on without nodes that are lost for good, by name. Nothing is done unless `loseData`: what only they had is
 * lost, whoever it was acknowledged to. All others must be up. Saying it again does no harm. Undefined: the controller did not
 * answer, and it may be done or not.
 */
export async function forgetNodes(
  host: RescueHost,
  lost: readonly NodeName[],
  loseData: boolean,
): Promise<ControllerOutcome | undefined> {
  const plan = (await mistakeOf(host, lost)) ?? (await rescuesFor(host, lost));
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

async function mistakeOf(host: RescueHost, lost: readonly NodeName[]): Promise<string | undefined> {
  const { roster } = host;
  const unknown = lost.find((name) => roster.nodes.every((node) => node.name !== name));
  if (unknown !== undefined) return `there is no node ${unknown}`;
  const heard = await Promise.all(lost.map((node) => host.isHeard(node)));
  const up = lost.find((_, i) => heard[i]);
  return up && `node ${up} is up: stop it for good first`;
}

async function rescuesFor(
  host: RescueHost,
  lost: readonly NodeName[],
): Promise<readonly Rescue[] | string> {
  const surveys = await surveysOf(host, lost);
  return typeof surveys === 'string' ? surveys : planRescue(surveys, lost);
}

/** Of all nodes that any of them knows, except those that are lost; or why there are not all of them, in one line. */
async function surveysOf(
  host: RescueHost,
  lost: readonly NodeName[],
): Promise<ReadonlyMap<NodeName, Survey> | string> {
  const surveys = new Map<NodeName, Survey>();
  for (let { roster } = host; ; roster = newestRoster(surveys)) {
    const left = roster.nodes.map(({ name }) => name).filter((name) => !lost.includes(name));
    const names = left.filter((name) => !surveys.has(name));
    if (left.length === 0) return 'there would be no node left';
    if (names.length === 0) return surveys;
    const found = await Promise.all(names.map((name) => host.survey(name)));
    for (const [i, name] of names.entries()) {
      const survey = found[i];
      if (!survey) return `node ${name} does not answer: start it first, or give it up as well`;
      surveys.set(name, survey);
    }
  }
}

function newestRoster(surveys: ReadonlyMap<NodeName, Survey>): Roster {
  const rosters = [...surveys.values()].map(({ roster }) => roster);
  return rosters.reduce((a, b) => (b.number > a.number ? b : a));
}

/**
 * What has to be done so that the cluster goes on without the nodes; or why it cannot be, in one line. A group of which a majority is
 * left needs nothing: it changes its members as ever, and two that go on by themselves would be two groups.
 */
export function planRescue(
  surveys: ReadonlyMap<NodeName, Survey>,
  lost: readonly NodeName[],
): readonly Rescue[] | string {
  const rescues: Rescue[] = [];
  for (const group of newestRoster(surveys).groups) {
    if (!holdersOf(group).some((name) => lost.includes(name))) continue;
    const left = survivorsOf(group.id, surveys);
    if (left.length === 0)
      return `of ${nameOf(group.id)} nothing is left elsewhere: that data is gone`;
    const sole = alone(left);
    if (!sole && hasMajority(left)) continue;
    const one = sole ?? left.find(({ isWhole }) => isWhole);
    if (!one) return `what is left of ${nameOf(group.id)} is damaged, or was never complete`;
    rescues.push({ group: group.id, node: one.node });
  }
  if (rescues.length > 0) return rescues;
  return 'every group has its majority without them: drain and remove them, or wait until they are replaced';
}

interface Left extends Survivor {
  readonly node: NodeName;
}

/** The most up-to-date log first. */
function survivorsOf(group: GroupId, surveys: ReadonlyMap<NodeName, Survey>): readonly Left[] {
  const left = [...surveys].flatMap(([node, { replicas }]) =>
    replicas.filter((replica) => replica.group === group).map((replica) => ({ ...replica, node })),
  );
  return left.sort((a, b) => b.term - a.term || b.index - a.index);
}

function hasMajority(left: readonly Left[]): boolean {
  const newest = left.find(({ mayVote }) => mayVote);
  const votes = (id: ReplicaId) => left.some((one) => one.id === id && one.mayVote);
  return newest !== undefined && voteResult(newest.config, votes) === 'won';
}

/** The one that goes on by itself already: the controller may not have been told. */
function alone(left: readonly Left[]): Left | undefined {
  const newest = left.find(({ mayVote }) => mayVote);
  const [first, second] = newest ? voters(newest.config) : [];
  return second ? undefined : left.find(({ id }) => id === first?.id);
}

function warningOf(plan: readonly Rescue[], lost: readonly NodeName[]): string {
  const groups = plan.map(({ group, node }) => `${nameOf(group)} with what ${node} has`);
  return (
    `nothing was done. It would go on with ${groups.join(', ')}, and whatever only ${lost.join(', ')} had is lost for good, ` +
    'acknowledged or not. They must never come back'
  );
}

export function surveyHere(replicas: Replicas): Survey {
  const survivors = [...replicas.all()].map((replica): Survivor => {
    const { raft, group, id, mayBeSoleVoter } = replica;
    const index = raft.lastIndex;
    const term = raft.termAt(index) ?? 0;
    const mayVote = raft.quarantine === 0;
    return { group, id, term, index, config: raft.config, mayVote, isWhole: mayBeSoleVoter };
  });
  return { roster: replicas.roster, replicas: survivors };
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
