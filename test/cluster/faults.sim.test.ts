import { describe, expect, test } from 'vitest';
import type { SimRandom, World } from '../../src/sim/index.ts';
import { anything, under } from '../support/scenario.ts';

function someLeader(world: World, random: SimRandom): string {
  return world.leader(1 + random.below(world.machines.length))?.name ?? 'n1';
}

// Each scenario ends with every fault gone: then all must go on, and what the clients saw must be possible.
describe('reads are linearizable and writes take effect once, while', { timeout: 30_000 }, () => {
  test.each([1])('[D1] [S1] nothing fails (seed %i)', async (seed) => {
    const { workload } = await under({
      seed,
      thinkMs: [5, 20],
      faults: (world) => world.run(1_000),
    });
    expect([...workload.outcomes.keys()]).toEqual(['success']);
  });

  test.each([1, 2])('[D1] [S1] [R10] [F23] leaders are killed (seed %i)', async (seed) => {
    const { workload } = await under({
      seed,
      faults: async (world, random) => {
        for (let i = 0; i < 4; i++) {
          const victim = someLeader(world, random);
          world.kill(victim);
          await world.run(random.between(300, 3_000));
          await world.start(victim);
          await world.run(random.between(500, 2_500));
        }
      },
    });
    expect(workload.longestGapMs).toBeLessThan(3_000);
  });

  test.each([1, 2])('[D1] [S1] [R10] [F18] leaders are paused (seed %i)', async (seed) => {
    const { workload } = await under({
      seed,
      faults: async (world, random) => {
        for (let i = 0; i < 4; i++) {
          const victim = someLeader(world, random);
          world.pause(victim);
          await world.run(random.between(300, 9_000));
          world.resume(victim);
          await world.run(random.between(200, 2_500));
        }
      },
    });
    expect(workload.longestGapMs).toBeLessThan(3_000);
  });

  test.each([1, 2])('[D1] [S1] [F10] leaders are cut off (seed %i)', async (seed) => {
    const { workload } = await under({
      seed,
      faults: async (world, random) => {
        for (let i = 0; i < 4; i++) {
          world.isolate(someLeader(world, random));
          await world.run(random.between(200, 9_000));
          world.heal();
          await world.run(random.between(500, 3_000));
        }
      },
    });
    expect(workload.longestGapMs).toBeLessThan(3_000);
  });

  test.each([1])('[D1] [S1] [F11] [G8] ways are cut in one direction (seed %i)', async (seed) => {
    await under({
      seed,
      faults: async (world, random) => {
        const names = world.machines.map(({ name }) => name);
        for (let i = 0; i < 5; i++) {
          const from = random.pick(names);
          world.network.cut(from, random.pick(world.others(from)));
          await world.run(random.between(200, 4_000));
          if (random.once(2)) world.heal();
        }
      },
    });
  });

  test.each([1])('[D1] [S1] [F15] a link flaps (seed %i)', async (seed) => {
    await under({
      seed,
      faults: async (world, random) => {
        for (let i = 0; i < 6; i++) {
          world.partition(['n1'], ['n2']);
          await world.run(random.between(500, 2_000));
          world.heal();
          await world.run(random.between(500, 2_000));
        }
      },
    });
  });

  test.each([1])(
    '[D1] [S1] [F1] [F20] machines lose power one after the other (seed %i)',
    async (seed) => {
      await under({
        seed,
        faults: async (world, random) => {
          for (let i = 0; i < 4; i++) {
            const victim = random.pick(world.machines).name;
            world.powerOff(victim);
            await world.run(random.between(300, 3_000));
            await world.start(victim);
            await world.run(random.between(1_000, 2_500));
          }
        },
      });
    },
  );

  test.each([1, 2, 3])('[D1] [S1] [F2] all machines lose power at once (seed %i)', async (seed) => {
    await under({
      seed,
      faults: async (world, random) => {
        for (let i = 0; i < 3; i++) {
          world.powerOff('n1', 'n2', 'n3');
          await world.run(random.between(10, 500));
          await world.start();
          await world.run(random.between(500, 3_000));
        }
      },
    });
  });

  test.each([1, 2, 3])('[D1] [S1] anything of it happens (seed %i)', async (seed) => {
    await under({ seed, faults: (world, random) => anything(world, random, 12) });
  });

  test.each([1, 2])('[D1] [S1] anything of it happens to five nodes (seed %i)', async (seed) => {
    await under({ seed, nodes: 5, faults: (world, random) => anything(world, random, 12) });
  });
});
