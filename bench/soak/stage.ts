import { makeDirectory, type Settings } from '../settings.ts';
import { row } from '../tables.ts';
import { SoakCluster } from './cluster.ts';
import { Histogram } from './load/histogram.ts';
import type { Keys, Load, Pace, Second, Work } from './load/load.ts';
import { LoadProcess, type Run } from './load/load-process.ts';
import { type Summary, summaryOf } from './load/summary.ts';
import type { Options } from './options.ts';
import { Verdicts } from './verdicts.ts';

const FILL_CONNECTIONS = 32;
/** Of a capacity's measurement: the first seconds warm up. */
const WARM_UP_SECONDS = 2;
const CAPACITY_SECONDS = 5;
export const PHASE_COLUMN = 36;

/** What every scenario plays on: three nodes, a load generator, and the list of what must be shown. */
export class Stage {
  readonly options: Options;
  readonly settings: Settings;
  readonly cluster: SoakCluster;
  readonly loader: LoadProcess;
  readonly verdicts = new Verdicts();

  private constructor(options: Options, settings: Settings, cluster: SoakCluster) {
    this.options = options;
    this.settings = settings;
    this.cluster = cluster;
    this.loader = new LoadProcess('load generator');
  }

  /** `nodeArguments`: more of each node's command line. */
  static async set(options: Options, nodeArguments: readonly string[] = []): Promise<Stage> {
    const { items, valueBytes, parent, tree, port } = options;
    const directory = makeDirectory(parent);
    const settings = { table: 'soak', keys: items, valueBytes, directory };
    const cluster = await SoakCluster.start(settings, tree, port, nodeArguments);
    return new Stage(options, settings, cluster);
  }

  load(
    work: Work,
    keys: Keys,
    pace: Pace,
    connections = this.options.connections,
    ports: readonly number[] = this.cluster.ports,
  ): Load {
    const { table } = this.settings;
    return { table, ports, connections, valueBytes: this.options.valueBytes, work, keys, pace };
  }

  /** Writes keys `first` to `first + count - 1`, each until it is acknowledged. `count` is rounded up to whole batches. */
  async fill(
    first: number,
    count: number,
    ports = this.cluster.ports,
    by = this.loader,
    table = this.settings.table,
  ) {
    const whole = Math.ceil(count / 25) * 25;
    const keys = { order: 'once', first, count: whole } as const;
    const load = { ...this.load('batch', keys, { kind: 'full' }, FILL_CONNECTIONS, ports), table };
    const began = performance.now();
    let batches = 0;
    const run = await by.run(load, ({ successes }) => {
      batches += successes;
      progress(`fill: ${batches * 25} of ${whole} items`);
    });
    await run.ended;
    const seconds = (performance.now() - began) / 1000;
    console.log(`${whole} items written in ${seconds.toFixed(1)} s`);
    return whole;
  }

  /** Lets a load run, and returns it when it has run for so long. It runs on. */
  async play(name: string, load: Load, seconds: number): Promise<Run> {
    const run = await this.loader.run(load, (second) => progressOf(name, second));
    await secondsOf(run, seconds);
    return run;
  }

  /** Requests a second that the cluster serves when all connections ask for more. */
  async capacityOf(load: Load): Promise<number> {
    const run = await this.play('capacity', load, WARM_UP_SECONDS + CAPACITY_SECONDS);
    await run.stop();
    const { perSecond } = summaryOf(
      run.seconds.slice(WARM_UP_SECONDS, WARM_UP_SECONDS + CAPACITY_SECONDS),
      run.seconds[WARM_UP_SECONDS - 1]?.atMs,
    );
    console.log(`capacity of ${load.connections} connections: ${perSecond.toFixed(0)} requests/s`);
    return perSecond;
  }
}

/** Resolves when the load has run for that many seconds. */
export async function secondsOf(run: Run, count: number): Promise<void> {
  while (run.seconds.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** One line on stderr. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function progressOf(name: string, second: Second): void {
  const histogram = new Histogram(second.counts);
  const [p50, p99] = [histogram.percentileMs(0.5), histogram.percentileMs(0.99)];
  const failures = failuresText(second.failures);
  progress(
    `${name} ${(second.atMs / 1000).toFixed(0)} s: ${second.successes} requests, p50 ${p50.toFixed(1)} ms, ` +
      `p99 ${p99.toFixed(1)} ms, longest gap ${second.gapMs.toFixed(0)} ms, ` +
      `of one client ${second.connectionGapMs.toFixed(0)} ms${failures}`,
  );
}

function failuresText(failures: Readonly<Record<string, number>>): string {
  const parts = Object.entries(failures).map(([why, count]) => `, ${count} × ${why}`);
  return parts.join('');
}

export function printPhaseHeader(): void {
  console.log();
  const latency = ['p50 ms', 'p99 ms', 'gap ms', 'of one ms'];
  row(['phase'], ['seconds', 'requests/s', ...latency, 'failures'], PHASE_COLUMN);
}

/** "gap" is the longest time without a success of all connections, "of one" of any single connection. */
export function printPhase(name: string, summary: Summary): void {
  const { seconds, perSecond, p50, p99, gapMs, connectionGapMs, failures, unsent } = summary;
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  const numbers = [seconds.toFixed(1), perSecond.toFixed(0), p50.toFixed(2), p99.toFixed(2)];
  row([name], [...numbers, gapMs.toFixed(0), connectionGapMs.toFixed(0), failed], PHASE_COLUMN);
  for (const [why, count] of Object.entries(failures)) row([`  ${why}`], [count], PHASE_COLUMN);
  if (unsent > 0) row(['  not sent: no connection was free'], [unsent], PHASE_COLUMN);
}
