import { assigned } from './assignment.ts';
import { type Change, type ControllerState, DONE, refused } from './change.ts';
import type { Command } from './command.ts';
import { holdersOf } from './placement.ts';
import type { ClusterMap, NodeName, NodeRecord } from './types.ts';

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
  return withoutGroupOf({ ...state, map: { ...map, nodes } }, node.group);
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
    const groups = `${held.length > 1 ? 'groups' : 'group'} ${held.join(', ')}`;
    return refused(`node ${name} holds replicas of ${groups}: drain it first, and wait`);
  }
  const nodes = map.nodes.filter((other) => other !== node);
  const removed = [...map.removed, { name, incarnation: node.incarnation }];
  return withoutGroupOf({ ...state, map: { ...map, nodes, removed } }, node.group);
}

/** A node is where the other record says, too. */
export function hasAddresses(known: NodeRecord, { http, peer, zone }: NodeRecord): boolean {
  return known.http === http && known.peer === peer && known.zone === zone;
}

/** The group that a node has brought goes with it. */
function withoutGroupOf(state: ControllerState, brought: number): Change {
  const groups = state.map.groups.map((group) =>
    group.id === brought && brought > 0 ? { ...group, joined: false, retiring: true } : group,
  );
  return assigned(state, groups, {});
}

function groupsOn({ groups }: ClusterMap, name: NodeName): number[] {
  return groups.filter((group) => holdersOf(group).includes(name)).map(({ id }) => id);
}
