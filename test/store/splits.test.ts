import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBytes } from '../../src/bytes/index.ts';
import { hashToHex, sortKeyIn, storagePlace } from '../../src/item/index.ts';
import { countIn, itemHash, noContents } from '../../src/store/contents.ts';
import type { Shard } from '../../src/store/index.ts';
import { contentOf, counted, install, putting, TestReplica, WHOLE, write } from './machine.ts';

const MIDDLE = '8000000000000000';
const LOWER = { ...WHOLE, hashEnd: MIDDLE };
const UPPER = { ...WHOLE, hashStart: MIDDLE };
const SPLIT = { kind: 'split-shard', shard: 1, epoch: 1, at: MIDDLE, into: [2, 3] } as const;
const STEP = { ...SPLIT, keys: 7, config: 2 } as const;
const MERGE = {
  kind: 'merge-shards',
  from: [
    { shard: 2, epoch: 2 },
    { shard: 3, epoch: 2 },
  ],
  into: 4,
  config: 3,
} as const;

const isLower = (key: string) => hashToHex(storagePlace(write(1, 1, key).key).hash) < MIDDLE;

/** What is in a shard, however it came to be. */
function contents(shard: Readonly<Shard> | undefined) {
  const { items, bytes, digestHigh, digestLow } = shard ?? {};
  return { items, bytes, digestHigh, digestLow };
}

/** The same, counted from the items below the middle or from the others. */
function counting({ state }: TestReplica, below: boolean) {
  const counted = noContents();
  const cursor = state.range({ from: Uint8Array.of(1), to: Uint8Array.of(2) });
  for (let pair = cursor.next(); pair; pair = cursor.next()) {
    const key = pair.key.subarray(1);
    const { hash } = storagePlace(key);
    if (hashToHex(hash) < MIDDLE !== below) continue;
    countIn(counted, itemHash(hash, sortKeyIn(key)), pair.value);
  }
  cursor.close();
  return counted;
}

function splitWhole(replica: TestReplica): number {
  let steps = 0;
  while (replica.machine.shard(1)) {
    expect(replica.apply(2, STEP).kind).toBe('done');
    if (++steps > 1_000) throw new Error('it does not end');
  }
  return steps;
}

const step = fc.record({ key: fc.nat(60), v: fc.option(fc.string({ maxLength: 20 })) });

describe('a shard that is split', () => {
  test('[S3] [S5] is served meanwhile, and its halves are what they would be if it had begun with them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 200 }),
        fc.nat(200),
        fc.boolean(),
        async (writes, at, restarts) => {
          let whole = await TestReplica.open();
          whole.apply(0, install());
          const halves = await TestReplica.open();
          halves.apply(0, install(2, LOWER));
          halves.apply(0, install(3, UPPER));
          let sequence = 0;
          for (const { key, v } of writes) {
            const name = `k${key}`;
            const half = isLower(name) ? 2 : 3;
            const command =
              v === null ? write(7, ++sequence, name) : putting(7, ++sequence, name, v);
            const split = whole.machine.shard(1) === undefined;
            const asked = split ? { ...command, shard: half, epoch: 2 } : command;
            expect(whole.apply(1, asked)).toEqual(halves.apply(1, { ...command, shard: half }));
            if (sequence > at && !split) whole.apply(1, STEP);
            if (restarts && sequence % 50 === 0) whole = await whole.restart();
          }
          if (whole.machine.shard(1)) splitWhole(whole);
          for (const id of [2, 3]) {
            const half = whole.machine.shard(id) as Shard;
            expect(half).toMatchObject({ epoch: 2, state: 'serving' });
            expect(contents(half)).toEqual(counting(whole, id === 2));
            expect(half.items).toBe(halves.machine.shard(id)?.items);
          }
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  test('[S3] has digests that a later merge brings together again', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    for (let i = 1; i <= 100; i++) replica.apply(1, putting(7, i, `k${i}`, `v${i}`));
    const before = replica.machine.shard(1) as Shard;
    const all = contents(before);
    const { sequence } = before;
    // Half of the items in steps of seven.
    expect(splitWhole(replica)).toBeGreaterThan(5);
    const [lower, upper] = [2, 3].map((id) => replica.machine.shard(id) as Shard);
    expect(lower).toMatchObject({ ...LOWER, sequence, lower: undefined });
    expect(upper).toMatchObject({ ...UPPER, sequence });
    expect(lower?.items).toBeGreaterThan(30);
    replica.apply(2, { ...putting(7, 101, 'k1', 'other'), shard: isLower('k1') ? 2 : 3, epoch: 2 });
    replica.apply(2, { ...putting(7, 102, 'k1', 'v1'), shard: isLower('k1') ? 2 : 3, epoch: 2 });
    expect(replica.apply(3, MERGE).kind).toBe('done');
    const merged = replica.machine.shard(4) as Shard;
    expect(merged).toMatchObject({ ...WHOLE, epoch: 3, state: 'serving', sequence: sequence + 3 });
    expect(merged.items).toBe(all.items);
    expect(merged.bytes).toBe(all.bytes);
    expect(replica.machine.shard(2)).toBeUndefined();
    const again = await replica.restart();
    expect([...again.machine.shards()]).toEqual([merged]);
  });

  test('[S2] answers under its old name no more, and those of its halves from then on', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    replica.apply(1, putting(7, 1, 'a', 'x'));
    splitWhole(replica);
    const half = { shard: isLower('a') ? 2 : 3, epoch: 2 };
    const other = { shard: isLower('a') ? 3 : 2, epoch: 2 };
    expect(counted(replica.apply(2, write(7, 2, 'a')))).toBe('wrong-shard');
    expect(counted(replica.apply(2, write(7, 2, 'a', other)))).toBe('wrong-shard');
    expect(counted(replica.apply(2, write(7, 2, 'b', { shard: half.shard, epoch: 1 })))).toBe(
      'wrong-shard',
    );
    expect(counted(replica.apply(2, write(7, 2, 'a', half)))).toBe(1);
  });

  test('[S1] knows what was answered before the split and before the merge', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    const first = { lowestUnanswered: 1, retry: new Uint8Array(16).fill(3) };
    expect(counted(replica.apply(1, write(7, 1, 'a', first)))).toBe(1);
    splitWhole(replica);
    const half = { shard: isLower('a') ? 2 : 3, epoch: 2 };
    expect(counted(replica.apply(2, write(7, 1, 'a', { ...first, ...half })))).toBe(1);
    expect(counted(replica.apply(2, write(8, 1, 'a', { ...first, ...half })))).toBe(1);
    replica.apply(3, MERGE);
    const merged = { shard: 4, epoch: 3 };
    expect(counted(replica.apply(3, write(9, 1, 'a', { ...first, ...merged })))).toBe(1);
    expect(counted(replica.apply(3, write(9, 2, 'a', merged)))).toBe(2);
  });

  test('[C2] [C4] is split once, not while it moves, and not by an older map', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install(1, { config: 5 }));
    expect(replica.apply(1, STEP).kind).toBe('wrong-shard');
    const now = { ...STEP, config: 5 } as const;
    expect(replica.apply(1, { ...now, epoch: 2 }).kind).toBe('wrong-shard');
    expect(replica.apply(1, { ...now, at: WHOLE.hashStart }).kind).toBe('wrong-shard');
    replica.apply(1, { kind: 'list-changes', shard: 1, epoch: 1 });
    expect(replica.apply(1, now).kind).toBe('wrong-shard');
    const other = await TestReplica.open();
    other.apply(0, install());
    splitWhole(other);
    const before = other.machine.digest();
    expect(other.apply(2, STEP).kind).toBe('wrong-shard');
    expect(other.apply(2, { ...MERGE, config: 1 }).kind).toBe('wrong-shard');
    const [a, b] = MERGE.from;
    expect(other.apply(2, { ...MERGE, from: [b, a] }).kind).toBe('wrong-shard');
    other.apply(2, { kind: 'list-changes', shard: 3, epoch: 2 });
    expect(other.apply(2, MERGE).kind).toBe('wrong-shard');
    expect([...other.machine.shards()].map(({ id }) => id)).toEqual([2, 3]);
    expect(other.machine.digest().index).toBe(before.index + 5);
  });
});

describe('the middle of a shard', () => {
  const middleOf = ({ machine, state }: TestReplica) => {
    const finder = machine.middle(1);
    for (let i = 0; i < 100; i++) {
      const found = finder?.step(state);
      if (found !== 'more') return found;
    }
    throw new Error('it does not end');
  };

  test('is where half of its bytes are on either side, as far as partitions allow', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(400), { maxLength: 60 }), async (sizes) => {
        const replica = await TestReplica.open();
        replica.apply(0, install());
        sizes.forEach((size, i) => {
          replica.apply(1, putting(7, i + 1, `k${i}`, 'x'.repeat(size)));
        });
        const at = middleOf(replica);
        expect(at === undefined).toBe(sizes.length < 2);
        if (at === undefined) return;
        const { bytes: all } = replica.machine.shard(1) as Shard;
        while (replica.machine.shard(1)) replica.apply(2, { ...STEP, at });
        const [lower, upper] = [2, 3].map((id) => replica.machine.shard(id) as Shard);
        for (const half of [lower, upper]) expect(half?.items).toBeGreaterThan(0);
        const largest = Math.max(...sizes) + 20;
        expect(Math.abs((lower?.bytes ?? 0) - all / 2)).toBeLessThanOrEqual(largest);
      }),
      { seed: 1, numRuns: 40 },
    );
  });
});

describe('a shard that goes', () => {
  test('[C2] is emptied step by step, each going on where the last one ended, its listed changes too', async () => {
    let replica = await TestReplica.open();
    replica.apply(0, install());
    for (let i = 1; i <= 50; i++) replica.apply(1, putting(7, i, `k${i}`, 'x'));
    replica.apply(1, { kind: 'list-changes', shard: 1, epoch: 1 });
    for (let i = 51; i <= 80; i++) replica.apply(1, putting(7, i, `k${i}`, 'x'));
    const purge = { kind: 'purge-shard', shard: 1, epoch: 1, config: 1, keys: 9 } as const;
    let last = new Uint8Array(0);
    for (let steps = 0; replica.machine.shard(1); steps++) {
      replica.apply(2, purge);
      if (steps === 3) replica = await replica.restart();
      const from = replica.machine.shard(1)?.cursor.from;
      if (!from) continue;
      expect(compareBytes(from, last)).toBeGreaterThan(0);
      last = from.slice();
    }
    await replica.flush();
    const left = contentOf(replica).filter(([key]) => /^0[127]/.test(key));
    expect(left).toEqual([]);
  });
});
