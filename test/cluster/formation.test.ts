import { expect, test } from 'vitest';
import { createTable, formedWorld, get, put, routerOf } from '../support/world.ts';

test('[C7] three empty nodes with one list form a cluster', async () => {
  const world = await formedWorld(1);
  const table = await createTable(world, 't');
  expect(await world.settle(put(routerOf(world, 'n2'), table, 'a', '1'))).toMatchObject({
    kind: 'written',
  });
  for (const name of ['n1', 'n2', 'n3']) {
    expect(await world.settle(get(routerOf(world, name), table, 'a'))).toBe('1');
  }
    world.time.now,
    world.time.events,
    world.machines.map((m) => m.notices),
  );
  expect(world.failures).toEqual([]);
});
