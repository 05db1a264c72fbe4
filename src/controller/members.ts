import { type Change, type ControllerState, DONE, refused } from './change.ts';
import type { Command } from './command.ts';
import { controllerGroup, initialGroups } from './placement.ts';
import { arrivingOf } from './spread.ts';
import { replaced, stateAfter, withGroup } from './steps.ts';
import { NO_GROUP } from './types.ts';

export function form({ map }: ControllerState, command: Command<'form'>): Change {
  if (map.number > 0) return DONE;
  const { clusterId } = command;
  const controller = controllerGroup(command.nodes);
  const data = initialGroups(command.nodes, controller.replicas.length + 1, command.groups);
  const groups = [controller, ...data];
  const replicas = groups.reduce((sum, group) => sum + group.replicas.length, 0);
  const nodes = command.nodes.map((node, i) => ({
    ...node,
    draining: false,
    group: groups[i + 1] ? i + 1 : NO_GROUP,
  }));
  return {
    ...DONE,
    head: {
      map: { ...map, clusterId, nodes, groups },
      nextReplica: 1 + replicas,
      nextGroup: groups.length,
    },
  };
}

export function moveReplica(
  state: ControllerState,
  { group: id, from, to }: Command<'move-replica'>,
): Change {
  const { map } = state;
  const group = map.groups.find((other) => other.id === id);
  const node = map.nodes.find(({ name }) => name === to);
  if (!group || !node) return refused(`there is no ${group ? `node ${to}` : `group ${id}`}`);
  const has = (name: string) => group.replicas.some((replica) => replica.node === name);
  if (!has(from) && has(to)) return DONE;
  if (!has(from)) return refused(`group ${id} has no replica on ${from}`);
  if (has(to)) return refused(`group ${id} has a replica on ${to} already`);
  if (group.changing) return refused(`a replica of group ${id} is moving`);
  return replaced(state, group, from, to);
}

/**
 * The old ones may go at once: they are in quarantine, so that nothing that their groups have promised rests on them. Where a group
 * changes, one waits for that, unless it may be what the change waits for.
 */
export function renewReplicas(
  state: ControllerState,
  { replicas }: Command<'renew-replicas'>,
): Change {
  let now = state;
  for (const { group: id, replica } of replicas) {
    const group = now.map.groups.find((other) => other.id === id);
    const old = group?.replicas.find((record) => record.replica === replica);
    if (!group || !old || (group.changing && !arrivingOf(group).includes(old))) continue;
    now = stateAfter(now, replaced(now, group, old.node, old.node));
  }
  return now === state ? DONE : { ...DONE, head: now };
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
  if (!group?.changing || command.plan !== group.plan || !isIt) return DONE;
  return { ...DONE, head: { map: withGroup(map, { ...group, leaving: [], changing: false }) } };
}
