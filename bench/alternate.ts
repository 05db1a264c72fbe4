import type { Figures } from './load/figures.ts';
import { loadOf, quiet } from './proc.ts';
import type { System } from './systems/system.ts';
import { printFigures, printRatios } from './tables.ts';
import { type Action, WORKS } from './work.ts';

export interface Plan {
  readonly actions: readonly Action[];
  readonly connections: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
}

/** One work at one number of connections: the figures of each system, one a round. */
export interface Result {
  readonly action: Action;
  readonly connections: number;
  readonly figures: ReadonlyMap<string, readonly Figures[]>;
}

const IDLE_MS = 3000;
const WARM_UP_SECONDS = 2;

function signal({ pids, isFrozenBetween }: System, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (isFrozenBetween) for (const pid of pids) process.kill(pid, name);
}

/** Writes every key into each system. */
export async function fillAll(systems: readonly System[]): Promise<void> {
  for (const system of systems) {
    console.log(`${system.name}: writing every key`);
    const began = performance.now();
    await system.fill();
    console.log(`  took ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  for (const { pids } of systems) await quiet(pids);
}

/** Says what the systems cost while another one is measured: those that are not frozen then stay up, and nobody asks them. */
export async function printIdleCosts(systems: readonly System[]): Promise<void> {
  if (process.platform !== 'linux') return;
  const costs = await Promise.all(systems.map(({ pids }) => loadOf(pids, IDLE_MS)));
  const shown = systems.map(({ name, isFrozenBetween }, i) => {
    const frozen = isFrozenBetween ? ' (frozen while others are measured)' : '';
    return `${name} ${(100 * (costs[i] ?? 0)).toFixed(1)} %${frozen}`;
  });
  console.log(`idle, of one core: ${shown.join(', ')}`);
}

/**
 * Loads the systems in turn, one at a time, and prints each figure as it comes and the ratios of the first to each other.
 * Each round begins with another system, so that none always follows the same one.
 */
export async function alternate(systems: readonly System[], plan: Plan): Promise<Result[]> {
  const results: Result[] = [];
  for (const system of systems) signal(system, 'SIGSTOP');
  for (const action of plan.actions) {
    for (const connections of plan.connections) {
      for (const system of systems) await awake(system, () => prepare(system, action, connections));
      const figures = new Map<string, Figures[]>(systems.map(({ name }) => [name, []]));
      for (let round = 0; round < plan.rounds; round++) {
        for (const system of rotated(systems, round)) {
          const measured = await awake(system, () =>
            system.load(action, connections, plan.seconds),
          );
          figures.get(system.name)?.push(measured);
          printFigures(WORKS[action].name, system.name, connections, measured);
        }
      }
      const result = { action, connections, figures };
      results.push(result);
      printRatios(result);
    }
  }
  return results;
}

function rotated<T>(all: readonly T[], by: number): T[] {
  const at = by % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}

/** Does some work with a system that may be frozen, and lets it come to rest. */
async function awake<T>(system: System, work: () => Promise<T>): Promise<T> {
  signal(system, 'SIGCONT');
  const result = await work();
  await quiet(system.pids);
  signal(system, 'SIGSTOP');
  return result;
}

/** Tunes a system; for one that is not tuned the same load for a moment, so that its code is compiled as the other's is. */
async function prepare(system: System, action: Action, connections: number): Promise<void> {
  if (system.tune) console.log(`${system.name}: ${await system.tune(action, connections)}`);
  else await system.load(action, connections, WARM_UP_SECONDS);
}
