/** Runs worlds of the simulator as it was built to the directory named, from a seed on, until one of them is not clean. */
import { built } from '../../bench/built.ts';

const [directory = '', nodes = '3', seeds = '1', from = '1'] = process.argv.slice(2);
const { nodeHost, runWorld } = await built(directory);

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
