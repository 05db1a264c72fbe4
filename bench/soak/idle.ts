import { cpuOf, quiet, sleep, total } from '../proc.ts';
import { progress, type Stage } from './stage.ts';

const LIMIT_PERCENT = 3;

/** What nodes cost that nobody asks. */
export async function idle(stage: Stage): Promise<void> {
  const { cluster, options, verdicts } = stage;
  await stage.fill(0, options.items);
  const pids = cluster.nodes.map((node) => cluster.pidOf(node));
  await quiet(pids);
  const before = pids.map((pid) => total(cpuOf(pid)));
  const began = performance.now();
  for (let second = 1; second <= options.seconds; second++) {
    await sleep(1000);
    progress(`idle ${second} s`);
  }
  const seconds = (performance.now() - began) / 1000;
  cluster.nodes.forEach(({ name }, i) => {
    const used = total(cpuOf(pids[i] as number)) - (before[i] as number);
    const percent = (100 * used) / seconds;
    verdicts.atMost(`${name}, idle: of one core`, percent, LIMIT_PERCENT, '%', 2);
  });
}
