import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { type Client, ControllerCluster } from './cluster.ts';
import { type Config, check, configOf, countOf, expectMinimal, SHARDS } from './config.ts';
import { serversOf } from './service.ts';

const TENS = Array.from({ length: 10 }, (_, i) => 100 + 10 * i);
const ELEVEN_TO_15 = [11, 12, 13, 14, 15];

/** The first part. Returns the configurations on the way. */
async function joinAndLeave(client: Client): Promise<Config[]> {
  const kept = [await check(client, [])];
  await client.join({ 1: ['x', 'y', 'z'] });
  kept.push(await check(client, [1]));
  await client.join({ 2: ['a', 'b', 'c'] });
  const both = await check(client, [1, 2]);
  expect(both.groups.get(1)).toEqual(['x', 'y', 'z']);
  expect(both.groups.get(2)).toEqual(['a', 'b', 'c']);
  kept.push(both);
  await client.leave(1);
  kept.push(await check(client, [2]));
  await client.leave(2);
  kept.push(await check(client, []));
  return kept;
}

/** Ten clients at once; ten groups stay. */
async function concurrent(cluster: ControllerCluster): Promise<void> {
  const joinAndStay = async (group: number) => {
    const client = cluster.newClient();
    await client.join({ [group + 1000]: serversOf(group, 1) });
    await client.join({ [group]: serversOf(group + 1, 1) });
    await client.leave(group + 1000);
  };
  await Promise.all(TENS.map(joinAndStay));
  const { groups } = await check(cluster.newClient(), TENS);
  for (const group of TENS) expect(groups.get(group)).toEqual(serversOf(group + 1, 1));
}

describe('[C1] 4A: the shard controller, Basic', () => {
  mitTest('Basic: leave/join', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      await joinAndLeave(cluster.newClient());
    });
  });

  mitTest('Basic: historical queries', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      const client = cluster.newClient();
      const kept = await joinAndLeave(client);
      expect(new Set(kept.map(({ number }) => number)).size).toBe(kept.length);
      const empty: Config = { number: 0, owners: [], groups: new Map() };
      // So that whoever starts again has all of it from the engine, and not from the log.
      await Promise.all(cluster.running.map(({ replica }) => replica.flush()));
      for (let server = 0; server < cluster.n; server++) {
        cluster.crash(server);
        for (const config of [...kept, empty]) {
          expect(await client.query(config.number)).toEqual(config);
        }
        await cluster.start(server);
        cluster.connectAll();
      }
      expect(await client.query()).toEqual(kept.at(-1));
      // Clients may have been answered by one of them: here all are asked for what they hold.
      for (const [server, { replica }] of cluster.running.entries()) {
        const machine = cluster.service(server)?.machine;
        const newest = kept.at(-1)?.number;
        expect(await cluster.comesToHold(() => machine?.map.number === newest, 3000)).toBe(true);
        for (const config of kept) {
          const found = machine?.configuration(config.number, replica.state);
          expect(typeof found === 'object' && configOf(found)).toEqual(config);
        }
      }
    });
  });

  mitTest('Basic: move', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      const client = cluster.newClient();
      await client.join({ 503: ['d', 'e', 'f'] });
      await client.join({ 504: ['g', 'h', 'i'] });
      const placeOf = (shard: number) => (shard < SHARDS / 2 ? 503 : 504);
      for (let shard = 0; shard < SHARDS; shard++) {
        const before = await client.query();
        await client.move(shard, placeOf(shard));
        const after = await client.query();
        const wasElsewhere = before.owners[shard] !== placeOf(shard);
        if (wasElsewhere) expect(after.number).toBeGreaterThan(before.number);
        // No other one moves with it.
        expect(after.owners).toEqual(before.owners.with(shard, placeOf(shard)));
      }
      const { owners } = await client.query();
      expect(owners).toEqual(owners.map((_, shard) => placeOf(shard)));
      await client.leave(503);
      await client.leave(504);
      await check(client, []);
    });
  });

  mitTest('Basic: concurrent leave/join', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(() => concurrent(cluster));
  });

  mitTest('Basic: minimal transfers after joins', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      await concurrent(cluster);
      await joinOneByOne(cluster.newClient());
    });
  });

  mitTest('Basic: minimal transfers after leaves', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      await concurrent(cluster);
      const client = cluster.newClient();
      const c2 = await joinOneByOne(client);
      let before = c2;
      for (const group of ELEVEN_TO_15) {
        await client.leave(group);
        const after = await client.query();
        expectMinimal(before, after);
        before = after;
      }
      const c3 = await check(client, TENS);
      for (const [shard, owner] of c2.owners.entries()) {
        if (c3.groups.has(owner)) expect(c3.owners[shard]).toBe(owner);
      }
    });
  });

  mitTest('MinimalAgain', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      const client = cluster.newClient();
      await client.join({ 1: serversOf(1) });
      await client.join({ 2: serversOf(2) });
      const c1 = await check(client, [1, 2]);
      await client.join({ 3: serversOf(3) });
      const c2 = await check(client, [1, 2, 3]);
      const moved = (a: Config, b: Config) => a.owners.filter((owner, i) => owner !== b.owners[i]);
      for (const [shard, owner] of c2.owners.entries()) {
        if (owner !== 3) expect(c1.owners[shard]).toBe(owner);
      }
      expect(moved(c1, c2).length).toBeLessThanOrEqual(4);
      expectMinimal(c1, c2);
      await client.leave(1);
      const c3 = await check(client, [2, 3]);
      for (const [shard, owner] of c2.owners.entries()) {
        if (owner !== 1) expect(c3.owners[shard]).toBe(owner);
      }
      expect(moved(c2, c3).length).toBeLessThanOrEqual(4);
      expectMinimal(c2, c3);
    });
  });

  // §13: over many numbers of groups, fewer and more than there are shards.
  mitTest('minimal transfers, from one group to fifteen and back', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      const client = cluster.newClient();
      const groups: number[] = [];
      await client.join({ 100: serversOf(100) });
      groups.push(100);
      let before = await check(client, groups);
      while (groups.length < 15) {
        const next = freshGroup(cluster, groups);
        await client.join({ [next]: serversOf(next) });
        groups.push(next);
        const after = await check(client, groups);
        expect(countOf(after, next)).toBe(Math.floor(SHARDS / groups.length));
        expectMinimal(before, after);
        before = after;
      }
      while (groups.length > 1) {
        const [leaving] = groups.splice(cluster.random.below(groups.length), 1) as [number];
        await client.leave(leaving);
        const after = await check(client, groups);
        expectMinimal(before, after);
        before = after;
      }
    });
  });
});

async function joinOneByOne(client: Client): Promise<Config> {
  const c1 = await client.query();
  let before = c1;
  for (const group of ELEVEN_TO_15) {
    await client.join({ [group]: serversOf(group, 1) });
    const after = await client.query();
    expectMinimal(before, after);
    before = after;
  }
  const c2 = await check(client, [...ELEVEN_TO_15, ...TENS]);
  for (const [shard, owner] of c2.owners.entries()) {
    if (c1.groups.has(owner)) expect(c1.owners[shard]).toBe(owner);
  }
  return c2;
}

function freshGroup({ random }: ControllerCluster, taken: readonly number[]): number {
  for (;;) {
    const id = 1 + random.below(1000);
    if (!taken.includes(id)) return id;
  }
}
