import { expect, test } from 'vitest';
import { Tasks } from '../../src/jobs/tasks.ts';

// World 5330: a shard's part was read from a damaged engine, and that was a rejection that nobody took.
test('[C4] [F4] one thing at a time is under way for each key, and what one throws ends the process', async () => {
  const errors: unknown[] = [];
  const tasks = new Tasks<string>({ fatal: (error) => errors.push(error) });
  const begun: string[] = [];
  let fail: (error: Error) => void = () => {};
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<void>((_, reject) => {
      fail = reject;
    });
  };
  tasks.begin('a', work('first'));
  tasks.begin('a', work('second'));
  tasks.begin('b', () => Promise.resolve(begun.push('other')));
  expect(begun).toEqual(['first', 'other']);
  const error = new Error('the engine is damaged');
  fail(error);
  await new Promise((resolve) => setImmediate(resolve));
  expect(errors).toEqual([error]);
  tasks.begin('a', work('third'));
  expect(begun).toEqual(['first', 'other', 'third']);
});
