import { describe, expect, test } from 'vitest';
import { utf8, utf8Text } from '../../src/bytes/index.ts';
import type { Table } from '../../src/controller/index.ts';
import { handle } from '../../src/dynamodb/index.ts';
import type { BuggifySite } from '../../src/ports/index.ts';
import type { World } from '../../src/sim/index.ts';
import {
  add,
  createTable,
  formedWorld,
  get,
  put,
  routerOf,
  specOf,
  wholeTable,
} from '../support/world.ts';

const NAMES = ['n1', 'n2', 'n3'];

async function isGone(world: World, name: string): Promise<boolean> {
  return 'message' in (await world.settle(routerOf(world, 'n1').describeTable(name)));
}

async function untilGone(world: World, name: string): Promise<void> {
  while (!(await isGone(world, name))) await world.run(50);
}

async function countOf(world: World, via: string, table: Table): Promise<number | string> {
  const page = await world.settle(routerOf(world, via).page(table, wholeTable(table), true));
  return page.kind === 'page' ? page.count : page.kind;
}

describe('tables', { timeout: 30_000 }, () => {
  test('[F47] a new table has a shard in every group, and every node serves every request', async () => {
    const world = await formedWorld(1);
    const table = await createTable(world, 't', 'n2');
    expect(table.shards.map(({ group }) => group).toSorted()).toEqual([1, 2, 3]);
    for (const [i, name] of NAMES.entries()) {
      for (let k = 0; k < 10; k++) {
        expect(
          await world.settle(put(routerOf(world, name), table, `k${i}${k}`, name)),
        ).toMatchObject({ kind: 'written' });
      }
    }
    for (const name of NAMES) {
      for (const [i, writer] of NAMES.entries()) {
        expect(await world.settle(get(routerOf(world, name), table, `k${i}3`))).toBe(writer);
      }
      expect(await countOf(world, name, table)).toBe(30);
      expect(
        await world.settle(Promise.resolve(routerOf(world, name).findTable('t'))),
      ).toMatchObject({ id: table.id });
    }
  });

  test('[S6] a table that is made again under its name has another id and nothing of the old one', async () => {
    const world = await formedWorld(2);
    const old = await createTable(world, 't');
    for (let k = 0; k < 30; k++)
      await world.settle(put(routerOf(world, 'n2'), old, `k${k}`, 'old'));
    expect(await world.settle(routerOf(world, 'n3').deleteTable('t'))).toMatchObject({
      kind: 'deleting',
    });
    await untilGone(world, 't');
    const table = await createTable(world, 't', 'n3');
    expect(table.id).not.toBe(old.id);
    for (const name of NAMES) {
      expect(await countOf(world, name, table)).toBe(0);
      expect(await world.settle(get(routerOf(world, name), table, 'k1'))).toBeUndefined();
      // With the old table's record, as a router with an old map has it.
      expect(await world.settle(get(routerOf(world, name), old, 'k1'))).toEqual({
        failed: 'no-table',
      });
      expect((await world.settle(put(routerOf(world, name), old, 'k1', 'lost'))).kind).toBe(
        'no-table',
      );
    }
    expect(await countOf(world, 'n1', table)).toBe(0);
  });

  // World 6473: the node had asked for the map, and still went by the old one.
  test.each([
    ['soon', 5],
    ['late', 6],
  ])(
    '[S6] a node that knows only the table before writes to and reads from the one that has its name now, and learns it %s',
    async (when, seed) => {
      let isLate = false;
      const buggify = (site: BuggifySite) => isLate && site === 'node: a map is late';
      const world = await formedWorld(seed, { buggify });
      const call = async (operation: string, parameters: object) => {
        const target = `DynamoDB_20120810.${operation}`;
        const body = utf8(JSON.stringify({ TableName: 't', ...parameters }));
        const context = { database: routerOf(world, 'n3'), address: 'n3' };
        const answer = await world.settle(handle({ target, body }, context));
        return JSON.parse(utf8Text(answer.body)) as unknown;
      };
      const key = { pk: { S: 'k' } };
      const operations: readonly (readonly [string, object, object])[] = [
        ['PutItem', { Item: { ...key, v: { S: 'new' } } }, {}],
        ['GetItem', { Key: key, ConsistentRead: true }, {}],
        ['Scan', { ConsistentRead: true }, { Items: [], Count: 0, ScannedCount: 0 }],
        [
          'BatchWriteItem',
          { RequestItems: { t: [{ PutRequest: { Item: key } }] } },
          { UnprocessedItems: {} },
        ],
        [
          'BatchGetItem',
          { RequestItems: { t: { Keys: [key], ConsistentRead: true } } },
          { Responses: { t: [] }, UnprocessedKeys: {} },
        ],
      ];
      for (const [operation, parameters, answer] of operations) {
        const old = await createTable(world, 't');
        await world.settle(put(routerOf(world, 'n3'), old, 'k', 'old'));
        for (const other of world.others('n3')) {
          world.network.cut('n3', other);
          world.network.cut(other, 'n3');
        }
        await world.settle(routerOf(world, 'n1').deleteTable('t'));
        await untilGone(world, 't');
        await createTable(world, 't');
        expect(routerOf(world, 'n3').findTable('t')).toMatchObject({ id: old.id });
        isLate = when === 'late';
        world.heal();
        expect(await call(operation, parameters)).toEqual(answer);
        isLate = false;
        await world.settle(routerOf(world, 'n1').deleteTable('t'));
        await untilGone(world, 't');
      }
    },
  );

  test('[S6] [F46] create, delete and create again while nodes are killed end in what was acknowledged last', async () => {
    const world = await formedWorld(3);
    for (let i = 0; i < 4; i++) {
      const victim = NAMES[i % 3] as string;
      const via = NAMES[(i + 1) % 3] as string;
      const creating = routerOf(world, via).createTable(specOf('t'));
      await world.run(3 * i);
      world.kill(victim);
      expect((await world.settle(creating)).kind).toBe('created');
      await world.run(500);
      await world.start(victim);
      let found = await world.settle(Promise.resolve(routerOf(world, via).findTable('t')));
      while (!('shards' in found)) {
        await world.run(100);
        found = await world.settle(Promise.resolve(routerOf(world, via).findTable('t')));
      }
      expect(await world.settle(add(routerOf(world, via), found, 'a'))).toBe(1);
      const deleting = routerOf(world, via).deleteTable('t');
      await world.run(2 * i);
      world.kill(victim);
      expect((await world.settle(deleting)).kind).toBe('deleting');
      await world.start(victim);
      while ('shards' in (await world.settle(routerOf(world, via).describeTable('t'))))
        await world.run(100);
    }
    expect(world.failures).toEqual([]);
  });

  test('[S6] the same creation twice is one table, another one under the name is told so', async () => {
    const world = await formedWorld(4);
    const outcomes = await world.settle(
      Promise.all(NAMES.map((name) => routerOf(world, name).createTable(specOf('t')))),
    );
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['created', 'exists', 'exists']);
  });

  test('[F49] pages go over all shards, forwards and backwards, and every key comes once', async () => {
    const world = await formedWorld(5);
    const table = await createTable(world, 't');
    for (let k = 0; k < 50; k++)
      await world.settle(put(routerOf(world, 'n1'), table, `k${k}`, `${k}`));
    for (const reverse of [false, true]) {
      const seen: string[] = [];
      let operation = wholeTable(table, { limit: 7, reverse });
      for (;;) {
        const page = await world.settle(routerOf(world, 'n2').page(table, operation, true));
        if (page.kind !== 'page') throw new Error(page.kind);
        for (const item of page.items) seen.push(JSON.parse(new TextDecoder().decode(item)).pk.S);
        const { lastKey } = page;
        if (!lastKey) break;
        const after = new Uint8Array([...lastKey, 0]);
        operation = reverse ? { ...operation, to: lastKey } : { ...operation, from: after };
      }
      expect(seen.length).toBe(50);
      expect(new Set(seen).size).toBe(50);
    }
  });

  test('[C4] [F34] the data goes on while the controller has no majority', async () => {
    const world = await formedWorld(6, { nodes: 5 });
    const table = await createTable(world, 't', 'n5');
    for (let k = 0; k < 20; k++)
      await world.settle(put(routerOf(world, 'n5'), table, `k${k}`, 'v'));
    world.kill('n1');
    world.kill('n2');
    await world.run(3_000);
    // Groups 2 to 4 have a majority on n3, n4, n5 or on two of them and the third is alive.
    let written = 0;
    for (let k = 0; k < 20; k++) {
      const outcome = await world.settle(put(routerOf(world, 'n5'), table, `k${k}`, 'w'));
      if (outcome.kind === 'written') written++;
    }
    expect(written).toBeGreaterThan(5);
    expect((await world.settle(routerOf(world, 'n5').createTable(specOf('u')))).kind).toBe(
      'unavailable',
    );
  });
});
