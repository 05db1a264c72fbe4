import { sleep } from '../proc.ts';
import { summaryOf } from './load/summary.ts';
import { printPhase, printPhaseHeader, progress, type Stage } from './stage.ts';

const CLIENTS = 2000;
/** Each asks once a second. */
const PER_SECOND = 2000;
const LIMIT_SECONDS = 10;
const GIVE_UP_SECONDS = 60;

/** All nodes are killed and started again, and all their clients come back at once. */
export async function reconnect(stage: Stage): Promise<void> {
  const { cluster, options, verdicts } = stage;
  const count = await stage.fill(0, options.items);
  const keys = { order: 'random', first: 0, count } as const;
  const load = stage.load('mix', keys, { kind: 'paced', perSecond: PER_SECOND }, CLIENTS);
  const run = await stage.play('clients', load, options.seconds);
  const killed = run.seconds.length;
  await cluster.kill(...cluster.nodes);
  progress('all are killed');
  for (const node of cluster.nodes) cluster.startNode(node);
  run.mark();
  const began = performance.now();
  await Promise.all(cluster.nodes.map((node) => cluster.ready(node)));
  const readyMs = performance.now() - began;
  const limit = began + 1000 * GIVE_UP_SECONDS;
  while ((run.seconds.at(-1)?.served ?? 0) < CLIENTS && performance.now() < limit) await sleep(50);
  const back = run.seconds.length;
  const { served = 0, servedAfterMs = 0 } = run.seconds.at(-1) ?? {};
  while (run.seconds.length < back + options.seconds) await sleep(50);
  await run.stop();

  const phase = (from: number, to: number) =>
    summaryOf(run.seconds.slice(from, to), run.seconds[from - 1]?.atMs);
  printPhaseHeader();
  printPhase('before', phase(1, killed));
  printPhase('killed and started again', phase(killed, back));
  printPhase('after', phase(back, back + options.seconds));
  const lastSeconds = (servedAfterMs - readyMs) / 1000;
  console.log(`\nall nodes answer ${(readyMs / 1000).toFixed(1)} s after their start`);
  verdicts.atLeast('clients that were served again', served, CLIENTS, '');
  verdicts.atMost('the last of them, after all nodes answer', lastSeconds, LIMIT_SECONDS, 's', 1);
}
