import { expect } from 'vitest';
import type { Configuration } from '../../../src/controller/index.ts';

export const SHARDS = 10;

/** A configuration of §4.3. */
export interface Config {
  readonly number: number;
  /** By shard, from 0; empty in configuration 0, in which there is no table. */
  readonly owners: readonly number[];
  readonly groups: ReadonlyMap<number, readonly string[]>;
}

export function configOf({ number, groups, shards }: Configuration): Config {
  return {
    number,
    owners: shards.map(({ home }) => home),
    groups: new Map(groups.map(({ id, nodes }) => [id, nodes])),
  };
}

/** `check` of §10.1. */
export async function check(
  client: { query(): Promise<Config> },
  groups: readonly number[],
): Promise<Config> {
  const config = await client.query();
  expect([...config.groups.keys()]).toEqual(groups.toSorted((a, b) => a - b));
  expect(config.owners).toHaveLength(SHARDS);
  const counts = groups.map((id) => countOf(config, id));
  if (groups.length === 0) expect(new Set(config.owners)).toEqual(new Set([0]));
  else {
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(SHARDS);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  }
  return config;
}

export function countOf({ owners }: Config, group: number): number {
  return owners.filter((owner) => owner === group).length;
}

/**
 * Of minimal transfers (§13): no shard moves between two groups that were there before and are there after, and as few move as
 * there can be: those of groups that left, and those that a group has above its share, the larger shares being for the fullest.
 */
export function expectMinimal(before: Config, after: Config): void {
  const moves = before.owners.flatMap((from, shard) => {
    const to = after.owners[shard];
    return to === from ? [] : [{ from, to }];
  });
  const groups = [...after.groups.keys()];
  const share = Math.floor(SHARDS / groups.length);
  const larger = SHARDS % groups.length;
  const staying = groups
    .map((id) => countOf(before, id))
    .sort((a, b) => b - a)
    .reduce((sum, count, i) => sum + Math.min(count, share + (i < larger ? 1 : 0)), 0);
  expect(moves).toHaveLength(SHARDS - staying);
  const isNew = (id = 0) => !before.groups.has(id);
  const hasLeft = (id: number) => !after.groups.has(id);
  expect(moves.filter(({ from, to }) => !isNew(to) && !hasLeft(from))).toEqual([]);
}
