import { describe, expect, test } from 'vitest';
import type { Table } from '../../src/controller/index.ts';
import { differences } from '../../src/sim/check/contents.ts';
import type { World } from '../../src/sim/index.ts';
import { createTable, formedWorld, get, put, routerOf } from '../support/world.ts';

const KB = 'x'.repeat(1_000);

/** Everything at once; resolves to how each ended, and after how many milliseconds. */
function burst(world: World, table: Table, count: number, via = 'n1') {
  const startedAt = world.time.now;
  const writes = Array.from({ length: count }, async (_, i) => {
    const { kind } = await put(routerOf(world, via), table, `k${i}`, KB + i);
    return { key: `k${i}`, value: KB + i, kind, ms: world.time.now - startedAt };
  });
  return world.settle(Promise.all(writes));
}

async function expectHonest(
  world: World,
  table: Table,
  outcomes: Awaited<ReturnType<typeof burst>>,
) {
  for (const { key, value, kind } of outcomes) {
    const found = await world.settle(get(routerOf(world, 'n2'), table, key));
    if (kind === 'written') expect(found).toBe(value);
    if (kind === 'overloaded') expect(found).toBeUndefined();
  }
}

describe('overload', { timeout: 30_000 }, () => {
  test('[S4] [R5] [G17] more than may wait is refused early, with nothing done, and it passes', async () => {
    const world = await formedWorld(1, {
      diskLatencyMs: [5, 10],
      limits: { replica: { uncommittedBytesMax: 40 * 1024 } },
    });
    const table = await createTable(world, 't');
    await world.settle(put(routerOf(world, 'n1'), table, 'first', '1'));
    const outcomes = await burst(world, table, 400);
    const kinds = new Set(outcomes.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['written', 'overloaded']));
    for (const { kind, ms } of outcomes) if (kind === 'overloaded') expect(ms).toBeLessThan(100);
    await expectHonest(world, table, outcomes);
    const later = await burst(world, table, 20);
    expect(new Set(later.map(({ kind }) => kind))).toEqual(new Set(['written']));
    expect(world.failures).toEqual([]);
  });

  test('[S4] an engine that does not keep up stops writes before memory is full, and it passes', async () => {
    const limits = { memtableBytes: 8 * 1024, replica: { unappliedBytesMax: 32 * 1024 } };
    const world = await formedWorld(2, { limits });
    const table = await createTable(world, 't');
    await world.settle(put(routerOf(world, 'n1'), table, 'first', '1'));
    // The disk works for the log, and commits of the engines stand still.
    const held: (() => void)[] = [];
    for (const machine of world.machines) machine.holdEngine = (step) => held.push(step);
    const writes: Promise<string>[] = [];
    for (let i = 0; i < 1_500; i++) {
      writes.push(put(routerOf(world, 'n1'), table, `k${i}`, KB).then(({ kind }) => kind));
      if (i % 10 === 0) await world.run(5);
    }
    for (const { node } of world.machines) {
      for (const { replica } of node?.replicas.allData() ?? []) {
        expect(replica.status.logBytes).toBeLessThan(400 * 1024);
      }
    }
    for (const machine of world.machines) machine.holdEngine = undefined;
    for (const step of held) step();
    const kinds = await world.settle(Promise.all(writes));
    expect(new Set(kinds)).toEqual(new Set(['written', 'overloaded']));
    await world.run(2_000);
    const later = await burst(world, table, 20);
    expect(new Set(later.map(({ kind }) => kind))).toEqual(new Set(['written']));
    await world.run(500);
    expect(differences(world)).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  test('[S4] [R5] a burst of more than a segment of the log holds is written in pieces, and fails nobody', async () => {
    const world = await formedWorld(3, { limits: { logSegmentBytes: 256 * 1024 } });
    const table = await createTable(world, 't');
    const text = 'x'.repeat(20_000);
    const writes = Array.from({ length: 60 }, (_, i) =>
      put(routerOf(world, `n${1 + (i % 3)}`), table, `k${i}`, text),
    );
    const outcomes = await world.settle(Promise.all(writes));
    // Some come faster than segments can be made.
    const kinds = outcomes.map(({ kind }) => kind).filter((kind) => kind !== 'overloaded');
    expect(kinds.length).toBeGreaterThan(20);
    expect(new Set(kinds)).toEqual(new Set(['written']));
    await world.run(500);
    for (let i = 0; i < 60; i++) {
      const again = put(routerOf(world, 'n1'), table, `k${i}`, text);
      expect((await world.settle(again)).kind).toBe('written');
    }
    await world.run(500);
    expect(differences(world)).toEqual([]);
    expect(world.failures).toEqual([]);
  });
});
