import { findShard, startMove, successors, withShards } from './catalogue.ts';
import { type Change, type ControllerState, DONE, refused } from './change.ts';
import type { Command } from './command.ts';
import type { ShardRecord, Table } from './types.ts';

const HASH = /^[0-9a-f]{16}$/;
const HASHES = 1n << 64n;

/** The two new shards get their ids now, so that their group and whoever looks for them know them. */
export function splitShard(state: ControllerState, command: Command<'split-shard'>): Change {
  const { shard, at } = command;
  const { table, record } = findShard(state.map, shard) ?? {};
  if (!table || !record) return refused(`there is no shard ${shard}`);
  const reason = busyWith(table, record);
  if (reason !== undefined) return refused(reason);
  const { hashStart: start, hashEnd: end } = record;
  const middle = at ?? middleOf(start, end);
  const isInside = HASH.test(middle) && middle > start && (end === '' || middle < end);
  if (!isInside) {
    return refused(
      `shard ${shard} covers ${start} to ${end || 'the end'}: ${middle} divides nothing`,
    );
  }
  const { nextShard } = state;
  const into = [nextShard, nextShard + 1] as const;
  const next: ShardRecord = { ...record, becomes: { kind: 'split', at: middle, into } };
  return planned(table, [next], nextShard + into.length);
}

export function mergeShards(state: ControllerState, command: Command<'merge-shards'>): Change {
  const { table, record: lower } = findShard(state.map, command.shard) ?? {};
  const upper = table?.shards.find(({ id }) => id === command.next);
  if (!table || !lower || !upper) {
    return refused(`there are no shards ${command.shard} and ${command.next} of one table`);
  }
  const reason = busyWith(table, lower) ?? busyWith(table, upper);
  if (reason !== undefined) return refused(reason);
  if (lower.hashEnd !== upper.hashStart) {
    return refused(`shard ${upper.id} does not begin where shard ${lower.id} ends`);
  }
  if (lower.group !== upper.group) {
    return refused(`shard ${lower.id} is on group ${lower.group}, ${upper.id} on ${upper.group}`);
  }
  const into = state.nextShard;
  const plan = ({ id }: ShardRecord) => ({ kind: 'merge', other: id, into }) as const;
  const next = [
    { ...lower, becomes: plan(upper) },
    { ...upper, becomes: plan(lower) },
  ];
  return planned(table, next, into + 1);
}

/** What came of it may have to move on. */
export function shardReshaped(
  { map }: ControllerState,
  command: Command<'shard-reshaped'>,
): Change {
  const { table, record } = findShard(map, command.shard) ?? {};
  if (!table || !record?.becomes || record.epoch !== command.epoch) return DONE;
  const { becomes, id } = record;
  const isDone = (shard: ShardRecord) =>
    shard.id === id || (becomes.kind === 'merge' && shard.id === becomes.other);
  const done = table.shards.filter(isDone);
  const made = successors(done).map(startMove);
  const at = table.shards.findIndex(isDone);
  const shards = table.shards.toSpliced(at, done.length, ...made);
  return { ...DONE, tables: [{ id: table.id, next: { ...table, shards } }] };
}

function planned(table: Table, next: readonly ShardRecord[], nextShard: number): Change {
  return {
    ...DONE,
    head: { nextShard },
    tables: [{ id: table.id, next: withShards(table, next) }],
  };
}

/** Its changes happen one at a time (C2). Undefined: it can be split or merged. */
function busyWith({ status, spec }: Table, record: ShardRecord): string | undefined {
  const { id, state, movingTo, becomes, home, group } = record;
  if (status === 'DELETING') return `table ${spec.name} of shard ${id} is being deleted`;
  if (state !== 'serving') return `shard ${id} is not served yet`;
  if (movingTo !== 0 || (home !== 0 && home !== group)) return `shard ${id} moves`;
  if (becomes) return `shard ${id} is being ${becomes.kind === 'split' ? 'split' : 'merged'}`;
  return undefined;
}

function middleOf(start: string, end: string): string {
  const [from, to] = [BigInt(`0x${start}`), end === '' ? HASHES : BigInt(`0x${end}`)];
  return ((from + to) / 2n).toString(16).padStart(16, '0');
}
