import { describe, expect, test } from 'vitest';
import type { Table } from '../../src/controller/index.ts';
import { encodeStoredItem, hashToHex, storageKey } from '../../src/item/index.ts';
import { compareDigests, type Difference } from '../../src/node/state-comparison.ts';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import type { Machine, World } from '../../src/sim/index.ts';
import { encodeStoredValue } from '../../src/store/stored-value.ts';
import { add, createTable, formedWorld, get, keyOf, put, routerOf } from '../support/world.ts';

const KEY = 'counter';

async function counting(seed: number, limits = {}) {
  const world = await formedWorld(seed, { limits: { logSegmentBytes: 256 * 1024, ...limits } });
  const table = await createTable(world, 't');
  const hash = hashToHex(keyOf(KEY).hash);
  const group = table.shards.findLast(({ hashStart }) => hashStart <= hash)?.group ?? 0;
  const leader = world.leader(group);
  if (!leader) throw new Error('a leader');
  const followers = world.machines.filter((machine) => machine !== leader);
  /** What a router is asked when its process ends is never answered: nothing is asked of `avoided`. */
  const counter = { value: 0, stopped: false, avoided: undefined as Machine | undefined };
  const count = async () => {
    while (!counter.stopped) {
      await new Promise<void>((wake) => world.time.after(100, wake));
      const machine = world.machines.find(
        (candidate) => candidate !== counter.avoided && candidate.isRunning && candidate.router,
      );
      const result = await add(machine?.router ?? routerOf(world, 'n1'), table, KEY);
      if (typeof result === 'number') counter.value = result;
    }
  };
  return { world, table, group, leader, followers, counter, done: count() };
}

/** Behind the state machine's back. */
function tamper(machine: Machine, group: number, table: Table, json: object | undefined): void {
  const state = machine.node?.replicas.data(group)?.replica.state;
  const key = Uint8Array.from([1, ...storageKey(table.id, keyOf(KEY))]);
  if (!state?.get(key)) throw new Error('the item is there');
  const item = json && encodeStoredItem(new Map(Object.entries(json)) as never);
  state.complete([{ key, value: item && encodeStoredValue(item, 1) }]);
}

const WRONG = { pk: { type: 'S', value: KEY }, n: { type: 'N', value: '1000' } };

async function found(world: World, machine: Machine): Promise<void> {
  const before = world.time.now;
  await world.until(() => machine.exits.length > 0, 10_000);
  expect(world.time.now - before).toBeLessThan(7_000);
  await world.run(100); // its sockets close
}

describe('replicas that went apart', { timeout: 30_000 }, () => {
  test.each([
    ['changed', WRONG],
    ['lost', undefined],
  ])(
    '[S3] a follower with an item %s is found and named, and the others go on',
    async (_, json) => {
      const { world, table, group, followers, counter, done } = await counting(1);
      await world.run(1_000);
      const [follower, other] = followers as [Machine, Machine];
      tamper(follower, group, table, json);
      await found(world, follower);
      const said = `group ${group} on node ${follower.name} differs from the majority at entry `;
      expect(follower.exits[0]?.reason).toContain(said);
      expect(follower.notices.at(-1)).toContain(said);
      expect(follower.exits[0]?.reason).toMatch(/digest 3:[0-9a-f]{32}, theirs 3:[0-9a-f]{32}$/);
      const before = counter.value;
      await world.run(2_000);
      counter.stopped = true;
      await world.settle(done);
      expect(counter.value).toBeGreaterThan(before);
      expect(await world.settle(get(routerOf(world, other.name), table, KEY))).toBe(
        String(counter.value),
      );
      expect(other.exits).toEqual([]);
    },
  );

  test('[S3] a leader that differs leaves leading to others and stops', async () => {
    const { world, table, group, leader, followers, counter, done } = await counting(2);
    await world.run(1_000);
    let ledBefore = true;
    tamper(leader, group, table, WRONG);
    await world.until(() => {
      const isLeader = leader.node?.replicas.get(group)?.isLeader ?? false;
      if (leader.exits.length === 0) ledBefore = isLeader;
      return leader.exits.length > 0;
    }, 10_000);
    expect(ledBefore).toBe(false);
    expect(leader.exits[0]?.reason).toContain(`on node ${leader.name} differs`);
    await world.run(2_000);
    counter.stopped = true;
    await world.settle(done);
    for (const { exits } of followers) expect(exits).toEqual([]);
    expect(differences(world)).toEqual([]);
  });

  test('[S3] replicas that agree are never told otherwise, idle, busy, behind or started again', async () => {
    const { world, table, counter, done } = await counting(3);
    for (let round = 0; round < 6; round++) {
      const name = `n${1 + (round % 3)}`;
      world.kill(name);
      await world.run(2_000);
      await world.start(name);
      await world.run(3_000);
      await world.settle(put(routerOf(world, name), table, `k${round}`, 'v'));
    }
    counter.stopped = true;
    await world.settle(done);
    await world.run(10_000);
    expect(world.failures).toEqual([]);
    expect(world.machines.flatMap(({ exits }) => exits)).toEqual([]);
    expect(differences(world)).toEqual([]);
  });
});

describe('a replica that went apart', { timeout: 30_000 }, () => {
  test.each([1, 2, 3])(
    '[S3] [L2] begins anew when its node starts again, and counts for nothing (seed %i)',
    async (seed) => {
      const limits = { replica: { logBytesKept: 4 * 1024 }, memtableBytes: 8 * 1024 };
      const { world, table, group, leader, followers, counter, done } = await counting(
        seed,
        limits,
      );
      await world.run(1_000);
      const [follower, other] = followers as [Machine, Machine];
      const wrong = seed === 3 ? leader : follower;
      counter.avoided = wrong;
      await world.run(200);
      for (let i = 0; i < 60; i++) {
        await world.settle(put(routerOf(world, other.name), table, `k${i}`, 'x'.repeat(300)));
      }
      tamper(wrong, group, table, WRONG);
      await found(world, wrong);
      const reason = wrong.exits[0]?.reason ?? '';
      // Nothing is acknowledged by it and one other, however often it starts.
      const alone = world.machines.find((machine) => machine !== wrong && machine !== other);
      alone?.kill();
      for (let start = 0; start < 2; start++) {
        await world.start(wrong.name);
        expect(wrong.notices.join('\n')).toContain(`is quarantined: ${reason}`);
        const writing = put(routerOf(world, other.name), table, KEY, 'v');
        expect((await world.settle(writing)).kind).toBe('unavailable');
        if (start === 0) wrong.kill();
      }
      const status = await world.settle((other.node as NonNullable<typeof other.node>).status());
      expect(status.groups.find(({ id }) => id === group)?.quarantined).toEqual({
        [wrong.name]: `quarantined: ${reason}`,
      });
      await world.start(alone?.name ?? '');
      await world.until(() => wrong.node?.replicas.get(group)?.status.quarantine === 0, 20_000);
      await world.until(() => areCaughtUp(world), 20_000);
      await world.run(8_000);
      counter.stopped = true;
      await world.settle(done);
      await world.until(() => areCaughtUp(world));
      expect(await world.settle(get(routerOf(world, wrong.name), table, KEY))).toBe(
        String(counter.value),
      );
      expect(differences(world)).toEqual([]);
      expect(world.machines.flatMap(({ exits }) => exits)).toHaveLength(1);
    },
  );
});

describe('the comparison', () => {
  const compare = (size: number, ...said: string[][]): Difference[] => {
    const digests = said.map((texts, i) => {
      const parsed = texts.map((text) => text.split(' ') as [string, string]);
      return [i, parsed.map(([index, digest]) => ({ index: Number(index), digest }))] as const;
    });
    return [...compareDigests(7, new Map(digests), size)];
  };

  test('[S3] is made at equal entries, by a majority of all replicas, within one version', () => {
    const difference = { group: 7, replica: 2, index: 5, digest: '1:b', expected: '1:a' };
    expect(compare(3, ['5 1:a'], ['5 1:a'], ['5 1:a'])).toEqual([]);
    expect(compare(3, ['5 1:a'], ['5 1:a'], ['5 1:b'])).toEqual([difference]);
    expect(compare(3, ['5 1:a'], ['5 1:a'], ['5 2:b'])).toEqual([]);
    expect(compare(3, ['5 1:a'], ['5 1:a'], ['6 1:b'])).toEqual([]);
    expect(compare(3, ['5 1:a'], ['5 1:b'])).toEqual([]);
    expect(compare(3, ['5 1:a'], ['5 1:b'], ['5 1:c'])).toEqual([]);
    expect(compare(4, ['5 1:a'], ['5 1:a'], ['5 1:b'], ['5 1:b'])).toEqual([]);
    expect(compare(5, ['5 1:a'], ['5 1:a'], ['5 1:b'])).toEqual([]);
    expect(compare(5, ['5 1:a'], ['5 1:a'], ['5 1:b'], ['5 1:a'], ['5 1:c'])).toMatchObject([
      { replica: 2 },
      { replica: 4 },
    ]);
  });

  test('[S3] names the last entry at which it shows', () => {
    expect(
      compare(3, ['3 1:a', '5 1:b', '9 1:c'], ['3 1:a', '5 1:b', '8 1:d'], ['3 1:x', '5 1:y']),
    ).toMatchObject([{ replica: 2, index: 5, digest: '1:y', expected: '1:b' }]);
  });
});
