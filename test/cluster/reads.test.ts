import { describe, expect, test } from 'vitest';
import type { Table } from '../../src/controller/index.ts';
import { hashToHex } from '../../src/item/index.ts';
import { createTable, formedWorld, get, keyOf, put, routerOf } from '../support/world.ts';

function groupOf(table: Table, key: string): number {
  const hash = hashToHex(keyOf(key).hash);
  return table.shards.findLast(({ hashStart }) => hashStart <= hash)?.group ?? 0;
}

describe('reads', { timeout: 30_000 }, () => {
  test('[R6] a follower asks its leader for no more than the read index', async () => {
    const world = await formedWorld(1);
    const table = await createTable(world, 't');
    const value = 'x'.repeat(100_000);
    await world.settle(put(routerOf(world, 'n1'), table, 'a', value));
    await world.run(1_000);
    let bytes = 0;
    world.network.onArrival = (arrival) => {
      bytes += arrival.bytes.length;
    };
    for (const name of ['n1', 'n2', 'n3']) {
      expect(await world.settle(get(routerOf(world, name), table, 'a'))).toBe(value);
    }
    expect(bytes).toBeLessThan(5_000);
  });

  test('[R6] [D1] a read sees every write that was acknowledged before it, on any node', async () => {
    const world = await formedWorld(2, { networkLatencyMs: [0.1, 8] });
    const table = await createTable(world, 't');
    for (let i = 0; i < 40; i++) {
      await world.settle(put(routerOf(world, `n${1 + (i % 3)}`), table, 'a', `${i}`));
      expect(await world.settle(get(routerOf(world, `n${1 + ((i + 1) % 3)}`), table, 'a'))).toBe(
        `${i}`,
      );
    }
  });

  test.each([1, 2, 3])(
    '[F33] [D1] a leader that was cut off gives no old answer, while another one writes (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed);
      const table = await createTable(world, 't');
      await world.settle(put(routerOf(world, 'n1'), table, 'a', 'old'));
      const group = groupOf(table, 'a');
      const old = world.leader(group)?.name ?? '';
      world.isolate(old);
      const [other] = world.others(old) as [string];
      const asked: Promise<unknown>[] = [];
      const write = put(routerOf(world, other), table, 'a', 'new');
      let isWritten = false;
      void write.then(() => {
        isWritten = true;
      });
      await world.until(() => isWritten);
      for (let i = 0; i < 5; i++) {
        asked.push(get(routerOf(world, old), table, 'a'));
        await world.run(100);
      }
      world.heal();
      for (const answer of asked)
        expect(['new', { failed: 'unavailable' }]).toContainEqual(await world.settle(answer));
      expect(await world.settle(get(routerOf(world, old), table, 'a'))).toBe('new');
    },
  );

  test('[R6] an eventually consistent read needs nobody else', async () => {
    const world = await formedWorld(5);
    const table = await createTable(world, 't');
    await world.settle(put(routerOf(world, 'n1'), table, 'a', 'v'));
    await world.run(500);
    world.kill('n2');
    world.kill('n3');
    expect(await world.settle(get(routerOf(world, 'n1'), table, 'a', false))).toBe('v');
    expect(await world.settle(get(routerOf(world, 'n1'), table, 'a'))).toEqual({
      failed: 'unavailable',
    });
  });

  test('[F33] a new leader answers reads only after an entry of its own term', async () => {
    const world = await formedWorld(6);
    const table = await createTable(world, 't');
    for (let i = 0; i < 12; i++) {
      const name = `n${1 + (i % 3)}`;
      expect(await world.settle(put(routerOf(world, name), table, 'a', `${i}`))).toMatchObject({
        kind: 'written',
      });
      const leader = world.leader(groupOf(table, 'a'))?.name;
      if (leader === undefined) throw new Error('a leader');
      world.kill(leader);
      const other = world.others(leader)[i % 2] as string;
      expect(await world.settle(get(routerOf(world, other), table, 'a'))).toBe(`${i}`);
      await world.start(leader);
      await world.run(200);
    }
  });
});
