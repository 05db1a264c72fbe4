import { type Change, type ControllerState, DONE } from './change.ts';
import type { Command, ControllerOutcome } from './command.ts';
import { initialShards } from './placement.ts';
import type { ClusterMap, GroupId, ShardId, ShardRecord, Table } from './types.ts';

export function createTable(
  { map, nextTable, nextShard }: ControllerState,
  { spec, uuid, createdAt, shards: wanted }: Command<'create-table'>,
): Change {
  const existing = map.tables.find((table) => table.spec.name === spec.name);
  if (existing) {
    const outcome: ControllerOutcome =
      existing.uuid === uuid ? { kind: 'created', table: existing } : { kind: 'exists' };
    return { outcome };
  }
  const shards = initialShards(map.groups, map.tables, nextShard, wanted);
  const table: Table = {
    id: nextTable,
    spec,
    status: 'CREATING',
    createdAt,
    uuid,
    deletion: '',
    shards,
  };
  return {
    outcome: { kind: 'created', table },
    head: { nextTable: nextTable + 1, nextShard: nextShard + shards.length },
    tables: [{ id: table.id, next: table }],
  };
}

/** What is under way with its shards ends nowhere: whoever has something of them deletes it. */
export function deleteTable(
  { map }: ControllerState,
  { table: id, deletion }: Command<'delete-table'>,
): Change {
  const table = map.tables.find((other) => other.id === id);
  if (!table) return { outcome: { kind: 'no-table' } };
  if (table.status === 'DELETING' && table.deletion === deletion) {
    return { outcome: { kind: 'deleting', table } };
  }
  if (table.status !== 'ACTIVE') return { outcome: { kind: 'busy', table } };
  if (table.spec.deletionProtection) return { outcome: { kind: 'protected', table } };
  const shards = table.shards.map((shard): ShardRecord => {
    return { ...shard, movingTo: 0, home: shard.group, becomes: undefined };
  });
  const next: Table = { ...table, status: 'DELETING', deletion, shards };
  return { outcome: { kind: 'deleting', table: next }, tables: [{ id, next }] };
}

export function shardServing(
  { map }: ControllerState,
  { shard, epoch }: Command<'shard-serving'>,
): Change {
  const { table, record } = findShard(map, shard) ?? {};
  if (!table || record?.epoch !== epoch || record.state === 'serving') return DONE;
  const next = withShards(table, [startMove({ ...record, state: 'serving' })]);
  const isReady =
    table.status === 'CREATING' && next.shards.every((one) => one.state === 'serving');
  const status = isReady ? 'ACTIVE' : table.status;
  return { ...DONE, tables: [{ id: table.id, next: { ...next, status } }] };
}

export function shardGone({ map }: ControllerState, { shard }: Command<'shard-gone'>): Change {
  const { table } = findShard(map, shard) ?? {};
  if (table?.status !== 'DELETING') return DONE;
  const shards = table.shards.filter(({ id }) => id !== shard);
  const next = shards.length > 0 ? { ...table, shards } : undefined;
  return { ...DONE, tables: [{ id: table.id, next }] };
}

/**
 * A shard that is where it should not be begins to move, unless nobody has it yet or something else is under way with it: its changes
 * happen one at a time, in order (C2).
 */
export function startMove(shard: ShardRecord): ShardRecord {
  const { group, movingTo, home, state, becomes } = shard;
  if (state !== 'serving' || movingTo !== 0 || becomes || home === 0 || home === group)
    return shard;
  return { ...shard, movingTo: home };
}

/** The groups that have shards, are to have some, or are fetching one. */
export function groupsInUse({ tables }: ClusterMap): Set<GroupId> {
  const shards = tables.flatMap((table) => table.shards);
  return new Set(shards.flatMap(({ group, movingTo, home }) => [group, movingTo, home]));
}

/** A shard and the table that it is of. */
export function findShard(
  { tables }: Pick<ClusterMap, 'tables'>,
  shard: ShardId,
): { readonly table: Table; readonly record: ShardRecord } | undefined {
  for (const table of tables) {
    const record = table.shards.find(({ id }) => id === shard);
    if (record) return { table, record };
  }
  return undefined;
}

/**
 * What shards of a table, in the order of their hashes, are once everything that is under way with them is done: moves, splits and
 * merges. For two that merge both must be among them.
 */
export function successors(shards: readonly ShardRecord[]): ShardRecord[] {
  return shards.flatMap((shard) => {
    const { movingTo, becomes } = shard;
    const epoch = shard.epoch + 1;
    if (movingTo !== 0) return { ...shard, group: movingTo, movingTo: 0, epoch };
    if (!becomes) return shard;
    const from = { ...shard, becomes: undefined, parents: [shard.id] };
    if (becomes.kind === 'split') {
      const { at, into } = becomes;
      return [
        { ...from, id: into[0], hashEnd: at, epoch },
        { ...from, id: into[1], hashStart: at, epoch },
      ];
    }
    const other = shards.find(({ id }) => id === becomes.other);
    if (!other)
      throw new Error(`shard ${shard.id} merges with ${becomes.other}, which is not there`);
    if (other.hashStart < shard.hashStart) return [];
    return {
      ...from,
      id: becomes.into,
      hashEnd: other.hashEnd,
      epoch: Math.max(epoch, other.epoch + 1),
      parents: [shard.id, other.id],
    };
  });
}

/** The table has some of its shards in a new form. */
export function withShards(table: Table, next: readonly ShardRecord[]): Table {
  const shards = table.shards.map((shard) => next.find(({ id }) => id === shard.id) ?? shard);
  return { ...table, shards };
}
