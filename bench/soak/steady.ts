/** Writes at full speed for minutes: does anything grow, and does anything that happens in the background show in the latency? */
import { cpuOf, total } from '../proc.ts';
import { row } from '../tables.ts';

import { growthOver, median, percentile } from './figures.ts';
import { Histogram } from './load/histogram.ts';
import type { Second } from './load/load.ts';
import { summaryOf } from './load/summary.ts';
import { printPhase, printPhaseHeader, progress, type Stage, secondsOf } from './stage.ts';
import { type MachineTime, machineTime, type Vitals, vitalsOf } from './vitals.ts';

const WARM_UP_SECONDS = 10;
const SPIKE = 1.5;
const SPIKES_SHOWN = 40;
/** Below so many seconds without an event there is nothing to compare with. */
const QUIET_SECONDS_MIN = 10;
const SEGMENT_MIB = 64;
const COLUMN = 30;

interface Moment {
  readonly second: Second;
  readonly p50: number;
  readonly p99: number;
  /** Of each node. */
  readonly vitals: readonly Vitals[];
  /** What the nodes did besides in this second. */
  readonly events: readonly string[];
  /** Cores that neither nodes nor load generator used, but somebody else did. */
  readonly elsewhere: number;
}

export async function steady(stage: Stage): Promise<void> {
  const { cluster, options, loader } = stage;
  const count = await stage.fill(0, options.items);
  const keys = { order: 'random', first: 0, count } as const;
  const load = stage.load('put', keys, { kind: 'full' });
  const watch = new Watch(stage);
  const moments: Moment[] = [];
  const cpuBefore = total(cpuOf(loader.pid));
  const run = await loader.run(load, (second) => {
    const moment = watch.look(second);
    moments.push(moment);
    progress(lineOf(moment));
  });
  const seconds = Math.round(60 * options.minutes) + WARM_UP_SECONDS;
  await secondsOf(run, seconds);
  const cpu = total(cpuOf(loader.pid)) - cpuBefore;
  await run.stop();

  const measured = moments.slice(WARM_UP_SECONDS, seconds);
  const whole = summaryOf(
    measured.map(({ second }) => second),
    moments[WARM_UP_SECONDS - 1]?.second.atMs,
  );
  printPhaseHeader();
  printPhase('all', whole);
  const microseconds =
    (1e6 * cpu) /
    Math.max(
      1,
      run.seconds.reduce((n, s) => n + s.successes, 0),
    );
  console.log(`the load generator used ${microseconds.toFixed(1)} µs of processor time a request`);
  judgeLatency(stage, measured);
  judgeGrowth(
    stage,
    measured,
    cluster.nodes.map(({ name }) => name),
  );
}

/** Looks at the nodes once a second, and tells what has changed since. */
class Watch {
  readonly #stage: Stage;
  #last: readonly Vitals[];
  #time: MachineTime;
  #ours: number;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#last = this.#vitals();
    this.#time = machineTime();
    this.#ours = this.#oursSeconds(this.#last);
  }

  look(second: Second): Moment {
    const vitals = this.#vitals();
    const events = this.#stage.cluster.nodes.flatMap(({ name }, i) =>
      changes(this.#last[i] as Vitals, vitals[i] as Vitals).map((what) => `${name} ${what}`),
    );
    const time = machineTime();
    const ours = this.#oursSeconds(vitals);
    const passed = Math.max(0.001, (time.atMs - this.#time.atMs) / 1000);
    const others = time.busySeconds - this.#time.busySeconds - (ours - this.#ours);
    this.#last = vitals;
    this.#time = time;
    this.#ours = ours;
    const histogram = new Histogram(second.counts);
    return {
      second,
      p50: histogram.percentileMs(0.5),
      p99: histogram.percentileMs(0.99),
      vitals,
      events,
      elsewhere: Math.max(0, others / passed),
    };
  }

  #vitals(): readonly Vitals[] {
    const { cluster } = this.#stage;
    return cluster.nodes.map((node) => vitalsOf(cluster, node));
  }

  #oursSeconds(vitals: readonly Vitals[]): number {
    const nodes = vitals.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    return nodes + total(cpuOf(this.#stage.loader.pid)) + total(cpuOf(process.pid));
  }
}

function changes(before: Vitals, after: Vitals): string[] {
  const found: string[] = [];
  if (after.flushedAt > before.flushedAt) found.push('flush');
  if (after.segments !== before.segments) found.push('segment');
  if (after.snapshots !== before.snapshots) found.push('snapshot');
  return found;
}

function lineOf({ second, p50, p99, vitals, events, elsewhere }: Moment): string {
  const of = (value: (one: Vitals) => number) =>
    vitals.map((one) => value(one).toFixed(0)).join('/');
  return [
    `${(second.atMs / 1000).toFixed(0)} s: ${second.successes} writes, p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} ms`,
    `memory ${of(({ anonymousMib }) => anonymousMib)} MiB`,
    `descriptors ${of(({ descriptors }) => descriptors)}`,
    `log ${of(({ logMib }) => logMib)} MiB`,
    `engine ${of(({ engineMib }) => engineMib)} MiB`,
    `elsewhere ${elsewhere.toFixed(1)} cores`,
    events.join(', '),
  ].join('; ');
}

function judgeLatency({ verdicts }: Stage, moments: readonly Moment[]): void {
  const p99s = moments.map(({ p99 }) => p99);
  const usual = median(p99s);
  const spikes = moments.filter(({ p99 }) => p99 > SPIKE * usual);
  const ms = (value: number) => value.toFixed(1);
  console.log(
    `p99 of a second: median ${ms(usual)} ms, p90 ${ms(percentile(p99s, 0.9))}, worst ${ms(Math.max(...p99s))}; ` +
      `${spikes.length} of ${moments.length} above ${SPIKE} x the median`,
  );
  const worst = [...spikes].sort((a, b) => b.p99 - a.p99).slice(0, SPIKES_SHOWN);
  for (const { second, p99, events, elsewhere } of worst) {
    const at = (second.atMs / 1000).toFixed(0);
    row([`  second ${at}`], [`${ms(p99)} ms`, `${elsewhere.toFixed(1)} cores`], 16);
    console.log(`    ${events.join(', ') || 'nothing of the nodes'}`);
  }
  // What happens in seconds without a flush, a segment or a snapshot is the machine's own noise, its collector's included.
  const quiet = moments.filter(({ events }) => events.length === 0).map(({ p99 }) => p99);
  const eventful = moments.filter(({ events }) => events.length > 0).map(({ p99 }) => p99);
  if (quiet.length < QUIET_SECONDS_MIN || eventful.length === 0) {
    console.log(
      `${quiet.length} seconds without an event, ${eventful.length} with one: no comparison`,
    );
    return;
  }
  for (const part of [0.5, 0.9, 1]) {
    const ratio = percentile(eventful, part) / percentile(quiet, part);
    const what = part === 1 ? 'worst' : `p${100 * part} of the`;
    verdicts.atMost(
      `${what} p99, ${eventful.length} seconds with events to ${quiet.length} without`,
      ratio,
      SPIKE,
      'x',
      2,
    );
  }
}

function judgeGrowth(
  { verdicts }: Stage,
  moments: readonly Moment[],
  names: readonly string[],
): void {
  const half = moments.slice(Math.floor(moments.length / 2));
  row(['', 'second half'], ['mean', 'growth', 'largest'], COLUMN);
  names.forEach((name, i) => {
    const judge = (what: string, of: (one: Vitals) => number, most: number, unit: string) => {
      const values = half.map(({ vitals }) => of(vitals[i] as Vitals));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const growth = growthOver(values);
      const shown = [mean, growth, Math.max(...values)].map((value) => value.toFixed(1));
      row(['', `${name} ${what}, ${unit}`], shown, COLUMN);
      verdicts.atMost(`${name}: ${what} grows in the second half by`, growth, most, unit, 1);
    };
    const memory = (one: Vitals) => one.anonymousMib;
    const first = half[0]?.vitals[i];
    judge('memory', memory, Math.max(20, 0.1 * (first ? memory(first) : 0)), 'MiB');
    judge('descriptors', ({ descriptors }) => descriptors, 5, 'open');
    judge('log', ({ logMib }) => logMib, SEGMENT_MIB, 'MiB');
    judge(
      'engine',
      ({ engineMib }) => engineMib,
      Math.max(20, 0.1 * (first?.engineMib ?? 0)),
      'MiB',
    );
  });
}
