import { groupsInUse } from './catalogue.ts';
import { REPLICAS } from './placement.ts';
import type {
  ClusterMap,
  GroupId,
  GroupRecord,
  MemberRecord,
  NodeName,
  ReplicaRecord,
} from './types.ts';
import { CONTROLLER_GROUP } from './types.ts';

/** Nodes that the controller's leader does not reach. */
export interface Troubles {
  /** Nothing new goes there. */
  readonly down: readonly NodeName[];
  /** Those of them that are not waited for any more. */
  readonly dead: readonly NodeName[];
}

/** One change to the placement of replicas. */
export type Step =
  /** A replica on `to` takes the place of the one on `from`. */
  | {
      readonly kind: 'replace';
      readonly group: GroupId;
      readonly from: NodeName;
      readonly to: NodeName;
    }
  | { readonly kind: 'add'; readonly group: GroupId; readonly to: NodeName }
  | { readonly kind: 'take-away'; readonly group: GroupId; readonly from: NodeName }
  /** The replica on this node should lead. */
  | { readonly kind: 'prefer'; readonly group: GroupId; readonly node: NodeName }
  /** The first of the nodes gets a group of its own. */
  | { readonly kind: 'new-group'; readonly nodes: readonly NodeName[] }
  | { readonly kind: 'drop-group'; readonly group: GroupId };

/**
 * What is to be done now so that in the end every group has its replicas on different nodes and, where there are any, in different
 * zones; none on nodes that are dead or to be emptied; as many on each node as on any other, give or take one, where zones allow;
 * and every node has brought a group that it should lead (C5). As few replicas move as can be, and no group changes before its last
 * change is settled, or would lead nowhere. Nothing is to be done once all is so. Pure: the same map and troubles give the same steps.
 */
export function nextSteps(map: ClusterMap, troubles: Troubles): readonly Step[] {
  const board = new Board(map, troubles);
  const inUse = groupsInUse(map);
  for (const { id, retiring } of map.groups) {
    if (retiring && !inUse.has(id)) board.take({ kind: 'drop-group', group: id });
  }
  for (const group of board.groups) {
    const step = neededStep(board, group);
    if (step) board.take(step);
  }
  for (const node of board.takers) {
    if (node.group === 0 && board.isUp(node.name)) board.take(newGroupFor(board, node.name));
  }
  // A cluster in trouble has better things to do, and who is away may be back soon.
  if (board.takers.every(({ name }) => board.isUp(name))) {
    const evening = [zoneStep, evenStep, preferStep];
    for (const find of evening) {
      for (let step = find(board); step; step = find(board)) board.take(step);
    }
  }
  return board.steps;
}

/** A group while a plan is made. */
interface Seats {
  readonly id: GroupId;
  /** The nodes of its replicas, the one that should lead first. */
  nodes: readonly NodeName[];
  /** Likewise, of those that are still to go. */
  readonly leaving: readonly NodeName[];
  /** The nodes whose replicas may still be on their way into the group. */
  readonly arriving: readonly NodeName[];
  changing: boolean;
}

class Board {
  readonly steps: Step[] = [];
  /** Those that stay. */
  readonly groups: Seats[];
  /** The nodes that may have replicas. */
  readonly takers: readonly MemberRecord[];
  readonly #draining: ReadonlySet<NodeName>;
  readonly #down: ReadonlySet<NodeName>;
  readonly #dead: ReadonlySet<NodeName>;
  readonly #zones: ReadonlyMap<NodeName, string>;
  /** Replicas that nodes have, and groups of data that they should lead: thousands of groups are asked about with each step. */
  readonly #loads = new Map<NodeName, number>();
  readonly #leads = new Map<NodeName, number>();

  constructor({ nodes, groups }: ClusterMap, { down, dead }: Troubles) {
    this.#down = new Set([...down, ...dead]);
    this.#dead = new Set(dead);
    this.#draining = new Set(nodes.filter(({ draining }) => draining).map(({ name }) => name));
    this.#zones = new Map(nodes.map(({ name, zone }) => [name, zone]));
    this.takers = nodes.filter(({ name, draining }) => !draining && !this.#dead.has(name));
    this.groups = groups.filter(({ retiring }) => !retiring).map(seatsOf);
    for (const group of this.groups) this.#count(group, 1);
  }

  isUp(name: NodeName): boolean {
    return !this.#down.has(name);
  }

  isDead(name: NodeName): boolean {
    return this.#dead.has(name);
  }

  isDraining(name: NodeName): boolean {
    return this.#draining.has(name);
  }

  /** Nothing is on its way in the group, and none of its replicas is on a node that is dead or to be emptied. */
  isWhole({ id, nodes, changing }: Seats): boolean {
    return id >= CONTROLLER_GROUP && !changing && nodes.every((name) => this.isTaker(name));
  }

  isTaker(name: NodeName): boolean {
    return !this.#dead.has(name) && !this.#draining.has(name);
  }

  zone(name: NodeName): string {
    return this.#zones.get(name) ?? '';
  }

  zones(names: readonly NodeName[]): number {
    return new Set(names.map((name) => this.zone(name))).size;
  }

  /** How many replicas a node has when all changes that have begun are done. */
  load(name: NodeName): number {
    return this.#loads.get(name) ?? 0;
  }

  /** How many groups of data it should lead. */
  leads(name: NodeName): number {
    return this.#leads.get(name) ?? 0;
  }

  /** Where one more replica beside those on `others` should be: in another zone, and where there is least. */
  target(others: readonly NodeName[], leaving: readonly NodeName[] = []): NodeName | undefined {
    const zones = new Set(others.map((name) => this.zone(name)));
    const rank = ({ name, zone }: MemberRecord) => (zones.has(zone) ? 1e6 : 0) + this.load(name);
    const free = this.takers.filter(
      ({ name }) => this.isUp(name) && !others.includes(name) && !leaving.includes(name),
    );
    return free.sort((a, b) => rank(a) - rank(b))[0]?.name;
  }

  take(step: Step): void {
    this.steps.push(step);
    if (step.kind === 'new-group') {
      const group = { id: -1, nodes: step.nodes, leaving: [], changing: false, arriving: [] };
      this.groups.push(group);
      this.#count(group, 1);
      return;
    }
    const group = this.groups.find(({ id }) => id === step.group);
    if (!group) return;
    this.#count(group, -1);
    group.nodes = nodesAfter(group.nodes, step);
    this.#count(group, 1);
    if (step.kind !== 'prefer') group.changing = true;
  }

  #count({ id, nodes }: Seats, by: 1 | -1): void {
    for (const name of nodes) this.#loads.set(name, this.load(name) + by);
    const [first] = nodes;
    if (first !== undefined && id !== CONTROLLER_GROUP) {
      this.#leads.set(first, this.leads(first) + by);
    }
  }
}

/**
 * The replicas that may still be on their way into the group: the one that came last; or any, where that one is to go again and another,
 * which was to go, stays in its place. It may have been out already, and come in again.
 */
export function arrivingOf({ replicas, leaving, changing }: GroupRecord): readonly ReplicaRecord[] {
  if (!changing) return [];
  const last = [...replicas, ...leaving].reduce((a, b) => (b.replica > a.replica ? b : a));
  return replicas.includes(last) ? [last] : replicas;
}

function seatsOf(group: GroupRecord): Seats {
  const { id, replicas, leaving, changing } = group;
  return {
    id,
    nodes: replicas.map(({ node }) => node),
    leaving: leaving.map(({ node }) => node),
    arriving: arrivingOf(group).map(({ node }) => node),
    changing,
  };
}

function nodesAfter(nodes: readonly NodeName[], step: Step): readonly NodeName[] {
  switch (step.kind) {
    case 'replace':
      return nodes.map((node) => (node === step.from ? step.to : node));
    case 'add':
      return [...nodes, step.to];
    case 'take-away':
      return nodes.filter((node) => node !== step.from);
    case 'prefer':
      return [step.node, ...nodes.filter((node) => node !== step.node)];
    default:
      return nodes;
  }
}

/** Away from nodes that are dead or to be emptied, and up to as many replicas as there should be. */
function neededStep(board: Board, group: Seats): Step | undefined {
  const { id, nodes, leaving, changing, arriving } = group;
  const lives = (name: NodeName) => !board.isDead(name);
  const replace = (from: NodeName): Step | undefined => {
    const others = nodes.filter((name) => name !== from);
    // Where there is nobody else, whoever was to go stays.
    const staying = leaving.find((name) => board.isTaker(name) && board.isUp(name));
    const to = board.target(others, [...leaving, from]) ?? staying;
    return to === undefined ? undefined : { kind: 'replace', group: id, from, to };
  };
  const quorum = (nodes.length >> 1) + 1;
  if (changing) {
    // Who was to come has died on the way, and the change would never end; or is to go again, and may never have come.
    const lost = arriving.find((name) => !board.isTaker(name));
    if (lost === undefined) return undefined;
    const others = [...nodes.filter((name) => name !== lost), ...leaving];
    return others.filter(lives).length >= quorum ? replace(lost) : undefined;
  }
  // Without a majority of those that live the group can not change, and must not be asked to.
  if (nodes.filter(lives).length < quorum) return undefined;
  const lost = nodes.find((name) => !lives(name)) ?? nodes.find((name) => board.isDraining(name));
  if (lost !== undefined) {
    const step = replace(lost);
    if (step) return step;
    const isTooMany = board.isDraining(lost) && nodes.length > board.takers.length;
    return isTooMany && nodes.length > 1 ? { kind: 'take-away', group: id, from: lost } : undefined;
  }
  if (nodes.length >= Math.min(REPLICAS, board.takers.length)) return undefined;
  const to = board.target(nodes, leaving);
  return to === undefined ? undefined : { kind: 'add', group: id, to };
}

function newGroupFor(board: Board, name: NodeName): Step {
  const nodes = [name];
  while (nodes.length < REPLICAS) {
    const next = board.target(nodes);
    if (next === undefined) break;
    nodes.push(next);
  }
  return { kind: 'new-group', nodes };
}

/** A group with two replicas in one zone, while another zone has none. */
function zoneStep(board: Board): Step | undefined {
  const zones = board.zones(board.takers.map(({ name }) => name));
  for (const group of board.groups) {
    const { id, nodes, leaving } = group;
    if (!board.isWhole(group) || board.zones(nodes) >= Math.min(nodes.length, zones)) continue;
    const isTwice = (name: NodeName) =>
      nodes.some((other) => other !== name && board.zone(other) === board.zone(name));
    const candidates = nodes.filter(isTwice);
    candidates.sort((a, b) => board.load(b) - board.load(a));
    const [from] = candidates;
    if (from === undefined) continue;
    const others = nodes.filter((name) => name !== from);
    const to = board.target(others, [...leaving, from]);
    if (to === undefined || others.some((name) => board.zone(name) === board.zone(to))) continue;
    return { kind: 'replace', group: id, from, to };
  }
  return undefined;
}

/** From a node that has most to one that has least, as long as they differ by more than one. */
function evenStep(board: Board): Step | undefined {
  const byLoad = board.takers
    .map(({ name }) => ({ name, load: board.load(name) }))
    .sort((a, b) => a.load - b.load);
  for (const from of byLoad.toReversed()) {
    for (const to of byLoad) {
      if (from.load - to.load < 2) break;
      const step = evenStepBetween(board, from.name, to.name);
      if (step) return step;
    }
  }
  return undefined;
}

function evenStepBetween(board: Board, from: NodeName, to: NodeName): Step | undefined {
  const candidates = board.groups.filter((group) => {
    const { nodes, leaving } = group;
    if (!board.isWhole(group) || !nodes.includes(from)) return false;
    if (nodes.includes(to) || leaving.includes(to)) return false;
    const after = nodes.map((name) => (name === from ? to : name));
    return board.zones(after) >= board.zones(nodes);
  });
  // Whoever leads goes only where leaders are fewer.
  const wantsLead = board.leads(from) - board.leads(to) >= 2;
  const rank = ({ nodes }: Seats) => ((nodes[0] === from) === wantsLead ? 0 : 1);
  const [best] = candidates.sort((a, b) => rank(a) - rank(b) || a.id - b.id);
  return best && { kind: 'replace', group: best.id, from, to };
}

/** Leaders are spread by naming another one: nothing moves. */
function preferStep(board: Board): Step | undefined {
  for (const { id, nodes, changing } of board.groups) {
    const [first, ...others] = nodes;
    if (changing || id <= CONTROLLER_GROUP || first === undefined) continue;
    const takers = others.filter((name) => board.isTaker(name));
    takers.sort((a, b) => board.leads(a) - board.leads(b));
    const [node] = takers;
    if (node === undefined || board.leads(first) - board.leads(node) < 2) continue;
    return { kind: 'prefer', group: id, node };
  }
  return undefined;
}
