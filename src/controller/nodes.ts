import { assigned } from './assignment.ts';
import { type Change, type ControllerState, DONE, refused } from './change.ts';
import type { Command } from './command.ts';
import { holdersOf } from './placement.ts';
import type {
  ClusterMap,
  GroupId,
  GroupRecord,
  MemberRecord,
  NodeName,
  NodeRecord,
  ReplicaRecord,
} from './types.ts';

/**
 * Those that are lost may have counted further than whoever goes on without them, and others may have seen maps of theirs: what comes
 * now has to be newer. More than there can be in the time that it takes to be heard by a node and not by a controller.
 */
const LOST_MAPS = 1_000;

export function addNode({ map }: ControllerState, { node }: Command<'add-node'>): Change {
  const { name, incarnation, http, peer, zone } = node;
  if (map.removed.some((gone) => gone.incarnation === incarnation)) {
    return refused(`node ${name} was removed from the cluster: an empty data directory may join`);
  }
  const known = map.nodes.find((other) => other.name === name);
  if (known && known.incarnation !== incarnation) {
    return refused(
      `the cluster has a node ${name} with another data directory: remove that one first ` +
        `(flotilla nodes remove ${name}), or take another name`,
    );
  }
  const twin = map.nodes.find((other) => other.name !== name && other.peer === peer);
  if (twin) return refused(`node ${twin.name} of the cluster has the address ${peer}`);
  if (!known) {
    const nodes = [...map.nodes, { ...node, draining: false, group: 0 }];
    return { ...DONE, head: { map: { ...map, nodes } } };
  }
  if (hasAddresses(known, node)) return DONE;
  const nodes = map.nodes.map((other) =>
    other === known ? { ...known, http, peer, zone } : other,
  );
  return { ...DONE, head: { map: { ...map, nodes } } };
}

export function drainNode(state: ControllerState, { node: name }: Command<'drain-node'>): Change {
  const { map } = state;
  const node = map.nodes.find((other) => other.name === name);
  if (!node) return refused(`there is no node ${name}`);
  if (node.draining) return DONE;
  if (map.nodes.every((other) => other === node || other.draining)) {
    return refused(`there is no node that could take over what ${name} has`);
  }
  const nodes = map.nodes.map((other) => (other === node ? { ...node, draining: true } : other));
  return withoutGroupsOf({ ...state, map: { ...map, nodes } }, [node]);
}

export function removeNode(state: ControllerState, { node: name }: Command<'remove-node'>): Change {
  const { map } = state;
  const node = map.nodes.find((other) => other.name === name);
  if (!node) {
    const isGone = map.removed.some((gone) => gone.name === name);
    return isGone ? DONE : refused(`there is no node ${name}`);
  }
  const held = groupsOn(map, name);
  if (held.length > 0) {
    return refused(`node ${name} holds replicas of ${namesOf(held)}: drain it first, and wait`);
  }
  return without(state, [node]);
}

/** A group that is left by some of its replicas goes on with the others, and gets new ones where there are nodes for them. */
export function forgetNodes(state: ControllerState, command: Command<'forget-nodes'>): Change {
  const { map } = state;
  const names = new Set(command.nodes);
  const lost = map.nodes.filter(({ name }) => names.has(name));
  const isLost = ({ node }: ReplicaRecord) => names.has(node);
  const isGone = (group: GroupRecord) => holdersOf(group).every((name) => names.has(name));
  const gone = map.groups.filter(isGone).map(({ id }) => id);
  if (gone.length > 0) {
    return refused(`of ${namesOf(gone)} nothing is left elsewhere: that data is gone`);
  }
  if (lost.length === 0) {
    const areGone = command.nodes.every((name) => map.removed.some((node) => node.name === name));
    return areGone ? DONE : refused(`there is no node ${command.nodes.join(', ')}`);
  }
  const groups = map.groups.map((group): GroupRecord => {
    if (!holdersOf(group).some((name) => names.has(name))) return group;
    const staying = (records: readonly ReplicaRecord[]) => records.filter((one) => !isLost(one));
    const [replicas, leaving] = [staying(group.replicas), staying(group.leaving)];
    // Where only those are left that were to go, they stay.
    const left = replicas.length > 0 ? { replicas, leaving } : { replicas: leaving, leaving: [] };
    return { ...group, ...left, plan: group.plan + 1, changing: true };
  });
  return { ...without({ ...state, map: { ...map, groups } }, lost), skips: LOST_MAPS };
}

/** A node is where the other record says, too. */
export function hasAddresses(known: NodeRecord, { http, peer, zone }: NodeRecord): boolean {
  return known.http === http && known.peer === peer && known.zone === zone;
}

/** Nodes that hold nothing any more go for good, and whoever comes back with their directories is told so. */
function without(state: ControllerState, gone: readonly MemberRecord[]): Change {
  const { map } = state;
  const nodes = map.nodes.filter((node) => !gone.includes(node));
  const removed = [...map.removed, ...gone.map(({ name, incarnation }) => ({ name, incarnation }))];
  return withoutGroupsOf({ ...state, map: { ...map, nodes, removed } }, gone);
}

/** The group that a node has brought goes with it. */
function withoutGroupsOf(state: ControllerState, gone: readonly MemberRecord[]): Change {
  const brought = gone.map(({ group }) => group).filter((group) => group > 0);
  const groups = state.map.groups.map((group) =>
    brought.includes(group.id) ? { ...group, joined: false, retiring: true } : group,
  );
  return assigned(state, groups, {});
}

function namesOf(groups: readonly GroupId[]): string {
  return `${groups.length > 1 ? 'groups' : 'group'} ${groups.join(', ')}`;
}

function groupsOn({ groups }: ClusterMap, name: NodeName): number[] {
  return groups.filter((group) => holdersOf(group).includes(name)).map(({ id }) => id);
}
