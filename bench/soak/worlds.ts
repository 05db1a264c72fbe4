/**
 * `npm run soak -- --hours H` or `-- --seeds N`: simulated worlds with all faults, one seed after the other on all cores. What
 * failed is told at once, with the command that replays it, and kept in a file; at the end stands how often everything occurred,
 * with `--write` in docs/worlds.md as well.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { BUGGIFY_SITES } from '../../src/ports/index.ts';
import { FAULTS } from '../../src/sim/index.ts';
import { giveUp, onFirstSignal } from '../processes.ts';
import type { WorldResult } from './worlds-child.ts';
import { worldsTable } from './worlds-table.ts';

const CHILD = join(import.meta.dirname, 'worlds-child.ts');
const DOCUMENT = join(import.meta.dirname, '../../docs/worlds.md');
const PROGRESS_MS = 30_000;
/** Paths that only few worlds take: with many seeds none of them may be missing. */
const RARE = [
  ...FAULTS.map((kind) => `fault: ${kind}`),
  ...BUGGIFY_SITES.map((site) => `buggify: ${site}`),
  'a log ended in a torn write',
  'a snapshot was installed',
  'a replica went into quarantine',
  'a replica in quarantine began anew',
  'a disk was full',
  'a disk had room again',
  'a node left leading to others',
  'a node joined',
  'a drained node was removed',
  'a lost node was replaced',
  'network: a bit was wrong',
  'network: a connection was reset',
  'network: a parcel took long',
  'network: a parcel was lost',
  'processes that ended by themselves',
  'raft: conflicts',
  'raft: elections',
  'raft: append-response, refusing',
  'raft: pre-vote-response, refusing',
  'raft: read-index-response, refusing',
  'raft: snapshot-request',
  'raft: timeout-now',
  'raft: vote-response, refusing',
];

/** The world took its process with it. */
const CRASHED = {
  outcome: 'crash',
  wrong: ['its process ended'],
  simulatedMs: 0,
  trace: '',
  occurred: [],
} as const;

export async function worlds(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      hours: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '1' },
      keep: { type: 'string', default: 'failed-worlds.jsonl' },
      write: { type: 'boolean', default: false },
    },
  });
  const hours = Number(values.hours ?? Number.POSITIVE_INFINITY);
  const seeds = Number(values.seeds ?? Number.POSITIVE_INFINITY);
  if (!(hours > 0) || !(seeds > 0)) giveUp('--hours and --seeds are above 0');
  const began = performance.now();
  const until = began + hours * 3_600_000;
  const occurred = new Map<string, number>();
  let next = Number(values.from);
  const end = next + seeds;
  let [done, simulatedMs, failed] = [0, 0, 0];
  let isStopped = false;
  onFirstSignal(() => {
    isStopped = true;
    console.log('the worlds under way are the last ones');
  });

  const take = (result: WorldResult) => {
    done++;
    simulatedMs += result.simulatedMs;
    for (const [what, count] of result.occurred) {
      occurred.set(what, (occurred.get(what) ?? 0) + count);
    }
    if (result.outcome === 'clean') return;
    failed++;
    console.log(`seed ${result.seed}: ${result.outcome}: ${result.wrong[0]?.split('\n')[0]}`);
    console.log(
      `  flotilla sim --seed ${result.seed} --nodes ${result.nodes} --minutes ${values.minutes}`,
    );
    appendFileSync(values.keep, `${JSON.stringify(result)}\n`);
  };
  const tell = () => {
    const seconds = (performance.now() - began) / 1000;
    const rate = (simulatedMs / 1000 / seconds).toFixed(1);
    console.log(
      `${done} worlds in ${(seconds / 60).toFixed(1)} minutes, ${failed} failed; ${rate} simulated seconds a second`,
    );
  };
  const ticker = setInterval(tell, PROGRESS_MS);
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      let runner = new Runner(values.minutes);
      while (next < end && performance.now() < until && !isStopped) {
        const seed = next++;
        // Three worlds of three nodes for each of five: they are where a majority is lost most easily.
        const nodes = seed % 4 === 0 ? 5 : 3;
        const result = await runner.run(seed, nodes);
        // A signal may have come to it, too.
        if (!result && isStopped) break;
        if (!result) runner = new Runner(values.minutes);
        take(result ?? { seed, nodes, ...CRASHED });
      }
      runner.end();
    }),
  );
  clearInterval(ticker);
  tell();
  for (const [what, count] of [...occurred].sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`${String(count).padStart(10)}  ${what}`);
  }
  const never = RARE.filter((what) => !occurred.has(what));
  if (never.length > 0) console.log(`never occurred: ${never.join(', ')}`);
  if (values.write) {
    const realMinutes = (performance.now() - began) / 60_000;
    const simulatedHours = simulatedMs / 3_600_000;
    const summary = { worlds: done, failed, simulatedHours, realMinutes, occurred, never };
    writeFileSync(DOCUMENT, worldsTable(summary));
  }
  return failed === 0;
}

/** A process that runs one world after the other. */
class Runner {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(minutes: string) {
    const child = spawn(process.execPath, ['--import', 'tsx', CHILD, minutes], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Undefined when it has ended of the world: it has said by itself why. */
  async run(seed: number, nodes: number): Promise<WorldResult | undefined> {
    this.#child.stdin?.write(`${seed} ${nodes}\n`);
    const { value, done } = await this.#answers.next();
    return done ? undefined : (JSON.parse(value) as WorldResult);
  }

  end(): void {
    this.#child.stdin?.end();
  }
}
