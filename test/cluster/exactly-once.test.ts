import { describe, expect, test } from 'vitest';
import type { Table } from '../../src/controller/index.ts';
import { hashToHex } from '../../src/item/index.ts';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import { type Machine, SimRandom, type World } from '../../src/sim/index.ts';
import { RETRY_WINDOW_MS } from '../../src/store/index.ts';
import { Prng } from '../support/prng.ts';
import { anything, under } from '../support/scenario.ts';
import { add, createTable, formedWorld, get, keyOf, put, routerOf } from '../support/world.ts';

interface Place {
  readonly world: World;
  readonly table: Table;
  /** Of the group's shard, and nothing is there yet. */
  readonly key: string;
  readonly group: number;
  readonly leader: Machine;
  /** A node that does not lead the key's group. */
  readonly client: Machine;
  readonly third: Machine;
}

async function somewhere(seed: number, limits = {}): Promise<Place> {
  const world = await formedWorld(seed, { limits: { logSegmentBytes: 64 * 1024, ...limits } });
  const table = await createTable(world, 't');
  const group = 1 + (seed % 3);
  const leader = world.leader(group);
  const [client, third] = world.machines.filter((machine) => machine !== leader);
  if (!leader || !client || !third) throw new Error('three machines');
  const key = keyIn(table, group);
  // Every router knows the group's session time after this.
  for (const { name } of world.machines) {
    expect(await world.settle(put(routerOf(world, name), table, key, name))).toMatchObject({
      kind: 'written',
    });
  }
  return { world, table, key: keyIn(table, group, key), group, leader, client, third };
}

/** A key of a shard that the group has. */
function keyIn(table: Table, group: number, other?: string): string {
  for (let i = 0; ; i++) {
    const key = `key ${i}`;
    if (key === other) continue;
    const hash = hashToHex(keyOf(key).hash);
    const shard = table.shards.findLast(({ hashStart }) => hashStart <= hash);
    if (shard?.group === group) return key;
  }
}

/** Effects on the group's shards so far, as its leader has applied them. */
function effects(machine: Machine, group: number): number {
  let sum = 0;
  for (const { sequence } of machine.node?.replicas.data(group)?.machine.shards() ?? [])
    sum += sequence;
  return sum;
}

/** Calls back once, when the next chunk would tell the client's node that the leader applied something. */
function beforeTheAnswer({ world, leader, client, group }: Place, then: (cut: () => void) => void) {
  const before = effects(leader, group);
  world.network.onArrival = ({ from, to, breakConnection }) => {
    if (from !== leader.name || to !== client.name || effects(leader, group) === before) return;
    world.network.onArrival = undefined;
    then(breakConnection);
  };
}

describe('a command takes effect once and gets its first answer', { timeout: 30_000 }, () => {
  test.each([1, 2, 3])(
    '[S1] [G18] [F40] its answer is lost with the connection (seed %i)',
    async (seed) => {
      const place = await somewhere(seed);
      const { world, table, client, key } = place;
      let cuts = 0;
      beforeTheAnswer(place, (cut) => {
        cuts++;
        cut();
      });
      expect(await world.settle(add(routerOf(world, client.name), table, key))).toBe(1);
      expect(cuts).toBe(1);
      expect(await world.settle(add(routerOf(world, client.name), table, key))).toBe(2);
    },
  );

  test.each([1, 2, 3])('[S1] its answer is lost and the leader dies (seed %i)', async (seed) => {
    const place = await somewhere(seed);
    const { world, table, client, leader, key } = place;
    let died = false;
    beforeTheAnswer(place, (cut) => {
      cut();
      world.time.after(0, () => {
        leader.kill();
        died = true;
      });
    });
    expect(await world.settle(add(routerOf(world, client.name), table, key))).toBe(1);
    expect(died).toBe(true);
    expect(await world.settle(get(routerOf(world, client.name), table, key))).toBe('1');
  });

  test.each([1, 2, 3])(
    '[S1] [G12] [F2] its answer survives a flush and a loss of power (seed %i)',
    async (seed) => {
      const place = await somewhere(seed);
      const { world, table, client, leader, third, key, group } = place;
      let isLost = false;
      beforeTheAnswer(place, (cut) => {
        cut();
        world.isolate(client.name);
        isLost = true;
      });
      const answer = add(routerOf(world, client.name), table, key);
      await world.until(() => isLost);
      await world.run(500);
      for (const machine of [leader, third]) {
        const replica = machine.node?.replicas.get(group);
        if (!replica) throw new Error('a replica');
        await world.settle(replica.flush());
        expect(replica.state.durableIndex).toBe(replica.state.appliedIndex);
      }
      world.powerOff(leader.name, third.name);
      await world.run(50);
      await world.start();
      world.heal();
      expect(await world.settle(answer)).toBe(1);
      expect(await world.settle(get(routerOf(world, third.name), table, key))).toBe('1');
    },
  );

  test('[S1] [G20] what reaches its leader after the deadline is refused', async () => {
    const { world, table, client, leader, third, key } = await somewhere(5);
    world.pause(leader.name);
    world.pause(third.name);
    const outcome = await world.settle(add(routerOf(world, client.name), table, key));
    expect(outcome).toBe('unavailable');
    await world.run(1_000);
    world.resume(leader.name);
    world.resume(third.name);
    await world.run(3_000);
    expect(await world.settle(get(routerOf(world, client.name), table, key))).toBeUndefined();
    expect(world.failures).toEqual([]);
  });

  test('[G12] [S3] [E3] a follower that comes back by a snapshot has the same sessions and shards', async () => {
    const limits = { memtableBytes: 8 * 1024, replica: { logBytesKept: 4 * 1024 } };
    const { world, table, client, third } = await somewhere(6, limits);
    world.kill(third.name);
    for (let i = 0; i < 120; i++) {
      await world.settle(put(routerOf(world, client.name), table, `k${i}`, 'x'.repeat(300)));
    }
    await world.start(third.name);
    await world.until(() => areCaughtUp(world));
    expect(differences(world)).toEqual([]);
    const replicas = [...(third.node?.replicas.allData() ?? [])];
    // The log of before is gone from the leaders: it came by snapshot.
    for (const { replica } of replicas) expect(replica.status.firstIndex).toBeGreaterThan(1);
  });
});

describe('a request that its client sends again', { timeout: 30_000 }, () => {
  const retry = new Prng(1).bytes(16);

  test.each([1, 2, 3])(
    '[S1] [F40] takes effect once when it comes through two routers at the same time (seed %i)',
    async (seed) => {
      const { world, table, client, third, leader, key } = await somewhere(seed);
      const answers: Promise<number | string>[] = [];
      for (const { name } of [client, third, leader, client]) {
        answers.push(add(routerOf(world, name), table, key, retry));
        await world.run(1);
      }
      expect(await world.settle(Promise.all(answers))).toEqual([1, 1, 1, 1]);
      expect(await world.settle(add(routerOf(world, third.name), table, key))).toBe(2);
    },
  );

  test.each([1, 2, 3])(
    '[S1] gets its first answer through another node after the first one died with it (seed %i)',
    async (seed) => {
      const place = await somewhere(seed);
      const { world, table, client, third, leader, key, group } = place;
      const before = effects(leader, group);
      // The client's node is the leader itself: nobody else knows of the request.
      void add(routerOf(world, leader.name), table, key, retry);
      await world.until(() => effects(leader, group) > before);
      leader.kill();
      expect(await world.settle(add(routerOf(world, client.name), table, key, retry))).toBe(1);
      await world.start(leader.name);
      expect(await world.settle(add(routerOf(world, third.name), table, key))).toBe(2);
      expect(await world.settle(add(routerOf(world, leader.name), table, key, retry))).toBe(1);
      await world.until(() => areCaughtUp(world));
      expect(differences(world)).toEqual([]);
    },
  );

  test('[S1] [G12] [F2] its answer survives a flush and a loss of power everywhere', async () => {
    const { world, table, client, third, key, group } = await somewhere(4);
    expect(await world.settle(add(routerOf(world, client.name), table, key, retry))).toBe(1);
    await world.until(() => areCaughtUp(world));
    for (const [i, machine] of world.machines.entries()) {
      // One flushed, one flushed in part, one from its log.
      const replica = machine.node?.replicas.get(group);
      if (i < 2) await world.settle(replica?.flush() ?? Promise.reject(new Error('a replica')));
      if (i === 0) expect(replica?.state.durableIndex).toBe(replica?.state.appliedIndex);
    }
    world.powerOff(...world.machines.map(({ name }) => name));
    await world.run(50);
    await world.start();
    expect(await world.settle(add(routerOf(world, third.name), table, key, retry))).toBe(1);
    expect(await world.settle(add(routerOf(world, third.name), table, key))).toBe(2);
  });

  test('[S1] [G20] is a new one when the window has passed', async () => {
    const { world, table, client, third, key } = await somewhere(6);
    expect(await world.settle(add(routerOf(world, client.name), table, key, retry))).toBe(1);
    await world.run(RETRY_WINDOW_MS - 1_000);
    expect(await world.settle(add(routerOf(world, third.name), table, key, retry))).toBe(1);
    await world.run(RETRY_WINDOW_MS / 6 + 2_000);
    expect(await world.settle(add(routerOf(world, third.name), table, key, retry))).toBe(2);
  });

  test.each([1, 2, 3, 4])('[S1] counts once whatever happens (seed %i)', async (seed) => {
    const counts = new Map<string, number[]>();
    let isOver = false;
    const clients: Promise<void>[] = [];
    const { world } = await under({
      seed,
      faults: async (world, random) => {
        const found = await world.settle(Promise.resolve(routerOf(world, 'n1').findTable('t')));
        if (!('shards' in found)) throw new Error('the table');
        for (const client of ['a', 'b', 'c']) {
          clients.push(count(world, found, client, new SimRandom(seed, client), counts));
        }
        await anything(world, random, 25);
        isOver = true;
      },
    });
    await world.settle(Promise.all(clients));
    for (const results of counts.values()) {
      expect(results.length).toBeGreaterThan(5);
      expect(results).toEqual(results.map((_, i) => i + 1));
    }

    /** Counts one counter up, as a client with an SDK does, each time through any node; it gives up none. */
    async function count(
      world: World,
      table: Table,
      client: string,
      random: SimRandom,
      counts: Map<string, number[]>,
    ): Promise<void> {
      const results: number[] = [];
      counts.set(client, results);
      const sleep = (ms: number) => new Promise<void>((wake) => world.time.after(ms, wake));
      while (!isOver || results.length <= 5) {
        const token = new Uint8Array(16);
        random.fill(token);
        for (let result: number | string = ''; typeof result === 'string'; ) {
          const { router } = random.pick(world.machines);
          if (router) {
            const patience = sleep(random.between(50, 3_000)).then(() => 'gave up');
            result = await Promise.race([add(router, table, `of ${client}`, token), patience]);
          }
          if (typeof result === 'number') results.push(result);
          await sleep(random.between(5, 60));
        }
      }
    }
  });
});
