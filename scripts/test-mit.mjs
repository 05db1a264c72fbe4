// `npm run test:mit -- --seeds N [--from F] [NAME]`: the MIT suite over N seeds, on all cores. NAME: only tests that have it in theirs.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { seeds: { type: 'string', default: '100' }, from: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const began = performance.now();
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '--project', 'mit', ...positionals.flatMap((name) => ['-t', name])],
  {
    stdio: 'inherit',
    env: { ...process.env, MIT_SEEDS: values.seeds, MIT_FROM: values.from },
  },
);
const minutes = (performance.now() - began) / 60_000;
console.log(`seeds ${values.from} and on, ${values.seeds} of them: ${minutes.toFixed(1)} minutes`);
process.exit(status ?? 1);
