import { cpuOf, total } from '../proc.ts';
import type { Second } from './load/load.ts';
import { LoadProcess } from './load/load-process.ts';
import { WRONG_VALUE } from './load/loader.ts';
import { notRetryable, type Summary, summaryOf } from './load/summary.ts';
import { printPhase, printPhaseHeader, progressOf, type Stage, secondsOf } from './stage.ts';
import { anonymousMib } from './vitals.ts';

const TIMES = 10;
/** Clients that ask whatever the answers do so on many connections; each has as much unanswered as the nodes let it. */
const OPEN_CONNECTIONS = 1000;
const OPEN_DEPTH = 16;
const WARM_UP_SECONDS = 2;
const BEFORE_SECONDS = 10;
const AFTER_SECONDS = 15;
const RECOVERED = 1.5;
const RECOVERY_SECONDS = 5;
/** A second alone has too few requests for a p99 that stands still. */
const WINDOW_SECONDS = 3;
/** The bound of requests in flight is 256 MiB; what a node needs besides is below 700 MiB. */
const MEMORY_MIB = 1024;

/** Ten times what the cluster can bear, whatever it answers; then as much as before. */
export async function overload(stage: Stage): Promise<void> {
  const { cluster, options, verdicts, loader } = stage;
  const count = await stage.fill(0, options.items);
  const random = { order: 'random', first: 0, count } as const;
  const capacity = await stage.capacityOf(stage.load('put', random, { kind: 'full' }));
  const pace = { kind: 'paced', perSecond: options.share * capacity } as const;
  const normal = stage.load('mix', random, pace);

  const calm = await stage.play('before', normal, WARM_UP_SECONDS + BEFORE_SECONDS);
  await calm.stop();
  const before = summaryOf(
    calm.seconds.slice(WARM_UP_SECONDS, WARM_UP_SECONDS + BEFORE_SECONDS),
    calm.seconds[WARM_UP_SECONDS - 1]?.atMs,
  );

  const crowd = new LoadProcess('load generator of the overload');
  const memory: number[] = [];
  const perSecond = TIMES * capacity;
  const open = { kind: 'open', perSecond, depth: OPEN_DEPTH } as const;
  const once = { order: 'once', first: count, count: 1e9 } as const;
  const load = stage.load('put', once, open, OPEN_CONNECTIONS);
  const began = performance.now();
  const crowding = await crowd.run(load, (second) => {
    for (const node of cluster.nodes) memory.push(anonymousMib(cluster.pidOf(node)));
    progressOf('overload', second);
  });
  await secondsOf(crowding, options.seconds);
  const cost = total(cpuOf(crowd.pid)) / ((performance.now() - began) / 1000);
  const drained = crowding.stop();
  const after = await loader.run(normal, (second) => progressOf('after', second));
  await secondsOf(after, AFTER_SECONDS);
  await after.stop();
  const acknowledged = await drained;

  const check = stage.load('get', { ...once, order: 'acknowledged' }, { kind: 'full' });
  const reading = await crowd.run(check, (second) => progressOf('reading back', second));
  await reading.ended;

  const during = summaryOf(crowding.seconds);
  const recovered = recoveryOf(after.seconds.slice(0, AFTER_SECONDS), before);
  const read = summaryOf(reading.seconds);
  printPhaseHeader();
  printPhase('before', before);
  printPhase(`${perSecond.toFixed(0)} requests/s asked`, during);
  printPhase('after, the first 5 s', summaryOf(after.seconds.slice(0, RECOVERY_SECONDS)));
  const rest = after.seconds.slice(RECOVERY_SECONDS, AFTER_SECONDS);
  printPhase('after, the rest', summaryOf(rest, after.seconds[RECOVERY_SECONDS - 1]?.atMs));
  printPhase(`${acknowledged} read back`, read);
  console.log(`\nthe load generator used ${cost.toFixed(2)} cores in the overload`);
  const lost = (read.failures[WRONG_VALUE] ?? 0) + acknowledged - read.successes;
  verdicts.atLeast('acknowledged in the overload', acknowledged, 1, '');
  verdicts.atMost(
    'answers that are no success and no error to retry',
    notRetryable(during.failures),
    0,
    '',
  );
  verdicts.atMost('memory of its own of any node', Math.max(...memory), MEMORY_MIB, 'MiB');
  verdicts.atMost('acknowledged and lost', lost, 0, '');
  verdicts.atMost('p50 and p99 are back within', recovered, RECOVERY_SECONDS, 's');
}

/** Seconds until p50 and p99 of a few seconds in a row are about what they were; infinite if that does not come. */
function recoveryOf(seconds: readonly Second[], before: Summary): number {
  for (let from = 0; from + WINDOW_SECONDS <= seconds.length; from++) {
    const { p50, p99 } = summaryOf(seconds.slice(from, from + WINDOW_SECONDS));
    if (p50 <= RECOVERED * before.p50 && p99 <= RECOVERED * before.p99) return from;
  }
  return Number.POSITIVE_INFINITY;
}
