/**
 * `--profile`: processor time of one request, by part. The time of each thread comes from the kernel and is exact; the main
 * thread's is divided by V8's samples of it. The threads of the profiler are left out.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from './alternate.ts';
import { readProfiles, type Span, sharesOf } from './cpu-profile.ts';
import { quiet } from './proc.ts';
import { giveUp, stop } from './processes.ts';
import type { Settings } from './settings.ts';
import { type FlotillaOptions, startFlotilla } from './systems/flotilla.ts';
import type { System } from './systems/system.ts';
import { printFigures, printHeader, row } from './tables.ts';
import { MAIN, ROLES, spent } from './threads.ts';
import { type Action, WORKS } from './work.ts';

const WARM_UP_SECONDS = 2;
const SAMPLE_MICROSECONDS = 500;
/** Parts that cost less than this in every column are shown together. */
const SHOWN_MICROSECONDS = 0.2;

/** What one load cost, in microseconds of processor time a request: a column of the table. */
interface Cost {
  readonly title: string;
  readonly span: Span;
  readonly byRole: ReadonlyMap<string, number>;
  readonly kernel: number;
}

export async function profile(
  settings: Settings,
  plan: Plan,
  options: Omit<FlotillaOptions, 'nodeOptions'>,
): Promise<void> {
  if (process.platform !== 'linux') giveUp('--profile reads /proc: it needs Linux');
  const directory = join(settings.directory, 'profiles');
  mkdirSync(directory);
  const nodeOptions = [
    ...['--cpu-prof', '--cpu-prof-dir', directory],
    ...['--cpu-prof-interval', String(SAMPLE_MICROSECONDS)],
  ];
  console.log(`${options.name}: starting with the profiler on`);
  const { system, nodes } = await startFlotilla(settings, { ...options, nodeOptions });
  console.log(`${options.name}: writing every key`);
  await system.fill();
  printHeader();
  const costs: Cost[] = [];
  for (const connections of plan.connections) {
    for (const action of plan.actions) {
      costs.push(await measure(system, action, connections, plan.seconds));
    }
  }
  // The profiles are written when the processes end.
  await Promise.all(nodes.map((node) => stop(node)));
  printCosts(costs, directory);
}

async function measure(
  system: System,
  action: Action,
  connections: number,
  seconds: number,
): Promise<Cost> {
  await quiet(system.pids);
  await system.load(action, connections, WARM_UP_SECONDS);
  const before = spent(system.pids);
  const from = monotonicMicroseconds();
  const figures = await system.load(action, connections, seconds);
  const to = monotonicMicroseconds();
  const after = spent(system.pids);
  printFigures(WORKS[action].name, system.name, connections, figures);
  const perRequest = (spentSeconds: number) => (1e6 * spentSeconds) / figures.requests;
  const roles = ROLES.map((role) => {
    const seconds = (after.byRole.get(role) ?? 0) - (before.byRole.get(role) ?? 0);
    return [role, perRequest(seconds)] as const;
  });
  return {
    title: `${action} ${connections}`,
    span: { from, to },
    byRole: new Map(roles),
    kernel: perRequest(after.kernel - before.kernel),
  };
}

/** Of the clock that V8 gives its samples, too. */
function monotonicMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function printCosts(costs: readonly Cost[], directory: string): void {
  const profiles = readProfiles(directory);
  const columns = costs.map(({ span, byRole }) => {
    const main = byRole.get(MAIN) ?? 0;
    const shares = sharesOf(profiles, span);
    return new Map([...shares].map(([part, share]) => [part, share * main]));
  });
  const parts = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const inAll = (part: string) => columns.reduce((sum, column) => sum + (column.get(part) ?? 0), 0);
  const isShown = (part: string) =>
    columns.some((column) => (column.get(part) ?? 0) >= SHOWN_MICROSECONDS);
  const shown = parts.filter(isShown).sort((a, b) => inAll(b) - inAll(a));

  const print = (name: string, values: readonly number[]) =>
    row(
      [name],
      values.map((value) => value.toFixed(1)),
      32,
    );
  console.log('\nmicroseconds of processor time a request, of all nodes together\n');
  row(
    ['part of the main thread'],
    costs.map(({ title }) => title),
    32,
  );
  for (const part of shown)
    print(
      `  ${part}`,
      columns.map((column) => column.get(part) ?? 0),
    );
  const rest = columns.map((column) =>
    [...column].reduce((sum, [part, cost]) => (isShown(part) ? sum : sum + cost), 0),
  );
  print('  the rest', rest);
  console.log();
  for (const role of ROLES)
    print(
      role,
      costs.map(({ byRole }) => byRole.get(role) ?? 0),
    );
  const totals = costs.map(({ byRole }) => [...byRole.values()].reduce((a, b) => a + b, 0));
  print('all threads', totals);
  print(
    '  of it in the kernel',
    costs.map(({ kernel }) => kernel),
  );
}
