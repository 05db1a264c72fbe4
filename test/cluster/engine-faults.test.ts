import { describe, expect, test } from 'vitest';
import { differences } from '../../src/sim/check/contents.ts';
import { createTable, formedWorld, get, put, routerOf } from '../support/world.ts';

const KB = 'x'.repeat(1_000);

/** A cluster whose engines hold something, and the keys of what one of them holds of its replicas. */
async function stored(seed: number) {
  const world = await formedWorld(seed, { limits: { memtableBytes: 4 * 1024 } });
  const table = await createTable(world, 't');
  for (let i = 0; i < 60; i++) {
    await world.settle(put(routerOf(world, 'n1'), table, `k${i}`, KB));
  }
  await world.run(1_000);
  const victim = world.machine('n2');
  const snapshot = victim.engine.snapshot();
  const range = snapshot.range({ from: Uint8Array.of(0, 0, 0, 1), to: Uint8Array.of(1) });
  const keys: Uint8Array[] = [];
  for (let record = range.next(); record; record = range.next()) keys.push(record.key);
  range.close();
  snapshot.close();
  return { world, table, victim, keys };
}

describe('faults of the engine', { timeout: 30_000 }, () => {
  test('[F7] [L4] [S4] without room for the state writes are refused in time, reads go on, and all heals', async () => {
    const limits = { memtableBytes: 16 * 1024, replica: { unappliedBytesMax: 32 * 1024 } };
    const world = await formedWorld(3, { limits });
    const table = await createTable(world, 't');
    const write = async (i: number) => {
      const startedAt = world.time.now;
      const { kind } = await put(routerOf(world, 'n1'), table, `k${i}`, KB + i);
      return { key: `k${i}`, value: KB + i, kind, ms: world.time.now - startedAt };
    };
    await world.settle(Promise.all(Array.from({ length: 50 }, (_, i) => write(i))));
    await world.run(1_000);
    for (const { engine } of world.machines) engine.capacityBytes = engine.bytes;

    const outcomes = [];
    for (let i = 50; i < 400; i++) outcomes.push(await world.settle(write(i)));
    const refused = outcomes.filter(({ kind }) => kind === 'overloaded');
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['written', 'overloaded']));
    expect(refused.length).toBeGreaterThan(100);
    // Once told, refusals are told at once.
    for (const { kind, ms } of outcomes.slice(200)) {
      expect(kind).toBe('overloaded');
      expect(ms).toBeLessThan(50);
    }
    for (const { node, notices } of world.machines) {
      const told = notices.filter((notice) => notice.includes('no room to write its state'));
      expect(told.length).toBeGreaterThan(0);
      // Once an episode and group, however often it is tried.
      expect(new Set(told).size).toBe(told.length);
      for (const { replica } of node?.replicas.allData() ?? []) {
        expect(replica.state.memtableBytes).toBeLessThan(16 * 1024 * 3 + 8 * 1024);
      }
    }
    const written = outcomes.filter(({ kind }) => kind === 'written');
    for (const { key, value } of written.slice(-20)) {
      expect(await world.settle(get(routerOf(world, 'n2'), table, key))).toBe(value);
    }

    for (const { engine } of world.machines) engine.capacityBytes = Number.POSITIVE_INFINITY;
    await world.run(5_000);
    for (let i = 400; i < 420; i++) expect((await world.settle(write(i))).kind).toBe('written');
    for (const { key, value } of written) {
      expect(await world.settle(get(routerOf(world, 'n3'), table, key))).toBe(value);
    }
    await world.run(1_000);
    for (const { notices } of world.machines) {
      expect(notices.some((notice) => notice.includes('has room again'))).toBe(true);
    }
    expect(differences(world)).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  test('[L1] a commit that fails in another way ends the process', async () => {
    const world = await formedWorld(4, { limits: { memtableBytes: 16 * 1024 } });
    const table = await createTable(world, 't');
    const victim = world.machine('n3');
    victim.engine.fault = () => 'failed';
    for (let i = 0; i < 60; i++) {
      await world.settle(put(routerOf(world, 'n1'), table, `k${i}`, KB));
    }
    await world.run(1_000);
    expect(victim.isRunning).toBe(false);
    expect(victim.exits.map(({ kind }) => kind)).toEqual(['failed']);
    expect((await world.settle(put(routerOf(world, 'n1'), table, 'more', '1'))).kind).toBe(
      'written',
    );
  });

  test('[F4] damage in the engine of one node ends it with its name, and the others go on', async () => {
    const { world, table, victim, keys } = await stored(5);
    victim.engine.damage(keys[0] as Uint8Array);
    await world.run(1_000);
    expect(victim.isRunning).toBe(false);
    expect(victim.exits[0]?.reason).toMatch(
      /^the state of replica \d+ is damaged: memory is damaged at key /,
    );
    expect((await world.settle(put(routerOf(world, 'n1'), table, 'more', '1'))).kind).toBe(
      'written',
    );
  });

  // World 2111: what the engine threw was a rejection that nobody took.
  test('[F4] so does damage that is met while the middle of a shard is looked for', async () => {
    const { world, table, victim, keys } = await stored(6);
    for (const key of keys) victim.engine.damage(key);
    const found: unknown[] = [];
    for (const group of victim.node?.led() ?? []) {
      for (const { id } of group.shards()) void group.middle(id).then((at) => found.push(at));
    }
    await world.until(() => !victim.isRunning);
    expect(found).toEqual([]);
    expect(victim.exits.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^the state of replica \d+ is damaged: memory is damaged at key /),
    ]);
    await world.until(() => world.isReady);
    expect((await world.settle(put(routerOf(world, 'n1'), table, 'more', '1'))).kind).toBe(
      'written',
    );
  });
});
