import { assigned } from './assignment.ts';
import { type Change, type ControllerState, DONE } from './change.ts';
import type { Command } from './command.ts';
import { withRecordChanges } from './map-changes.ts';
import { newGroup, replicaOn } from './placement.ts';
import { nextSteps, type Step } from './spread.ts';
import {
  type ClusterMap,
  type GroupRecord,
  type MemberRecord,
  NO_GROUP,
  type NodeName,
  type Table,
} from './types.ts';

/** Takes the next steps of the placement, in order. Decided on the state alone, so that repeating it does no harm. */
export function place(state: ControllerState, { down, dead }: Command<'place'>): Change {
  let now = state;
  const changed = new Map<number, { id: number; next: Table | undefined }>();
  const steps = nextSteps(state.map, { down, dead });
  for (const step of steps) {
    const change = taken(now, step);
    for (const table of change.tables ?? []) changed.set(table.id, table);
    now = stateAfter(now, change);
  }
  if (steps.length === 0) return DONE;
  return { ...DONE, head: now, tables: [...changed.values()] };
}

/**
 * A replica of the group is to be on another node; `from` and `to` are nodes of the map, undefined for none. Where they are the same
 * one nobody waits for the replica that was there: it goes at once. Where `to` has one that was to go, that one stays.
 */
export function replaced(
  { map, nextReplica }: ControllerState,
  group: GroupRecord,
  from: NodeName | undefined,
  to: NodeName | undefined,
): Change {
  const staying = group.leaving.find(({ node }) => node === to);
  const made = to === undefined || staying ? [] : [replicaOn(nodeOf(map, to), nextReplica)];
  const added = staying ? [staying] : made;
  const isLeaving = ({ node }: { readonly node: NodeName }) => node === from;
  const leaving = from === to ? [] : group.replicas.filter(isLeaving);
  const replicas =
    from === undefined
      ? [...group.replicas, ...added]
      : group.replicas.flatMap((replica) => (isLeaving(replica) ? added : [replica]));
  const next: GroupRecord = {
    ...group,
    replicas,
    leaving: [...group.leaving.filter((replica) => replica !== staying), ...leaving],
    plan: group.plan + 1,
    changing: true,
  };
  const head = { map: withGroup(map, next), nextReplica: nextReplica + made.length };
  return { ...DONE, head };
}

export function withGroup(map: ClusterMap, next: GroupRecord): ClusterMap {
  return { ...map, groups: map.groups.map((group) => (group.id === next.id ? next : group)) };
}

function taken(state: ControllerState, step: Step): Change {
  const { map } = state;
  if (step.kind === 'new-group') return withNewGroup(state, step.nodes);
  const group = map.groups.find(({ id }) => id === step.group);
  if (!group) throw new Error(`step ${JSON.stringify(step)} is for a group that is not there`);
  switch (step.kind) {
    case 'replace':
      return replaced(state, group, step.from, step.to);
    case 'add':
      return replaced(state, group, undefined, step.to);
    case 'take-away':
      return replaced(state, group, step.from, undefined);
    case 'prefer': {
      const isFirst = ({ node }: { readonly node: NodeName }) => node === step.node;
      const others = group.replicas.filter((replica) => !isFirst(replica));
      const replicas = [...group.replicas.filter(isFirst), ...others];
      return { ...DONE, head: { map: withGroup(map, { ...group, replicas }) } };
    }
    case 'drop-group': {
      const groups = map.groups.filter(({ id }) => id !== group.id);
      const nodes = map.nodes.map((node) =>
        node.group === group.id ? { ...node, group: NO_GROUP } : node,
      );
      return { ...DONE, head: { map: { ...map, nodes, groups } } };
    }
  }
}

function withNewGroup(state: ControllerState, names: readonly NodeName[]): Change {
  const { map, nextGroup, nextReplica } = state;
  const replicas = names.map((name, i) => replicaOn(nodeOf(map, name), nextReplica + i));
  const nodes = map.nodes.map((node) =>
    node.name === names[0] ? { ...node, group: nextGroup } : node,
  );
  const counters = { nextReplica: nextReplica + names.length, nextGroup: nextGroup + 1 };
  const groups = [...map.groups, newGroup(nextGroup, replicas)];
  return assigned({ ...state, map: { ...map, nodes } }, groups, counters);
}

/** The map keeps its number: a decision may be made of several. */
export function stateAfter(
  state: ControllerState,
  { head = {}, tables = [] }: Change,
): ControllerState {
  const changed = tables.flatMap(({ next }) => next ?? []);
  const gone = tables.filter(({ next }) => !next).map(({ id }) => id);
  const map = {
    ...state.map,
    ...head.map,
    tables: withRecordChanges(state.map.tables, { changed, gone }),
  };
  return { ...state, ...head, map };
}

function nodeOf({ nodes }: ClusterMap, name: NodeName): MemberRecord {
  const node = nodes.find((other) => other.name === name);
  if (!node) throw new Error(`there is no node ${name} for a replica`);
  return node;
}
