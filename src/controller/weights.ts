import { stepsToBalance } from './balance.ts';
import { findShard } from './catalogue.ts';
import type { Command } from './command.ts';
import { shardsOfNewTable } from './placement.ts';
import type { ClusterMap, ShardId, ShardRecord, Table } from './types.ts';

/** What a shard costs the group that serves it. */
export interface ShardWeight {
  /** Sum of the item sizes by DynamoDB's rules. */
  readonly bytes: number;
  /** Reads and writes a second at the group's leader. */
  readonly perSecond: number;
}

export type Weights = ReadonlyMap<ShardId, ShardWeight>;

/** From when on shards are split and merged. */
export interface Thresholds {
  readonly splitBytes: number;
  readonly splitPerSecond: number;
  /** How long a shard has had that much to do before it is split. */
  readonly splitAfterMs: number;
  /** How long two neighbours were small and idle before they are merged. */
  readonly mergeAfterMs: number;
}

export const THRESHOLDS: Thresholds = {
  splitBytes: 1024 ** 3,
  splitPerSecond: 2_000,
  splitAfterMs: 30_000,
  mergeAfterMs: 60 * 60_000,
};

/** Two that merge have together at most this part of what one is split at, or they would be split again soon. */
const COLD = 1 / 4;
/** A shard with nothing in it counts, so that those are spread, too. */
const LEAST = 1 / 64;
/** Groups differ by this part of their mean weight before something moves, and by this part of a shard that is about to split. */
const TOLERANCE = 0.2;
const LEAST_GAP = 1 / 4;
/** More shards of a table than so many for each group, and its load is as spread as it can be. */
const SHARDS_PER_GROUP = 4;

const NOTHING: ShardWeight = { bytes: 0, perSecond: 0 };

/** Why a shard should be split, if it should. */
export function heavinessOf(
  { bytes, perSecond }: ShardWeight,
  { splitBytes, splitPerSecond }: Thresholds,
): 'large' | 'busy' | undefined {
  if (bytes > splitBytes) return 'large';
  return perSecond > splitPerSecond ? 'busy' : undefined;
}

/** Nothing is under way with it, and if it is split for its load, there is somewhere for that to go. */
export function canSplit(
  { groups, tables }: ClusterMap,
  id: ShardId,
  heaviness: 'large' | 'busy',
): boolean {
  const { table, record } = findShard({ tables }, id) ?? {};
  if (!table || !record || !isShardAtRest(record)) return false;
  const joined = groups.filter((group) => group.joined).length;
  return heaviness === 'large' || table.shards.length < SHARDS_PER_GROUP * joined;
}

/** Nothing is under way: no shard and no group changes. */
export function isAtRest({ groups, tables }: ClusterMap): boolean {
  return (
    groups.every(({ changing, retiring }) => !changing && !retiring) &&
    tables.every(({ shards }) => shards.every(isShardAtRest))
  );
}

/**
 * The move of one shard that by itself evens out best what the groups have to bear; undefined where they bear about the same, or where a weight
 * is not known.
 */
export function eveningMove(
  { groups, tables }: ClusterMap,
  weights: Weights,
  thresholds: Thresholds,
): Command<'move-shard'> | undefined {
  const joined = groups.filter((group) => group.joined).map(({ id }) => id);
  const living = livingShards(tables);
  if (living.some(({ shard }) => !weights.has(shard.id))) return undefined;
  const shards = living.map(({ table, shard: { id, group } }) => {
    const weight = LEAST + shareOf(weights.get(id) ?? NOTHING, thresholds);
    return { id, table: table.id, group, weight };
  });
  const mean = shards.reduce((sum, { weight }) => sum + weight, 0) / joined.length;
  const [move] = stepsToBalance(shards, joined, Math.max(TOLERANCE, LEAST_GAP / mean));
  return move && { kind: 'move-shard', shard: move.shard, to: move.to };
}

/**
 * Neighbours that may become one: small and with little to do, of a table that has more shards than a new one would begin with. A
 * shard whose weight nobody told is in none.
 */
export function coldPairs(
  { groups, tables }: ClusterMap,
  weights: Weights,
  thresholds: Thresholds,
): (readonly [lower: ShardRecord, upper: ShardRecord])[] {
  const fewest = shardsOfNewTable(groups);
  return tables.flatMap(({ status, shards }) => {
    if (status !== 'ACTIVE' || shards.length <= fewest) return [];
    return shards.slice(1).flatMap((upper, i) => {
      const lower = shards[i] as ShardRecord;
      const pair = [weights.get(lower.id), weights.get(upper.id)];
      const isCold = (of: (weight: ShardWeight) => number, most: number) =>
        pair.reduce((sum, weight) => sum + (weight ? of(weight) : Number.POSITIVE_INFINITY), 0) <=
        COLD * most;
      const isPair =
        isCold(({ bytes }) => bytes, thresholds.splitBytes) &&
        isCold(({ perSecond }) => perSecond, thresholds.splitPerSecond);
      return isPair ? [[lower, upper] as const] : [];
    });
  });
}

/** Of two neighbours: where they are on different groups, the upper one moves to the lower one's first. */
export function mergingOf(
  lower: ShardRecord,
  upper: ShardRecord,
): Command<'merge-shards'> | Command<'move-shard'> {
  if (lower.group === upper.group) {
    return { kind: 'merge-shards', shard: lower.id, next: upper.id };
  }
  return { kind: 'move-shard', shard: upper.id, to: lower.group };
}

/** It is served where it should be, and nothing is under way with it. */
export function isShardAtRest({ state, movingTo, becomes, home, group }: ShardRecord): boolean {
  return state === 'serving' && movingTo === 0 && !becomes && (home === 0 || home === group);
}

/** 1: what a shard is about to be split at. */
function shareOf({ bytes, perSecond }: ShardWeight, thresholds: Thresholds): number {
  return bytes / thresholds.splitBytes + perSecond / thresholds.splitPerSecond;
}

function livingShards(tables: readonly Table[]) {
  const living = tables.filter(({ status }) => status !== 'DELETING');
  return living.flatMap((table) => table.shards.map((shard) => ({ table, shard })));
}
