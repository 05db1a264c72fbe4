import type { GroupId, ShardId, TableId } from './types.ts';

/** A shard as a weight on its group. */
export interface WeighedShard {
  readonly id: ShardId;
  readonly table: TableId;
  /** A group that is not among those that may have shards must give it away. */
  readonly group: GroupId;
  /** Above 0; alike for all where nothing is known of their bytes and load. */
  readonly weight: number;
}

export interface ShardMove {
  readonly shard: ShardId;
  readonly from: GroupId;
  readonly to: GroupId;
}

/**
 * What moves is lighter than the gap between the two groups by this part of itself. Otherwise the gap would be about the same afterwards, the
 * other way round: a weight that is a little different next time, or rounded differently, would have it moved back, and so on.
 */
const WORTH = 0.1;

/** What is on a group while a plan is made. */
interface Load {
  readonly group: GroupId;
  readonly shards: Set<WeighedShard>;
  /** Numbers of shards by table. */
  readonly counts: Map<TableId, number>;
  weight: number;
}

/**
 * The moves after which every shard is on one of the groups and no single move would even out much more (C1). With equal weights the
 * numbers of shards differ by at most one, and no plan moves fewer. Pure: equal in everything, in whatever order it comes, is
 * equal in the plan, so that all replicas of the controller make the same one.
 *
 * They belong together: some of them alone may make things worse. Whoever takes one at a time takes the first of
 * {@link stepsToBalance}.
 *
 * `tolerance`: a part of the mean weight of a group. Smaller differences are no reason to move anything.
 */
export function balance(
  shards: readonly WeighedShard[],
  groups: readonly GroupId[],
  tolerance = 0,
): readonly ShardMove[] {
  const moves = new Map<ShardId, ShardMove>();
  for (const { shard, from, to } of stepsToBalance(shards, groups, tolerance)) {
    moves.set(shard, { shard, from: moves.get(shard)?.from ?? from, to });
  }
  return [...moves.values()]
    .filter(({ from, to }) => from !== to)
    .sort((a, b) => a.shard - b.shard);
}

/** Each one evens out what the ones before it have left, and may take a shard on that one of them has moved. */
export function* stepsToBalance(
  shards: readonly WeighedShard[],
  groups: readonly GroupId[],
  tolerance: number,
): Generator<ShardMove, void> {
  if (groups.length === 0) return;
  const loads = new Map<GroupId, Load>();
  for (const group of [...groups].sort((a, b) => a - b)) {
    loads.set(group, { group, shards: new Set(), counts: new Map(), weight: 0 });
  }
  const homeless: WeighedShard[] = [];
  for (const shard of [...shards].sort((a, b) => a.id - b.id)) {
    const load = loads.get(shard.group);
    if (load) add(load, shard);
    else homeless.push(shard);
  }
  const all = [...loads.values()];
  // The heavy ones first, while there is most room for them.
  homeless.sort((a, b) => b.weight - a.weight || a.id - b.id);
  for (const shard of homeless) {
    const to = lightest(all, shard.table);
    add(to, shard);
    yield { shard: shard.id, from: shard.group, to: to.group };
  }
  const mean = shards.reduce((sum, { weight }) => sum + weight, 0) / groups.length;
  for (let next = bestMove(all, tolerance * mean); next; next = bestMove(all, tolerance * mean)) {
    const { shard, from, to } = next;
    remove(from, shard);
    add(to, shard);
    yield { shard: shard.id, from: from.group, to: to.group };
  }
}

/** From the heaviest group that has something for it to the lightest one: what evens the two out most. */
function bestMove(
  loads: readonly Load[],
  leastGap: number,
): { readonly shard: WeighedShard; readonly from: Load; readonly to: Load } | undefined {
  const to = loads.reduce((a, b) => (b.weight < a.weight ? b : a));
  const sources = loads.filter(({ weight }) => weight - to.weight > leastGap);
  sources.sort((a, b) => b.weight - a.weight || a.group - b.group);
  for (const from of sources) {
    const gap = from.weight - to.weight;
    let best: WeighedShard | undefined;
    let bestRest = gap;
    let bestSpread = 0;
    for (const shard of from.shards) {
      if (shard.weight * (1 + WORTH) > gap) continue;
      const rest = Math.abs(gap - 2 * shard.weight);
      const spread = countOf(from, shard.table) - countOf(to, shard.table);
      if (rest > bestRest) continue;
      if (rest === bestRest && spread <= bestSpread) continue;
      [best, bestRest, bestSpread] = [shard, rest, spread];
    }
    if (best) return { shard: best, from, to };
  }
  return undefined;
}

/** Of those that are equally light the one with the fewest shards of the table, so that a table is spread, too. */
function lightest(loads: readonly Load[], table: TableId): Load {
  return loads.reduce((a, b) => {
    if (a.weight !== b.weight) return b.weight < a.weight ? b : a;
    return countOf(b, table) < countOf(a, table) ? b : a;
  });
}

function countOf({ counts }: Load, table: TableId): number {
  return counts.get(table) ?? 0;
}

function add(load: Load, shard: WeighedShard): void {
  load.shards.add(shard);
  load.counts.set(shard.table, countOf(load, shard.table) + 1);
  load.weight += shard.weight;
}

function remove(load: Load, shard: WeighedShard): void {
  load.shards.delete(shard);
  load.counts.set(shard.table, countOf(load, shard.table) - 1);
  load.weight -= shard.weight;
}
