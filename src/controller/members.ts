import { type Change, type ControllerState, DONE, refused } from './change.ts';
import type { ControllerCommand } from './command.ts';
import { controllerReplicas, initialGroups, replicaOn } from './placement.ts';
import type { ClusterMap, GroupRecord } from './types.ts';

type Command<Kind extends ControllerCommand['kind']> = ControllerCommand & { kind: Kind };

export function form(
  { map }: ControllerState,
  { clusterId, nodes, groups: count }: Command<'form'>,
): Change {
  if (map.number > 0) return DONE;
  const firstReplica = controllerReplicas(nodes).length + 1;
  const groups = initialGroups(nodes, firstReplica, count);
  const replicas = groups.reduce((sum, group) => sum + group.replicas.length, 0);
  return {
    ...DONE,
    head: { map: { clusterId, nodes, groups }, nextReplica: firstReplica + replicas },
  };
}

export function moveReplica(
  { map, nextReplica }: ControllerState,
  { group: id, from, to }: Command<'move-replica'>,
): Change {
  const group = map.groups.find((other) => other.id === id);
  const node = map.nodes.find(({ name }) => name === to);
  if (!group || !node) return refused(`there is no ${group ? `node ${to}` : `group ${id}`}`);
  const has = (name: string) => group.replicas.some((replica) => replica.node === name);
  if (!has(from) && has(to)) return DONE;
  if (!has(from)) return refused(`group ${id} has no replica on ${from}`);
  if (has(to)) return refused(`group ${id} has a replica on ${to} already`);
  if (group.leaving.length > 0) return refused(`a replica of group ${id} is moving`);
  const added = replicaOn(node, nextReplica);
  const next: GroupRecord = {
    ...group,
    replicas: group.replicas.map((replica) => (replica.node === from ? added : replica)),
    leaving: group.replicas.filter((replica) => replica.node === from),
  };
  return { ...DONE, head: { map: withGroup(map, next), nextReplica: nextReplica + 1 } };
}

export function membersSettled(
  { map }: ControllerState,
  command: Command<'members-settled'>,
): Change {
  const group = map.groups.find((other) => other.id === command.group);
  const wanted = group?.replicas.map(({ replica }) => replica) ?? [];
  const isIt =
    wanted.length === command.replicas.length &&
    wanted.every((id) => command.replicas.includes(id));
  if (!group || group.leaving.length === 0 || !isIt) return DONE;
  return { ...DONE, head: { map: withGroup(map, { ...group, leaving: [] }) } };
}

function withGroup(map: ClusterMap, next: GroupRecord): ClusterMap {
  return { ...map, groups: map.groups.map((group) => (group.id === next.id ? next : group)) };
}
