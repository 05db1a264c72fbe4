import { sleep } from '../proc.ts';
import type { SoakNode } from './cluster.ts';
import { LoadProcess } from './load/load-process.ts';
import { summaryOf } from './load/summary.ts';
import { printPhase, printPhaseHeader, progress, type Stage, secondsOf } from './stage.ts';
import { activeSegment, hasSegment } from './vitals.ts';

const BASE_ITEMS = 10_000;
const WARM_UP_SECONDS = 3;
const POLL_MS = 50;
/** Under load a replica is always some entries behind. That much of the load, in seconds, still counts as caught up. */
const LAG_SECONDS = 0.1;
const GIVE_UP_SECONDS = 180;
const GROUPS = 3;
const MORE_MAX = 10;

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
  const segments = [first, second].map((node) => ({ node, name: activeSegment(node) }));
  const filler = new LoadProcess('load generator of the fill');
  let written = await stage.fill(BASE_ITEMS, options.items, ports, filler);
  // What the log still has comes from the log. It is a snapshot's turn when the others have let go of where the victim was.
  while (
    written < MORE_MAX * options.items &&
    segments.some(({ node, name }) => hasSegment(node, name))
  ) {
    written += await stage.fill(BASE_ITEMS + written, options.items / 4, ports, filler);
  }
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
  verdicts.atLeast('snapshots that it installed', snapshots, 1, '');
  verdicts.atMost('longest gap while it caught up', during.gapMs, 1000, 'ms');
  verdicts.atMost('longest gap of one connection', during.connectionGapMs, 1000, 'ms');
  verdicts.atMost('p99 while it caught up, to that of before', during.p99 / before.p99, 2, 'x', 2);
}
