import { sleep } from '../proc.ts';
import type { SoakNode } from './cluster.ts';
import { LoadProcess } from './load/load-process.ts';
import { summaryOf } from './load/summary.ts';
import type { Options } from './options.ts';
import { printPhase, printPhaseHeader, progress, type Stage, secondsOf } from './stage.ts';

const BASE_ITEMS = 10_000;
const WARM_UP_SECONDS = 3;
const POLL_MS = 50;
/** Under load a replica is always some entries behind. That much of the load, in seconds, still counts as caught up. */
const LAG_SECONDS = 0.1;
const GIVE_UP_SECONDS = 180;
const GROUPS = 3;
/** So much that 200 000 items are more than the whole log. */
const SHORT_SEGMENT_MIB = 8;

/** What comes from the log as long as that has it comes by snapshot from nodes with a short one. */
export function catchUpArguments({ by }: Options): readonly string[] {
  return by === 'snapshot' ? ['--log-segment', String(SHORT_SEGMENT_MIB)] : [];
}

/** A node is away while items are written, and comes back: what do the clients of the others notice? */
export async function catchUp(stage: Stage): Promise<void> {
  const { cluster, options, verdicts } = stage;
  const [first, second, victim] = cluster.nodes as [SoakNode, SoakNode, SoakNode];
  const ports = [first.port, second.port];
  await stage.fill(0, BASE_ITEMS);
  const keys = { order: 'random', first: 0, count: BASE_ITEMS } as const;
  const atWork = (perSecond: number) =>
    stage.load('mix', keys, { kind: 'paced', perSecond }, options.connections, ports);
  const full = stage.load('mix', keys, { kind: 'full' }, options.connections, ports);
  const capacity = await stage.capacityOf(full);
  const perSecond = options.share * capacity;

  const run = await stage.play('load', atWork(perSecond), WARM_UP_SECONDS + options.seconds);
  const began = run.seconds.length;
  await cluster.kill(victim);
  progress(`${victim.name} is killed`);
  const filler = new LoadProcess('load generator of the fill');
  const written = await stage.fill(BASE_ITEMS, options.items, ports, filler);
  await secondsOf(run, run.seconds.length + WARM_UP_SECONDS);
  const restarted = run.seconds.length;
  cluster.startNode(victim);
  const startedAt = performance.now();
  progress(`${victim.name} is started again`);

  const lagMax = Math.max(10, (LAG_SECONDS * perSecond) / GROUPS);
  const limit = startedAt + 1000 * GIVE_UP_SECONDS;
  const isCaughtUp = () => cluster.lagOf(victim, first).then((lag) => lag <= lagMax);
  while (!(await isCaughtUp()) && performance.now() < limit) await sleep(POLL_MS);
  const tookSeconds = (performance.now() - startedAt) / 1000;
  await secondsOf(run, run.seconds.length + 1);
  const caughtUp = run.seconds.length;
  await secondsOf(run, caughtUp + options.seconds);
  await run.stop();

  const phase = (from: number, to: number) =>
    summaryOf(run.seconds.slice(from, to), run.seconds[from - 1]?.atMs);
  const before = phase(WARM_UP_SECONDS, began);
  const during = phase(restarted, caughtUp);
  printPhaseHeader();
  printPhase('before', before);
  printPhase('killed; items are written', phase(began, restarted));
  printPhase('catching up', during);
  printPhase('after', phase(caughtUp, caughtUp + options.seconds));
  const snapshots = cluster.snapshotsOf(victim);
  console.log(
    `\n${written} items were written while ${victim.name} was away. It had caught up (within ${lagMax.toFixed(0)} entries) ${tookSeconds.toFixed(1)} s after its start, ` +
      `by ${snapshots} snapshots`,
  );
  verdicts.atMost('caught up within', tookSeconds, GIVE_UP_SECONDS, 's', 1);
  if (options.by === 'log') verdicts.atMost('snapshots that it installed', snapshots, 0, '');
  else verdicts.atLeast('snapshots that it installed', snapshots, GROUPS, '');
  verdicts.atMost('longest gap while it caught up', during.gapMs, 1000, 'ms');
  verdicts.atMost('longest gap of one connection', during.connectionGapMs, 1000, 'ms');
  verdicts.atMost('p99 while it caught up, to that of before', during.p99 / before.p99, 2, 'x', 2);
}
