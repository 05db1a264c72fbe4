import { expect, test } from 'vitest';
import { Chronicle } from '../../src/sim/chronicle.ts';
import { Operator } from '../../src/sim/faults/operator.ts';
import { SimRandom } from '../../src/sim/random.ts';
import { formedWorld } from '../support/world.ts';

// World 8379: no group took part, and a table that was being made had none to be on.
test('[C1] groups whose request to leave comes late come back all the same', async () => {
  const world = await formedWorld(3);
  const chronicle = new Chronicle(() => ({ event: world.time.events, at: world.time.now }));
  const limits = { newMachines: 0, replaceAfterMs: 20_000 };
  const operator = new Operator(world, new SimRandom(1, 'operator'), chronicle, limits);
  const away = world.machines.find(({ node }) => !node?.leadsController);
  if (!away) throw new Error('every node leads the controller');
  const others = world.machines.filter((machine) => machine !== away).map(({ name }) => name);
  const groups = world.map?.groups.map(({ id }) => id).filter((id) => id > 0) ?? [];
  expect(groups).toHaveLength(3);

  world.network.partition([away.name], others);
  operator.leave(away, groups);
  operator.rejoin();
  await world.run(2_000);
  world.network.heal();
  await world.until(() => operator.isIdle);
  await world.run(5_000);
  expect(world.map?.groups.filter(({ joined }) => joined).map(({ id }) => id)).toEqual(groups);
});
