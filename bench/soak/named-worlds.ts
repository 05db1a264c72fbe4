import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const TESTS = join(import.meta.dirname, '../../test');
/** A comment of one or more lines: `World 97 of three nodes: its leader offered the file for ever.` */
const COMMENT = /^ *\/\/ Worlds? (\d[^:]*): (.*(?:\n *\/\/ .*)*)/gm;

interface NamedWorld {
  readonly world: string;
  readonly shown: string;
  readonly file: string;
}

/** As a section of docs/worlds.md: what worlds that failed have shown, and where the tests are that name them. */
export function namedWorlds(): string[] {
  const found = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .sort()
    .flatMap(worldsIn);
  return [
    '## What worlds that failed have shown',
    '',
    'By their numbers of then: with the code the worlds change. Each has a test that names it.',
    '',
    '| world | what it has shown | test |',
    '| --- | --- | --- |',
    ...found.map(({ world, shown, file }) => `| ${world} | ${shown} | test/${file} |`),
  ];
}

function worldsIn(file: string): NamedWorld[] {
  const text = readFileSync(join(TESTS, file), 'utf8');
  return [...text.matchAll(COMMENT)].map(([, world = '', comment = '']) => ({
    world,
    shown: comment.replaceAll(/\n *\/\/ /g, ' '),
    file,
  }));
}
