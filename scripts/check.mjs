// `npm run check`: everything that takes less than a minute. Stops at the first step that fails.
import { runSteps } from './steps.mjs';

const failed = runSteps([
  ['format and lint', 'biome', ['check', '--error-on-warnings', '.']],
  ['import directions', process.execPath, ['scripts/rooms.mjs']],
  ['promises', 'oxlint', ['--type-aware', '--config', '.oxlintrc.json', 'src', 'test']],
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['types of the pure rooms', 'tsc', ['-p', 'tsconfig.pure.json']],
  [
    'unit tests',
    'vitest',
    [
      'run',
      '--project',
      'unit',
      '--reporter=default',
      '--reporter=json',
      '--outputFile.json=node_modules/.cache/unit.json',
    ],
  ],
]);
process.exit(failed ? 1 : 0);
