import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { check, faultsOf } from '../../scripts/rooms.mjs';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

describe('import directions', () => {
  test('the house as it stands has no fault', () => {
    expect(check(join(REPOSITORY, 'src'))).toEqual([]);
  });

  test.each([
    ['upwards', 'raft/raft.ts', "import { Node } from '../node/index.ts';"],
    ['upwards, types alone', 'log/x.ts', "import type { Entry } from '../raft/index.ts';"],
    ['upwards, re-exported', 'item/index.ts', "export { Router } from '../router/index.ts';"],
    ['upwards, dynamically', 'store/x.ts', "const x = await import('../node/index.ts');"],
    ['sideways', 'engine/x.ts', "import { openLog } from '../log/index.ts';"],
    ['past an entry file', 'node/x.ts', "import { Raft } from '../raft/raft.ts';"],
    ['from a deeper folder', 'dynamodb/plan/x.ts', "import { Node } from '../../node/index.ts';"],
    ['out of the project', 'group/x.ts', "import { readFileSync } from 'node:fs';"],
    ['of a package', 'store/x.ts', "import { pino } from 'pino';"],
    ['of the memory engine in an unknown room', 'attic/x.ts', ''],
    ['over several lines', 'raft/x.ts', "import {\n  a,\n  b,\n} from '../bytes/index.ts';"],
  ])('finds an import %s', (_, path, text) => {
    expect(faultsOf(path, text)).toHaveLength(1);
  });

  test.each([
    ['downwards', 'node/x.ts', "import { Raft } from '../raft/index.ts';"],
    ['inside a room', 'dynamodb/plan/x.ts', "import { errors } from '../errors.ts';"],
    ['by an adapter', 'platform/x.ts', "import net from 'node:net';"],
    ['of LMDB', 'engine/lmdb/x.ts', "import { open } from 'lmdb';"],
  ])('allows an import %s', (_, path, text) => {
    expect(faultsOf(path, text)).toEqual([]);
  });

  test('finds a file of more than 600 lines without a reason in its head', () => {
    const long = '\n'.repeat(601);
    expect(faultsOf('raft/x.ts', long)).toHaveLength(1);
    expect(faultsOf('raft/x.ts', `// Length: one table.\n${long}`)).toEqual([]);
  });
});

test('every rule that a test cites is stated in docs/rules.md', () => {
  const rules = readFileSync(join(REPOSITORY, 'docs/rules.md'), 'utf8');
  const stated = new Set([...rules.matchAll(/^- \*\*([A-Z]+\d+)\*\*/gm)].map((match) => match[1]));
  const tests = readdirSync(join(REPOSITORY, 'test'), { recursive: true, encoding: 'utf8' });
  const missing = new Set<string>();
  for (const file of tests.filter((name) => name.endsWith('.test.ts'))) {
    const text = readFileSync(join(REPOSITORY, 'test', file), 'utf8');
    for (const match of text.matchAll(/['"`[\] ]\[([A-Z]{1,2}\d{1,2})\]/g)) {
      if (!stated.has(match[1])) missing.add(`${match[1]} (${file})`);
    }
  }
  expect([...missing]).toEqual([]);
});
