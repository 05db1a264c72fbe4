import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hash64 } from '../../src/bytes/index.ts';
import { encodeStoredItem } from '../../src/item/index.ts';
import { countIn, countOut, itemHash, noContents } from '../../src/store/contents.ts';
import { encodeStoredValue } from '../../src/store/stored-value.ts';
import { Prng } from '../support/prng.ts';
import { itemOf } from '../support/world.ts';
import { install, putting, TestReplica, write } from './machine.ts';

function stored(v: string, version = 1): Uint8Array {
  return encodeStoredValue(encodeStoredItem(itemOf('a', v)), version);
}

const keyOf = (i: number) => hash64(Uint8Array.of(1, 2, 3, i));

describe('the digest of a set of items', () => {
  test('[S3] depends on what is in it alone, not on the way there', () => {
    const step = fc.record({ key: fc.nat(9), v: fc.option(fc.string({ maxLength: 3 })) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const digest = noContents();
        const items = new Map<number, Uint8Array>();
        for (const { key, v } of steps) {
          const old = items.get(key);
          if (old) countOut(digest, keyOf(key), old);
          items.delete(key);
          if (v === null) continue;
          const value = stored(v);
          countIn(digest, keyOf(key), value);
          items.set(key, value);
        }
        const direct = noContents();
        for (const [key, value] of [...items].reverse()) countIn(direct, keyOf(key), value);
        expect(digest).toEqual(direct);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('[S3] tells sets apart that differ in one item, one version or one key', () => {
    const seen = new Set<string>();
    let made = 0;
    const make = (...items: (readonly [key: number, value: Uint8Array])[]) => {
      const digest = noContents();
      for (const [key, value] of items) countIn(digest, keyOf(key), value);
      seen.add(`${digest.digestHigh} ${digest.digestLow}`);
      // Each half by itself.
      seen.add(`high ${digest.digestHigh}`);
      seen.add(`low ${digest.digestLow}`);
      made += 3;
    };
    make();
    for (let key = 0; key < 100; key++) {
      make([key, stored('x')]);
      make([key, stored('x', 2)]);
      make([key, stored('y')]);
      make([key, stored('x')], [key, stored('x')]);
      make([key, stored('x')], [key + 1, stored('y')]);
      make([key, stored('y')], [key + 1, stored('x')]);
    }
    expect(seen.size).toBe(made);
  });
});

test('[S3] items of one partition are told apart by their sort keys', () => {
  const hash = { high: 5, low: 9 };
  const seen = new Set(
    Array.from({ length: 1_000 }, (_, i) => {
      const { high, low } = itemHash(hash, Uint8Array.of(i >> 8, i & 0xff));
      return `${high} ${low}`;
    }),
  );
  expect(seen.size).toBe(1_000);
  expect(itemHash(hash, new Uint8Array(0))).toEqual(hash);
});

describe('the digest of a machine', () => {
  test('[S3] is equal at equal entries wherever it was flushed and started again, about one a second is kept', async () => {
    const random = new Prng(8);
    const steady = await TestReplica.open();
    let restless = await TestReplica.open();
    const kept: (typeof steady.machine.digests)[number][] = [];
    const both = (time: number, command: Parameters<TestReplica['apply']>[1]) => {
      expect(restless.apply(time, command)).toEqual(steady.apply(time, command));
    };
    both(0, install(1, { hashEnd: '8000000000000000' }));
    both(0, install(2, { hashStart: '8000000000000000' }));
    let time = 0;
    const seen = new Map<number, string>();
    for (let i = 1; i <= 600; i++) {
      time += random.below(100);
      const key = `k${random.below(30)}`;
      const more = { shard: 1 + random.below(2), deadline: time + 1_000 };
      const retry = random.once(2) ? random.bytes(16) : undefined;
      const router = random.below(3);
      if (random.once(2)) both(time, { ...putting(router, i, key, `v${i}`), ...more, retry });
      else both(time, write(router, i, key, { ...more, retry }));
      expect(restless.machine.digest()).toEqual(steady.machine.digest());
      const { index, digest } = steady.machine.digest();
      seen.set(index, digest);
      if (random.once(40)) restless = await restless.restart();
    }
    kept.push(...steady.machine.digests);
    expect(kept.length).toBeGreaterThan(Math.floor(time / 1_000) - 3);
    expect(kept.length).toBeLessThanOrEqual(Math.floor(time / 1_000));
    for (const { index, digest } of kept) expect(seen.get(index)).toBe(digest);
    const last = restless.machine.digests;
    expect(kept).toEqual(expect.arrayContaining([...last]));
    // Every command that did something changed it, and time did.
    expect(new Set(seen.values()).size).toBeGreaterThan(590);
    both(time, { kind: 'purge-shard', shard: 1, epoch: 1, config: 1, keys: 3 });
    expect(restless.machine.digest()).toEqual(steady.machine.digest());
  });

  test('[S3] shows an item that was changed or lost at the next write to it', async () => {
    const filled = async () => {
      const replica = await TestReplica.open();
      replica.apply(0, install());
      for (let i = 1; i <= 10; i++) replica.apply(1, putting(1, i, `k${i % 5}`, `v${i}`));
      return replica;
    };
    const goOn = (replica: TestReplica) => {
      for (let i = 11; i <= 15; i++) replica.apply(1, putting(1, i, `k${i % 5}`, `v${i}`));
      return replica.machine.digest();
    };
    const sound = goOn(await filled());
    expect(goOn(await filled())).toEqual(sound);
    for (const value of [undefined, stored('other')]) {
      const other = await filled();
      other.state.complete([{ key: keysOf(other)[0] as Uint8Array, value }]);
      const { index, digest } = goOn(other);
      expect(index).toBe(sound.index);
      expect(digest).not.toBe(sound.digest);
    }
  });
});

function keysOf({ state }: TestReplica): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const cursor = state.range({ from: Uint8Array.of(1), to: Uint8Array.of(2) });
  for (let pair = cursor.next(); pair; pair = cursor.next()) keys.push(pair.key);
  cursor.close();
  return keys;
}
