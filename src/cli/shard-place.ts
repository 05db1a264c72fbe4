import type { ClusterStatus } from '../node/index.ts';

type ShardStatus = ClusterStatus['tables'][number]['shards'][number];

const BAR_CHARACTERS = 10;

/** Where a shard is and what is under way with it; while it moves, a bar of how much of it has come over. */
export function placeOf({ group, movingTo, becomes, progress }: ShardStatus): string {
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
