import { readFileSync, writeFileSync } from 'node:fs';
import * as sdk from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { OPERATIONS } from '../../src/dynamodb/index.ts';
import { TestApi } from './helpers.ts';

const DOCUMENT = 'docs/compatibility.md';

test('docs/compatibility.md has the table of the code', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before = '', rest = ''] = text.split(/(?<=<!-- operations: .*-->\n)/);
  const after = rest.slice(rest.indexOf('<!-- /operations -->'));
  const rows = [...OPERATIONS]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, state, notes }) => `| ${name} | ${state} | ${notes} |\n`);
  const table = `\n| operation | state | notes |\n| --- | --- | --- |\n${rows.join('')}\n`;
  const generated = before + table + after;
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(DOCUMENT, generated);
  else expect(text).toBe(generated);
});

test('the table has every operation of the AWS SDK, each once', () => {
  const commands = Object.keys(sdk).flatMap((name) => /^(\w+)Command$/.exec(name)?.[1] ?? []);
  const streams = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'];
  const names = OPERATIONS.map(({ name }) => name).sort();
  expect(names).toEqual([...commands, ...streams].sort());
  expect(new Set(names).size).toBe(names.length);
});

test('an operation that is to come says where to read about it', async () => {
  const api = new TestApi();
  for (const { name, state } of OPERATIONS) {
    if (state !== 'later') continue;
    expect(await api.invalid(name, {})).toBe(
      `The operation ${name} is not supported yet: see ${DOCUMENT}`,
    );
  }
});
