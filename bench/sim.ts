/**
 * `npm run build && npx tsx bench/sim.ts`: how much simulated time passes in a second of one core, in worlds of three nodes whose ten clients together
 * complete a hundred operations a second. The first worlds are for the compiler to warm up on, which takes it ten seconds and more;
 * of the others the fastest says what the code takes, and the rest what else there was on the machine.
 *
 * At the end, where the time goes. What is not sim/ is the code of three nodes as it is in production, and no simulator could do without.
 * And how many calls of functions an operation takes, which tells one version from another on a machine where no two seconds are alike.
 */
import { cpus } from 'node:os';
import { built } from './built.ts';
import { callsOf, profileOf, sharesOf } from './cpu-profile.ts';
import { row } from './tables.ts';

const WARM_UP = 5;
const WORLDS = 8;
const MINUTES = 2;
const WANTED = 100;
/** Parts that take less are left out. */
const SHOWN = 0.01;
/** An operation passes through a function that is called so often by each. */
const PASSED = 0.1;
/** Drawn so that, with the time that requests take, a hundred are completed. */
const DRAWN = {
  clients: 10,
  operationsPerSecond: 103,
  keys: 8,
  networkLatencyMs: [0.1, 1],
  diskLatencyMs: [0.1, 0.4],
  partitionItems: 1,
  eventualOnceIn: 0,
  bulkPerSecond: 0,
  tablesPerSecond: 0,
  buggify: [],
  // A shard here and there is not split all the time.
  splitBytes: 1_000_000,
  splitPerSecond: 1_000,
} as const;

const { nodeHost, runWorld } = await built();
console.log(`${cpus()[0]?.model}, Node ${process.version}; ${WANTED} are wanted`);
row(['world'], ['ops/s', 'events/s', 'µs an event', 'sim. s/s', '... of a core']);
const world = (seed: number) =>
  runWorld({ seed, nodes: 3, minutes: MINUTES, faults: [], drawn: DRAWN, host: nodeHost() });
const speeds: number[] = [];
for (let seed = 1; seed <= WARM_UP + WORLDS; seed++) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const report = await world(seed);
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
    [seed <= WARM_UP ? 'warming up' : `seed ${seed}`],
    numbers.map((figure) => figure.toFixed(1)),
  );
  if (seed > WARM_UP) speeds.push(simulated / seconds);
}
const [slowest, fastest] = [Math.min(...speeds), Math.max(...speeds)];
console.log(`${slowest.toFixed(1)} to ${fastest.toFixed(1)} simulated seconds a second`);

const shares = sharesOf([await profileOf(() => world(WARM_UP + WORLDS + 1))]);
console.log('\npercent of the time');
for (const [part, share] of [...shares].sort(([, a], [, b]) => b - a)) {
  if (share >= SHOWN) row([part], [(100 * share).toFixed(1)]);
}

let operations = 0;
const called = await callsOf(async () => {
  const { outcomes } = await world(WARM_UP + WORLDS + 1);
  operations = outcomes.get('answered') ?? 0;
});
row(['\nan operation'], ['calls', 'of functions']);
const parts = new Set(called.map(({ part }) => part));
for (const part of [...parts].filter((name) => name.startsWith('src/')).sort()) {
  const own = called.filter((one) => one.part === part);
  const calls = own.reduce((sum, { count }) => sum + count, 0) / operations;
  const functions = own.filter(({ count }) => count >= PASSED * operations).length;
  if (functions > 0) row([part], [calls.toFixed(0), functions]);
}
