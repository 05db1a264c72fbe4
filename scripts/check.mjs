// `npm run check`: everything that takes less than a minute. Stops at the first step that fails.
import { spawnSync } from 'node:child_process';

const STEPS = [
  ['format and lint', 'biome', ['check', '--error-on-warnings', '.']],
  ['import directions', process.execPath, ['scripts/rooms.mjs']],
  ['promises', 'oxlint', ['--type-aware', '--config', '.oxlintrc.json', 'src', 'test']],
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['types of the pure rooms', 'tsc', ['-p', 'tsconfig.pure.json']],
  ['unit tests', 'vitest', ['run', '--project', 'unit']],
];

for (const [name, command, args] of STEPS) {
  const started = performance.now();
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, PATH: `node_modules/.bin:${process.env.PATH}` },
  });
  if (error) throw error;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok' : 'FAILED'}: ${name} (${seconds} s)`);
  if (status !== 0) process.exit(1);
}
