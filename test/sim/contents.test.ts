import { describe, expect, test } from 'vitest';
import { areCaughtUp, differences, miscounted } from '../../src/sim/check/contents.ts';
import type { World } from '../../src/sim/index.ts';
import { createTable, formedWorld, put, routerOf } from '../support/world.ts';

async function filledWorld(): Promise<World> {
  const world = await formedWorld(3, { limits: { memtableBytes: 4 * 1024 } });
  const table = await createTable(world, 't');
  for (let i = 0; i < 60; i++) {
    await world.settle(put(routerOf(world, 'n1'), table, `key ${i}`, 'x'.repeat(400)));
  }
  await world.until(() => areCaughtUp(world));
  return world;
}

describe('the comparison of what replicas hold', () => {
  test('[S3] tells in which key two of them differ', async () => {
    const world = await filledWorld();
    expect(differences(world)).toEqual([]);
    const state = world.machine('n2').node?.replicas.get(1)?.state;
    state?.complete([{ key: Uint8Array.of(7, 7), value: Uint8Array.of(1) }]);
    expect(differences(world)).toEqual([expect.stringMatching(/^group 1 .* n1 and n2 .* 0707$/)]);
  });

  test('[C3] tells which shard does not hold what it counts', async () => {
    const world = await filledWorld();
    expect(miscounted(world)).toEqual([]);
    const held = world.machine('n2').node?.replicas.data(1);
    const [shard] = held?.machine.shards() ?? [];
    Object.assign(shard ?? {}, { items: 0, bytes: 0 });
    expect(miscounted(world)).toEqual([
      expect.stringMatching(/^n2: shard \d+ of group 1 has [1-9]\d* items .* and counts 0 of 0$/),
    ]);
  });

  // Worlds 289 and 398: the simulator itself was the first that read the record.
  test('[F4] a damaged record that no node has met is no difference', async () => {
    const world = await filledWorld();
    const { engine } = world.machine('n2');
    for (let pick = 0; pick < 2 ** 32; pick += 2 ** 28) {
      const key = engine.someKey(pick);
      if (key) engine.damage(key);
    }
    expect(differences(world)).toEqual([]);
  });
});
