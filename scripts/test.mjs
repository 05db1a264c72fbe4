// `npm test`: the checks, then everything that needs real processes or minutes. Closes with the line "N passed, N failed".
import { readFileSync, rmSync } from 'node:fs';
import { runSteps } from './steps.mjs';

const REPORTS = ['unit', 'mit', 'slow'].map((name) => `node_modules/.cache/${name}.json`);
for (const report of REPORTS) rmSync(report, { force: true });

const failed = runSteps([
  ['checks', process.execPath, ['scripts/check.mjs']],
  [
    'the MIT suite and long worlds, on virtual time',
    'vitest',
    [
      'run',
      '--project',
      'mit',
      '--project',
      'sim',
      '--reporter=default',
      '--reporter=json',
      '--outputFile.json=node_modules/.cache/mit.json',
    ],
  ],
  [
    'tests on real processes',
    'vitest',
    [
      'run',
      '--project',
      'slow',
      '--project',
      'alone',
      '--reporter=verbose',
      '--reporter=json',
      '--outputFile.json=node_modules/.cache/slow.json',
    ],
  ],
]);

let passed = 0;
let broken = 0;
const skipped = [];
for (const report of REPORTS) {
  let result;
  try {
    result = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    continue; // an earlier step failed
  }
  for (const file of result.testResults) {
    if (file.assertionResults.length === 0 && file.status === 'failed') broken++;
    for (const { status, fullName } of file.assertionResults) {
      if (status === 'passed') passed++;
      else if (status === 'failed') broken++;
      else skipped.push(fullName);
    }
  }
}
for (const name of skipped) console.log(`skipped: ${name}`);
if (failed && broken === 0) broken = 1; // a step that is no test
console.log(
  `${passed} passed, ${broken} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
);
process.exit(failed || passed === 0 ? 1 : 0);
