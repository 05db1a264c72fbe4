import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { ControllerCluster } from './cluster.ts';
import { check, expectMinimal } from './config.ts';
import { serversOf } from './service.ts';

const THOUSANDS = Array.from({ length: 10 }, (_, i) => 1000 + i);
const ELEVEN_TO_15 = [11, 12, 13, 14, 15];

/** Ten clients at once, each with three groups of which one stays. */
async function concurrent(cluster: ControllerCluster): Promise<void> {
  const joinAndStay = async (group: number) => {
    const client = cluster.newClient();
    await client.join({
      [group]: serversOf(group),
      [group + 1000]: serversOf(group + 1, 1),
      [group + 2000]: serversOf(group + 2, 1),
    });
    await client.leave(group + 1000, group + 2000);
  };
  await Promise.all(THOUSANDS.map(joinAndStay));
}

async function expectThousands(cluster: ControllerCluster): Promise<void> {
  const { groups } = await check(cluster.newClient(), THOUSANDS);
  for (const group of THOUSANDS) expect(groups.get(group)).toEqual(serversOf(group));
}

describe('[C1] 4A: the shard controller, Multi', () => {
  mitTest('Multi: join/leave', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      const client = cluster.newClient();
      await check(client, []);
      await client.join({ 1: ['x', 'y', 'z'], 2: ['a', 'b', 'c'] });
      await check(client, [1, 2]);
      await client.join({ 3: ['j', 'k', 'l'] });
      const { groups } = await check(client, [1, 2, 3]);
      expect([...groups.values()]).toEqual([
        ['x', 'y', 'z'],
        ['a', 'b', 'c'],
        ['j', 'k', 'l'],
      ]);
      await client.leave(1, 3);
      expect((await check(client, [2])).groups.get(2)).toEqual(['a', 'b', 'c']);
      await client.leave(2);
      await check(client, []);
    });
  });

  mitTest('Multi: concurrent', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      await concurrent(cluster);
      await expectThousands(cluster);
    });
  });

  mitTest('Multi: minimal transfers', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      await concurrent(cluster);
      const client = cluster.newClient();
      const c1 = await check(client, THOUSANDS);
      await client.join(Object.fromEntries(ELEVEN_TO_15.map((id) => [id, serversOf(id)])));
      const c2 = await check(client, [...ELEVEN_TO_15, ...THOUSANDS]);
      expectMinimal(c1, c2);
      await client.leave(...ELEVEN_TO_15);
      expectMinimal(c2, await check(client, THOUSANDS));
    });
  });

  mitTest('Multi: same configuration on servers', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      await concurrent(cluster);
      const client = cluster.newClient();
      const leader = await cluster.findLeader();
      const config = await client.query();
      cluster.crash(leader);
      // It is answered once there is a new one.
      expect(await client.query()).toEqual(config);
      expect(await cluster.findLeader()).not.toBe(leader);
    });
  });

  // Beyond the original: what arrives more than once must not undo what came in between.
  mitTest('[F35] Multi: concurrent, unreliable, while servers crash', async (seed) => {
    const cluster = new ControllerCluster(seed);
    await cluster.run(async () => {
      cluster.setUnreliable(true);
      const flags = { stopped: false };
      const crashes = crashInTurns(cluster, flags);
      await concurrent(cluster);
      flags.stopped = true;
      await crashes;
      cluster.setUnreliable(false);
      await expectThousands(cluster);
    });
  });
});

async function crashInTurns(
  cluster: ControllerCluster,
  flags: { readonly stopped: boolean },
): Promise<void> {
  while (!flags.stopped) {
    await cluster.sleep(200 + cluster.random.below(600));
    const server = cluster.random.below(cluster.n);
    cluster.crash(server);
    await cluster.sleep(100 + cluster.random.below(400));
    await cluster.start(server);
    cluster.connectAll();
  }
}
