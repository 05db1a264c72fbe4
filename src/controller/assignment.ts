import { balance, type WeighedShard } from './balance.ts';
import { findShard, startMove, successors, withShards } from './catalogue.ts';
import { type Change, type ControllerState, DONE, refused } from './change.ts';
import type { Command } from './command.ts';
import { newGroup, replicaOn } from './placement.ts';
import type {
  GroupId,
  GroupRecord,
  NodeName,
  NodeRecord,
  ReplicaRecord,
  ShardId,
  ShardRecord,
  Table,
} from './types.ts';

/** All of them or none. */
export function join(state: ControllerState, command: Command<'join'>): Change {
  let { nextReplica, nextGroup } = state;
  const groups = new Map(state.map.groups.map((group) => [group.id, group]));
  for (const { id, nodes } of command.groups) {
    if (!(Number.isSafeInteger(id) && id > 0)) return refused(`${id} is no number of a group`);
    const known = groups.get(id);
    if (known) {
      if (!isOn(known, nodes)) return refused(`group ${id} exists, and is on other nodes`);
      groups.set(id, { ...known, joined: true, retiring: false });
      continue;
    }
    if (nodes.length === 0) return refused(`there is no group ${id}, and a new one needs nodes`);
    const twice = nodes.find((name, i) => nodes.indexOf(name) < i);
    if (twice !== undefined)
      return refused(`group ${id} can have one replica on ${twice}, not two`);
    const records: NodeRecord[] = [];
    for (const name of nodes) {
      const record = state.map.nodes.find((node) => node.name === name);
      if (!record) return refused(`there is no node ${name}`);
      records.push(record);
    }
    const replicas = records.map((record) => replicaOn(record, nextReplica++));
    groups.set(id, newGroup(id, replicas));
    nextGroup = Math.max(nextGroup, id + 1);
  }
  const next = sorted(groups.values());
  if (isSame(next, state.map.groups)) return DONE;
  return assigned(state, next, { nextReplica, nextGroup });
}

/** All of them or none. */
export function leave(state: ControllerState, command: Command<'leave'>): Change {
  const unknown = command.groups.find((id) => state.map.groups.every((group) => group.id !== id));
  if (unknown !== undefined) return refused(`there is no group ${unknown}`);
  const groups = state.map.groups.map((group) =>
    command.groups.includes(group.id) ? { ...group, joined: false } : group,
  );
  return isSame(groups, state.map.groups) ? DONE : assigned(state, groups, {});
}

export function moveShard({ map }: ControllerState, { shard, to }: Command<'move-shard'>): Change {
  const { table, record } = findShard(map, shard) ?? {};
  if (!table || !record) return refused(`there is no shard ${shard}`);
  if (table.status === 'DELETING') return refused(`the table of shard ${shard} is being deleted`);
  const group = map.groups.find(({ id }) => id === to);
  if (!group?.joined) return refused(`group ${to} ${group ? 'has left' : 'does not exist'}`);
  if (record.home === to) return DONE;
  const next = withShards(table, [settle({ ...record, home: to })]);
  return { ...DONE, tables: [{ id: table.id, next }] };
}

/** One that arrived may have to go on at once: its changes happen one at a time, in order (C2). */
export function shardMoved({ map }: ControllerState, command: Command<'shard-moved'>): Change {
  const { shard, epoch } = command;
  const { table, record } = findShard(map, shard) ?? {};
  if (!table || !record || record.epoch + 1 !== epoch || record.movingTo === 0) return DONE;
  const arrived = successors([record]).map(startMove);
  return { ...DONE, tables: [{ id: table.id, next: withShards(table, arrived) }] };
}

/** With these groups, and the shards spread over them with as few moves as can be (C1). */
export function assigned(
  { map }: ControllerState,
  groups: readonly GroupRecord[],
  counters: Partial<Pick<ControllerState, 'nextReplica' | 'nextGroup'>>,
): Change {
  const head = { map: { ...map, groups }, ...counters };
  const joined = groups.filter((group) => group.joined).map(({ id }) => id);
  const living = map.tables.filter(({ status }) => status !== 'DELETING');
  const homes = newHomes(living, joined);
  const tables: { id: number; next: Table }[] = [];
  for (const table of living) {
    if (table.shards.every(({ id, home }) => homes.get(id) === home)) continue;
    const shards = table.shards.map((shard) => {
      const home = homes.get(shard.id) as GroupId;
      return home === shard.home ? shard : settle({ ...shard, home });
    });
    tables.push({ id: table.id, next: { ...table, shards } });
  }
  return { ...DONE, head, tables };
}

/**
 * The home of each shard. Without a group that could have them they stay where they are, and have none; when groups come again,
 * each that is with one of those stays there if it can.
 */
function newHomes(tables: readonly Table[], joined: readonly GroupId[]): Map<ShardId, GroupId> {
  const shards = tables.flatMap((table) =>
    table.shards.map(({ id, home, movingTo, group }): WeighedShard => {
      return { id, table: table.id, group: home || movingTo || group, weight: 1 };
    }),
  );
  if (joined.length === 0) return new Map(shards.map(({ id }) => [id, 0]));
  const homes = new Map(shards.map(({ id, group }) => [id, group]));
  for (const { shard, to } of balance(shards, joined)) homes.set(shard, to);
  return homes;
}

/** A repeated join names the nodes that the group was born on, wherever it is now. Where none are named any will do. */
function isOn({ replicas, born }: GroupRecord, nodes: readonly NodeName[]): boolean {
  const isThese = (records: readonly ReplicaRecord[]) =>
    records.length === nodes.length && records.every(({ node }) => nodes.includes(node));
  return nodes.length === 0 || isThese(replicas) || isThese(born);
}

/** A shard that no group has yet need not move to its home. */
function settle(shard: ShardRecord): ShardRecord {
  if (shard.group === 0) return { ...shard, group: shard.home };
  return startMove(shard);
}

function sorted(groups: Iterable<GroupRecord>): GroupRecord[] {
  return [...groups].sort((a, b) => a.id - b.id);
}

function isSame(a: readonly GroupRecord[], b: readonly GroupRecord[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
