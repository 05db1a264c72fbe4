import type { ClusterStatus } from '../node/index.ts';
import { styled } from './style.ts';

type ShardStatus = ClusterStatus['tables'][number]['shards'][number];

const BAR_CHARACTERS = 10;

/** What each table of shards shows of them: the heads of its columns, and the cells of a shard. */
export const SHARD_HEAD = ['from hash', 'to hash', 'group', 'state', 'items', 'bytes', 'per s'];

export function shardCells(shard: ShardStatus): string[] {
  const { hashStart, hashEnd, state, items, bytes, perSecond } = shard;
  const shownState = styled(state === 'serving' ? 'green' : 'red', state);
  const numbers = [`${items}`, `${bytes}`, perSecond.toFixed(0)];
  return [hashStart, hashEnd || 'end', placeOf(shard), shownState, ...numbers];
}

/** Where a shard is and what is under way with it; while it moves, a bar of how much of it has come over. */
function placeOf({ group, movingTo, becomes, progress }: ShardStatus): string {
  if (movingTo !== 0) return `${group} -> group ${movingTo} ${bar(progress ?? 0)}`;
  if (becomes === '') return `${group}`;
  return `${group}, ${becomes === 'split' ? 'splits' : 'merges'}`;
}

/** `part`: 0 to 1. */
function bar(part: number): string {
  const full = Math.floor(part * BAR_CHARACTERS);
  const percent = Math.floor(100 * part);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_CHARACTERS - full)}] ${percent} %`;
}
