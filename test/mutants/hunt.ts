/** Runs worlds of the simulator in the module named, from a seed on, until one of them is not clean. */
import { nodeHost } from '../../src/platform/index.ts';

const [module = '', nodes = '3', seeds = '1', from = '1'] = process.argv.slice(2);
const { runWorld } = (await import(module)) as typeof import('../../src/sim/index.ts');

// Whatever is thrown outside of a process of the world is found, too.
let current = 0;
const found = (what: string) => {
  console.log(`found ${current} ${what.split('\n')[0]?.replaceAll('|', '/').slice(0, 160)}`);
  process.exit(0);
};
process.on('unhandledRejection', (error) => found(`crash: ${String(error)}`));
process.on('uncaughtException', (error) => found(`crash: ${String(error)}`));
for (current = Number(from); current < Number(from) + Number(seeds); current++) {
  const { outcome, wrong } = await runWorld({
    seed: current,
    nodes: Number(nodes),
    minutes: 1,
    host: nodeHost(),
  });
  if (outcome !== 'clean') found(`${outcome}: ${wrong[0]}`);
}
