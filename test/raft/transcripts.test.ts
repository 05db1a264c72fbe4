import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Transcript } from './transcript.ts';

// Each file is a story: commands and what they led to. UPDATE_TRANSCRIPTS=1 rewrites the outputs; a rewrite is committed
// only once its cause is understood, for these files are what a reviewer of the core reads.

const directory = new URL('./testdata/', import.meta.url);
const names = readdirSync(directory).filter((name) => name.endsWith('.txt'));
const { UPDATE_TRANSCRIPTS } = process.env;
const update = UPDATE_TRANSCRIPTS === '1';

test('there are stories', () => {
  expect(names.length).toBeGreaterThanOrEqual(10);
});

test.each(names)('%s', (name) => {
  const file = new URL(name, directory);
  const source = readFileSync(file, 'utf8');
  const result = Transcript.run(source);
  if (update) writeFileSync(file, result);
  expect(result).toBe(update ? result : source);
});
