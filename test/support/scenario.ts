import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import { SimRandom, type World } from '../../src/sim/index.ts';
import { Workload } from './workload.ts';
import { createTable, formedWorld } from './world.ts';

/** Small enough that segments change, memtables are flushed and logs are trimmed within seconds. */
export const SMALL = {
  logSegmentBytes: 64 * 1024,
  memtableBytes: 16 * 1024,
  flushPartBytes: 4 * 1024,
  replica: { logBytesKept: 8 * 1024 },
};

export interface Scenario {
  readonly seed: number;
  readonly nodes?: number;
  readonly thinkMs?: readonly [min: number, max: number];
  readonly diskLatencyMs?: readonly [min: number, max: number];
  readonly networkLatencyMs?: readonly [min: number, max: number];
  readonly faults: (world: World, random: SimRandom) => Promise<void>;
}

/**
 * Runs clients while faults happen, takes every fault away, and sees that all goes on (liveness) and that the clients saw
 * nothing that must not be (safety). Throws with everything that is wrong.
 */
export async function under({
  seed,
  nodes = 3,
  thinkMs = [20, 80],
  faults,
  ...latencies
}: Scenario) {
  const world = await formedWorld(seed, { nodes, limits: SMALL, ...latencies });
  const table = await createTable(world, 't');
  const workload = new Workload(world, table, { seed, thinkMs });
  await world.run(300);
  await faults(world, new SimRandom(seed, 'faults'));

  world.heal();
  for (const { name } of world.machines) world.resume(name);
  await world.start();
  await world.run(SETTLING_MS);
  const before = workload.successes;
  await world.run(1_000);
  const wrong: string[] = [];
  if (workload.successes - before < 5 * nodes) {
    wrong.push(`${workload.successes - before} operations in a second after all was healed`);
  }
  await workload.stop();
  wrong.push(...(await workload.faults()));
  await world.until(() => areCaughtUp(world));
  wrong.push(...differences(world));
  for (const { name, exits } of world.machines) {
    for (const { reason, error } of exits) {
      wrong.push(`${name}: ${error instanceof Error ? error.stack : reason}`);
    }
  }
  if (wrong.length > 0) throw new Error(`seed ${seed}: ${wrong.join('\n')}`);
  return { world, workload };
}

/** After this everybody has found everybody: a silent connection is given up after 5 s, and dialled again within 1 s. */
const SETTLING_MS = 7_000;

/** Machines that crash at any moment and start again, one after the other. */
export async function crashes(world: World, random: SimRandom, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await world.run(random.between(20, 700));
    const { name } = random.pick(world.machines);
    if (random.once(2)) world.kill(name);
    else world.powerOff(name);
    await world.run(random.between(20, 700));
    world.launch(name);
  }
}

/** Whatever can happen to a machine, a way or a process, one after the other. */
export async function anything(world: World, random: SimRandom, times: number): Promise<void> {
  const names = world.machines.map(({ name }) => name);
  for (let i = 0; i < times; i++) {
    const name = random.pick(names);
    const machine = world.machine(name);
    switch (random.below(8)) {
      case 0:
        if (machine.isRunning) world.kill(name);
        break;
      case 1:
        if (machine.isRunning) world.powerOff(name);
        break;
      case 2:
        world.pause(name);
        break;
      case 3:
        world.resume(name);
        break;
      case 4:
        world.network.cut(name, random.pick(world.others(name)));
        break;
      case 5:
        world.isolate(name);
        break;
      case 6:
        if (machine.isRunning && !machine.process?.isPaused) await world.stop(name);
        break;
      default:
        world.heal();
        await world.start();
    }
    await world.run(random.between(20, 1_500));
  }
}
