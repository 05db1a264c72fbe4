/**
 * `npx tsx bench/sim.ts`: how much simulated time passes in a second of one core, in worlds of three nodes whose ten clients together
 * complete a hundred operations a second. The first world is for the compiler to warm up on.
 */
import { cpus } from 'node:os';
import { nodeHost } from '../src/platform/index.ts';
import { runWorld } from '../src/sim/index.ts';
import { row } from './tables.ts';

const WORLDS = 6;
const MINUTES = 2;
const WANTED = 100;
/** Drawn so that, with the time that requests take, a hundred are completed. */
const DRAWN = {
  clients: 10,
  operationsPerSecond: 103,
  keys: 8,
  networkLatencyMs: [0.1, 1],
  diskLatencyMs: [0.1, 0.4],
  buggify: [],
  // A shard here and there is not split all the time.
  splitBytes: 1_000_000,
  splitPerSecond: 1_000,
} as const;

console.log(`${cpus()[0]?.model}, Node ${process.version}; ${WANTED} are wanted`);
row(['world'], ['ops/s', 'events/s', 'µs an event', 'sim. s/s', '... of a core']);
for (let seed = 1; seed <= WORLDS; seed++) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const report = await runWorld({
    seed,
    nodes: 3,
    minutes: MINUTES,
    faults: [],
    drawn: DRAWN,
    host: nodeHost(),
  });
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const { outcome, events, simulatedMs, outcomes } = report;
  if (outcome !== 'clean') throw new Error(`seed ${seed}: ${outcome}: ${report.wrong.join('\n')}`);
  const simulated = simulatedMs / 1000;
  const numbers = [
    (outcomes.get('answered') ?? 0) / (60 * MINUTES),
    events / simulated,
    (1e6 * seconds) / events,
    simulated / seconds,
    (1e6 * simulated) / (user + system),
  ];
  row(
    [seed === 1 ? 'warming up' : `seed ${seed}`],
    numbers.map((figure) => figure.toFixed(1)),
  );
}
