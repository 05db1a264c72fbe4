import { describe, test } from 'vitest';
import { SimRandom } from '../../src/sim/index.ts';
import { expectNothingLost, growingWorld, holds, isEven, mapOf } from '../support/nodes.ts';
import { Workload } from '../support/workload.ts';
import { createTable } from '../support/world.ts';

describe('nodes come and go', { timeout: 120_000 }, () => {
  test.each([1, 2, 3, 4, 5, 6])(
    '[F24] [F25] [F34] under partitions and crashes, of the leader of the controller most of all (seed %i)',
    async (seed) => {
      const world = await growingWorld(seed, { nodes: 5, replaceAfterMs: 10_000 });
      const table = await createTable(world, 't');
      const workload = new Workload(world, table, { seed, thinkMs: [10, 40], keys: 20 });
      const random = new SimRandom(seed, 'troubles');
      const isIn = (name: string) => mapOf(world).nodes.some((node) => node.name === name);
      const troubled = async (isDone: () => boolean) => {
        for (let i = 0; i < 12 && !(i > 4 && isDone()); i++) {
          await world.run(random.between(20, 700));
          const members = world.machines.filter(({ isRunning }) => isRunning);
          const { name } = (random.once(2) ? world.leader(0) : undefined) ?? random.pick(members);
          const isCut = random.once(3);
          if (isCut) world.isolate(name);
          else if (random.once(2)) world.kill(name);
          else world.powerOff(name);
          await world.run(random.between(20, 1_500));
          if (isCut) world.heal();
          else world.launch(name);
        }
        await world.until(() => isDone() && isEven(world));
      };
      for (const name of ['n4', 'n5']) {
        world.launch(name);
        await troubled(() => isIn(name));
      }
      world.powerOff('n4');
      await world.until(() => !holds(world, 'n4'));
      world.launch('n4');
      await troubled(() => true);
      await expectNothingLost(world, workload);
    },
  );
});
