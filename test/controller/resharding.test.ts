import { describe, expect, test } from 'vitest';
import {
  canSplit,
  coldPairs,
  eveningMove,
  heavinessOf,
  isAtRest,
  type ShardRecord,
  type ShardWeight,
  successors,
  THRESHOLDS,
} from '../../src/controller/index.ts';
import { specOf } from '../support/world.ts';
import { formed, type TestController } from './support.ts';

/** Three groups, and one table with so many shards, which are served. */
async function withTable(shards = 3): Promise<TestController> {
  const controller = await formed(3);
  const spec = specOf('t');
  controller.apply({ kind: 'create-table', spec, uuid: 'u', createdAt: 1, shards });
  controller.serve('t');
  return controller;
}

function nth({ shards }: TestController, i: number): ShardRecord {
  return shards[i] as ShardRecord;
}

function rangesOf({ shards }: TestController): string[] {
  return shards.map(({ hashStart, hashEnd }) => `${hashStart} ${hashEnd}`);
}

const reasonOf = (outcome: object) => ('reason' in outcome ? outcome.reason : outcome);

describe('a split', () => {
  test('[S2] [S6] is planned with the ids of what comes of it, and done once its group has said so', async () => {
    const controller = await withTable();
    const { id, hashStart, hashEnd, group } = nth(controller, 1);
    const at = '6666666666666666';
    expect(controller.apply({ kind: 'split-shard', shard: id, at }).kind).toBe('done');
    expect(nth(controller, 1)).toMatchObject({ id, epoch: 1, becomes: { kind: 'split', at } });
    const planned = successors(controller.shards);
    controller.apply({ kind: 'shard-reshaped', shard: id, epoch: 2 });
    expect(controller.shards).toHaveLength(3);
    controller.apply({ kind: 'shard-reshaped', shard: id, epoch: 1 });
    expect(controller.shards).toEqual(planned);
    const [lower, upper] = [nth(controller, 1), nth(controller, 2)];
    const made = { group, home: group, epoch: 2, parents: [id], becomes: undefined };
    expect(lower).toMatchObject({ ...made, hashStart, hashEnd: at, state: 'serving' });
    expect(upper).toMatchObject({ ...made, hashStart: at, hashEnd, state: 'serving' });
    const ids = controller.shards.map((shard) => shard.id);
    expect(new Set([...ids, id]).size).toBe(5);
    // Said once more.
    const { map } = controller.machine;
    controller.apply({ kind: 'shard-reshaped', shard: id, epoch: 1 });
    expect(controller.machine.map).toBe(map);
  });

  test('is in the middle of the range unless told, also of the last one', async () => {
    const controller = await withTable(2);
    for (const i of [1, 0]) {
      const { id } = nth(controller, i);
      controller.apply({ kind: 'split-shard', shard: id });
      controller.apply({ kind: 'shard-reshaped', shard: id, epoch: 1 });
    }
    expect(rangesOf(controller)).toEqual([
      '0000000000000000 4000000000000000',
      '4000000000000000 8000000000000000',
      '8000000000000000 c000000000000000',
      'c000000000000000 ',
    ]);
  });

  test('[C2] [F35] is refused with the reason where it divides nothing, or beside another change', async () => {
    const controller = await withTable();
    const { id, hashStart, hashEnd, group } = nth(controller, 1);
    const split = (at?: string) =>
      reasonOf(controller.apply({ kind: 'split-shard', shard: id, ...(at && { at }) }));
    for (const at of [hashStart, hashEnd, '0000000000000000', 'x']) {
      expect(split(at)).toMatch(/divides nothing/);
    }
    expect(reasonOf(controller.apply({ kind: 'split-shard', shard: 99 }))).toMatch(/no shard 99/);
    expect(split()).toEqual({ kind: 'done' });
    expect(split()).toMatch(/is being split/);
    // A move waits, and goes on with what comes of it.
    const to = (group % 3) + 1;
    controller.apply({ kind: 'move-shard', shard: id, to });
    expect(nth(controller, 1)).toMatchObject({ movingTo: 0, home: to });
    controller.apply({ kind: 'shard-reshaped', shard: id, epoch: 1 });
    for (const i of [1, 2]) expect(nth(controller, i)).toMatchObject({ group, movingTo: to });
    const moving = nth(controller, 1);
    expect(reasonOf(controller.apply({ kind: 'split-shard', shard: moving.id }))).toMatch(/moves/);
  });

  test('[F35] a late copy of an operator’s request splits nothing again', async () => {
    const controller = await withTable();
    const { id } = nth(controller, 0);
    const split = { kind: 'split-shard', shard: id, request: 'r1' } as const;
    controller.apply(split);
    controller.apply({ kind: 'shard-reshaped', shard: id, epoch: 1 });
    expect(controller.apply(split)).toEqual({ kind: 'done' });
    expect(controller.shards).toHaveLength(4);
  });

  test('ends nowhere when the table is deleted', async () => {
    const controller = await withTable();
    const { id } = nth(controller, 0);
    controller.apply({ kind: 'split-shard', shard: id });
    const { table } = { table: controller.machine.map.tables[0]?.id as number };
    controller.apply({ kind: 'delete-table', table, deletion: 'd' });
    expect(nth(controller, 0).becomes).toBeUndefined();
    controller.apply({ kind: 'shard-reshaped', shard: id, epoch: 1 });
    expect(controller.shards).toHaveLength(3);
  });
});

describe('a merge', () => {
  test('[S2] [S6] of two neighbours on one group makes one with a new id and a later epoch than both', async () => {
    const controller = await withTable();
    const [lower, upper] = [nth(controller, 0), nth(controller, 1)];
    const merge = { kind: 'merge-shards', shard: lower.id, next: upper.id } as const;
    expect(reasonOf(controller.apply(merge))).toMatch(/is on group/);
    controller.apply({ kind: 'move-shard', shard: upper.id, to: lower.group });
    expect(reasonOf(controller.apply(merge))).toMatch(/moves/);
    controller.apply({ kind: 'shard-moved', shard: upper.id, epoch: 2 });
    const back = { ...merge, shard: upper.id, next: lower.id };
    expect(reasonOf(controller.apply(back))).toMatch(/does not begin where/);
    expect(controller.apply(merge)).toEqual({ kind: 'done' });
    expect(reasonOf(controller.apply(merge))).toMatch(/is being merged/);
    const planned = successors(controller.shards);
    controller.apply({ kind: 'shard-reshaped', shard: upper.id, epoch: 2 });
    expect(controller.shards).toEqual(planned);
    expect(nth(controller, 0)).toMatchObject({
      hashStart: lower.hashStart,
      hashEnd: upper.hashEnd,
      epoch: 3,
      parents: [lower.id, upper.id],
      becomes: undefined,
    });
    expect(controller.shards).toHaveLength(2);
    // The other one says so, too.
    const { map } = controller.machine;
    controller.apply({ kind: 'shard-reshaped', shard: lower.id, epoch: 1 });
    expect(controller.machine.map).toBe(map);
  });
});

describe('weights', () => {
  const { splitBytes, splitPerSecond } = THRESHOLDS;
  const weighed = (controller: TestController, ...weights: Partial<ShardWeight>[]) =>
    new Map(
      controller.shards.map(
        ({ id }, i) => [id, { bytes: 0, perSecond: 0, ...weights[i] }] as const,
      ),
    );

  test('[C1] a group with much more to bear gives a shard away, one that is a little heavier does not', async () => {
    const controller = await withTable(6);
    const { map } = controller.machine;
    expect(isAtRest(map)).toBe(true);
    const onFirst = controller.shards.filter(({ group }) => group === 1).map(({ id }) => id);
    const heavy = weighed(controller);
    for (const id of onFirst) heavy.set(id, { bytes: 0.6 * splitBytes, perSecond: 0 });
    const move = eveningMove(map, heavy, THRESHOLDS);
    expect(onFirst).toContain(move?.shard);
    expect(move?.to).not.toBe(1);
    for (const id of onFirst) heavy.set(id, { bytes: 0.05 * splitBytes, perSecond: 100 });
    expect(eveningMove(map, heavy, THRESHOLDS)).toBeUndefined();
    expect(eveningMove(map, weighed(controller), THRESHOLDS)).toBeUndefined();
    // What nobody told may be as heavy as the rest.
    for (const id of onFirst) heavy.set(id, { bytes: 0.6 * splitBytes, perSecond: 0 });
    heavy.delete(nth(controller, 5).id);
    expect(eveningMove(map, heavy, THRESHOLDS)).toBeUndefined();
  });

  test('small and idle neighbours may become one, down to what a new table begins with', async () => {
    const controller = await withTable(5);
    const { map } = controller.machine;
    const pairs = (...weights: Partial<ShardWeight>[]) =>
      coldPairs(map, weighed(controller, ...weights), THRESHOLDS).map(([lower]) =>
        controller.shards.indexOf(lower),
      );
    expect(pairs()).toEqual([0, 1, 2, 3]);
    expect(pairs({}, { bytes: splitBytes / 4 + 1 })).toEqual([2, 3]);
    expect(pairs({}, { perSecond: splitPerSecond / 4 + 1 })).toEqual([2, 3]);
    expect(coldPairs(map, new Map(), THRESHOLDS)).toEqual([]);
    const small = await withTable(3);
    expect(coldPairs(small.machine.map, weighed(small), THRESHOLDS)).toEqual([]);
  });

  test('a shard with much to do is split as long as that spreads the load further', async () => {
    expect(heavinessOf({ bytes: 0, perSecond: splitPerSecond }, THRESHOLDS)).toBeUndefined();
    expect(heavinessOf({ bytes: 0, perSecond: splitPerSecond + 1 }, THRESHOLDS)).toBe('busy');
    expect(heavinessOf({ bytes: splitBytes + 1, perSecond: 0 }, THRESHOLDS)).toBe('large');
    for (const shards of [3, 11, 12]) {
      const controller = await withTable(shards);
      const { map } = controller.machine;
      const { id } = nth(controller, 1);
      expect(canSplit(map, id, 'busy')).toBe(shards < 12);
      expect(canSplit(map, id, 'large')).toBe(true);
      controller.apply({ kind: 'split-shard', shard: id });
      expect(canSplit(controller.machine.map, id, 'large')).toBe(false);
    }
  });
});
