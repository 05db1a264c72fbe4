import { describe, expect, test } from 'vitest';
import type { Reader } from '../../src/engine/index.ts';
import { type Condition, hashToHex, storageKey } from '../../src/item/index.ts';
import { SimRandom } from '../../src/sim/index.ts';
import { encodeCommand } from '../../src/store/index.ts';
import { keyOf, wholeTable } from '../support/world.ts';
import { contentOf, counted, install, putting, TestReplica, write } from './machine.ts';

const HALF = '8000000000000000';

function pageOf(replica: TestReplica, shard: number, epoch: number, more = {}) {
  const table = { id: 1 } as never;
  const reader = replica.machine.page({ shard, epoch, operation: wholeTable(table, more) });
  let slices = 0;
  for (;;) {
    const outcome = reader.step(replica.state);
    slices++;
    if (outcome !== 'more') return { outcome, slices };
  }
}

describe('shards', () => {
  test('[S2] writes and reads under another epoch, of another shard or outside its range are refused', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install(1, { hashEnd: HALF }));
    const low = ['a', 'b', 'c', 'd', 'e', 'f'].find(
      (key) => hashToHex(keyOf(key).hash) < HALF,
    ) as string;
    const high = ['a', 'b', 'c', 'd', 'e', 'f'].find(
      (key) => hashToHex(keyOf(key).hash) >= HALF,
    ) as string;
    expect(counted(replica.apply(1, write(7, 1, low)))).toBe(1);
    expect(counted(replica.apply(1, write(7, 2, low, { epoch: 2 })))).toBe('wrong-shard');
    expect(counted(replica.apply(1, write(7, 3, low, { shard: 2 })))).toBe('wrong-shard');
    expect(counted(replica.apply(1, write(7, 4, high)))).toBe('wrong-shard');
    const key = (table: number, of: string) => storageKey(table, keyOf(of));
    expect(replica.machine.read(1, 1, key(1, low), replica.state)?.item).toBeDefined();
    expect(replica.machine.read(1, 2, key(1, low), replica.state)).toBeUndefined();
    expect(replica.machine.read(1, 1, key(1, high), replica.state)).toBeUndefined();
    expect(replica.machine.read(1, 1, key(2, low), replica.state)).toBeUndefined();
    expect(pageOf(replica, 1, 2).outcome).toBe('wrong-shard');
  });

  test('[C3] to install a shard twice does no harm', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    replica.apply(1, putting(7, 1, 'a', 'v'));
    const before = structuredClone([...replica.machine.shards()]);
    expect(replica.apply(2, install()).kind).toBe('done');
    expect([...replica.machine.shards()]).toEqual(before);
  });

  test('counts items, bytes and effects', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    replica.apply(1, putting(7, 1, 'a', 'one'));
    replica.apply(1, putting(7, 2, 'b', 'two'));
    replica.apply(1, putting(7, 3, 'b', 'three'));
    replica.apply(1, putting(7, 3, 'b', 'three'));
    // pk + value: 2 + 1 and 1 + the text
    expect(replica.machine.shard(1)).toMatchObject({ items: 2, bytes: 7 + 9, sequence: 3 });
    replica.apply(1, write(7, 4, 'a', { operation: deleting() }));
    replica.apply(1, write(7, 5, 'a', { operation: deleting() }));
    expect(replica.machine.shard(1)).toMatchObject({ items: 1, bytes: 9, sequence: 4 });
  });

  test('[S6] a purge takes the items bit by bit, serves nothing meanwhile, and leaves other shards alone', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install(1, { hashEnd: HALF }));
    replica.apply(0, install(2, { hashStart: HALF }));
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    const low = keys.filter((key) => hashToHex(keyOf(key).hash) < HALF);
    for (const [i, key] of keys.entries()) {
      const shard = low.includes(key) ? 1 : 2;
      expect(replica.apply(1, { ...putting(7, i + 1, key, 'v'), shard }).kind).toBe('done');
    }
    const purge = { kind: 'purge-shard', shard: 1, epoch: 1, config: 1, keys: 7 } as const;
    replica.apply(2, purge);
    expect(counted(replica.apply(2, write(8, 1, low[0] as string)))).toBe('wrong-shard');
    expect(pageOf(replica, 1, 1).outcome).toBe('wrong-shard');
    let steps = 1;
    for (; replica.machine.shard(1); steps++) replica.apply(2, purge);
    expect(steps).toBe(Math.floor(low.length / 7) + 1);
    expect(replica.apply(2, purge).kind).toBe('done');
    expect(pageOf(replica, 2, 1).outcome).toMatchObject({ count: keys.length - low.length });
    await replica.flush();
    const cursor = replica.state.range({ from: Uint8Array.of(1), to: Uint8Array.of(3) });
    let left = 0;
    while (cursor.next()) left++;
    expect(left).toBe(keys.length - low.length + 1); // items, and the record of shard 2
  });
});

describe('applying', () => {
  test('[S5] what is refused changes nothing, and its answer is remembered all the same', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    replica.apply(1, putting(7, 1, 'a', 'v'));
    const before = structuredClone(replica.machine.shard(1));
    const exists = { kind: 'attribute_not_exists', path: ['pk'] } as const;
    const operation = { ...putting(7, 2, 'a', 'w').operation, condition: exists };
    const refused = replica.apply(1, write(7, 2, 'a', { operation }));
    expect(refused).toMatchObject({ kind: 'done', outcome: { kind: 'condition-failed' } });
    expect(replica.machine.shard(1)).toEqual(before);
    replica.apply(1, write(7, 3, 'a', { lowestUnanswered: 2, operation: deleting() }));
    expect(replica.apply(1, write(7, 2, 'a', { operation }))).toMatchObject({
      outcome: { kind: 'condition-failed' },
    });
  });

  test('[S3] [S5] replicas that apply the same entries are the same, wherever one was flushed and started again', async () => {
    const random = new SimRandom(1, 'commands');
    const entries: { time: number; bytes: Uint8Array }[] = [
      { time: 0, bytes: encodeCommand(install()) },
    ];
    const sequences = [0, 0, 0];
    for (let i = 0; i < 400; i++) {
      const router = random.below(3);
      const repeated = random.once(4) ? 0 : 1;
      const sequence = Math.max(1, (sequences[router] ?? 0) + repeated);
      sequences[router] = sequence;
      const key = `k${random.below(20)}`;
      const command = random.once(5)
        ? write(router, sequence, key, { operation: deleting() })
        : random.once(2)
          ? putting(router, sequence, key, `v${i}`)
          : write(router, sequence, key);
      const time = i * 20;
      const bytes = encodeCommand({ ...command, deadline: time + random.below(3_000) });
      entries.push({ time, bytes });
    }
    const steady = await TestReplica.open();
    const results = entries.map(({ time, bytes }) => steady.applyBytes(time, bytes.slice()));

    let restless = await TestReplica.open();
    for (const [i, { time, bytes }] of entries.entries()) {
      expect(restless.applyBytes(time, bytes.slice())).toEqual(results[i]);
      if (random.once(30)) restless = await restless.restart();
    }
    await steady.flush();
    await restless.flush();
    expect(contentOf(restless)).toEqual(contentOf(steady));
  });

  test('[E4] an item whose bytes were damaged is never served', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    replica.apply(1, putting(7, 1, 'a', 'v'));
    const key = storageKey(1, keyOf('a'));
    const at = Uint8Array.from([1, ...key]);
    const value = replica.state.get(at) as Uint8Array;
    for (let i = 0; i < value.length; i++) {
      const damaged = value.slice();
      damaged[i] = (damaged[i] ?? 0) ^ 0x10;
      replica.state.apply(replica.state.appliedIndex + 1, 1, [{ key: at, value: damaged }]);
      expect(() => replica.machine.read(1, 1, key, replica.state)).toThrow(/checksum/);
      expect(() => pageOf(replica, 1, 1)).toThrow(/checksum/);
    }
  });
});

const NEVER: Condition = {
  kind: 'compare',
  comparator: '=',
  left: { kind: 'path', path: ['none'] },
  right: { kind: 'value', value: { type: 'S', value: '' } },
};

describe('pages', () => {
  test('[E7] [B5] a long page comes in slices, each of which goes on by key', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    for (let i = 1; i <= 900; i++) replica.apply(1, putting(7, i, `k${i}`, 'v'));
    for (const reverse of [false, true]) {
      const { outcome, slices } = pageOf(replica, 1, 1, { reverse });
      expect(slices).toBeGreaterThan(3);
      expect(outcome).toMatchObject({ count: 900, scannedCount: 900, lastKey: undefined });
    }
  });

  test('[E7] [B5] a slice reads so many bytes and one item more, whatever a filter lets through', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    for (let i = 1; i <= 12; i++) replica.apply(1, putting(7, i, `k${i}`, 'v'.repeat(300_000)));
    for (const filter of [undefined, NEVER]) {
      const reader = replica.machine.page({
        shard: 1,
        epoch: 1,
        operation: wholeTable({ id: 1 } as never, { maxBytes: 1e9, ...(filter && { filter }) }),
      });
      let read = 0;
      const counting: Reader = {
        get: (key) => replica.state.get(key),
        range: (range) => {
          const cursor = replica.state.range(range);
          const next = () => {
            read++;
            return cursor.next();
          };
          return { next, close: () => cursor.close() };
        },
      };
      let slices = 1;
      for (; reader.step(counting) === 'more'; slices++) {
        expect(read).toBe(1);
        read = 0;
      }
      expect(slices).toBe(13);
    }
  });

  test('[E7] a shard that leaves between two slices ends the page', async () => {
    const replica = await TestReplica.open();
    replica.apply(0, install());
    for (let i = 1; i <= 300; i++) replica.apply(1, putting(7, i, `k${i}`, 'v'));
    const reader = replica.machine.page({
      shard: 1,
      epoch: 1,
      operation: wholeTable({ id: 1 } as never),
    });
    expect(reader.step(replica.state)).toBe('more');
    replica.apply(2, { kind: 'purge-shard', shard: 1, epoch: 1, config: 1, keys: 1 });
    expect(reader.step(replica.state)).toBe('wrong-shard');
  });
});

function deleting() {
  return {
    kind: 'delete',
    returnValues: 'NONE',
    condition: undefined,
    returnItemOnConditionFailure: false,
  } as const;
}
