import { describe, expect, test } from 'vitest';
import { isLinearizable, type RegisterOperation } from '../support/linearizability.ts';

/** `w a 0 5`: a write of a, called at 0, returned at 5; `-` for never. `r . 6 7`: a read that saw nothing. */
function history(...lines: readonly string[]): RegisterOperation[] {
  return lines.map((line, i) => {
    const [kind, value, calledAt, returnedAt] = line.split(' ');
    return {
      kind: kind === 'w' ? 'write' : 'read',
      value: value === '.' ? undefined : value,
      calledAt: Number(calledAt),
      returnedAt: returnedAt === '-' ? Number.POSITIVE_INFINITY : Number(returnedAt),
      by: `c${i}`,
    };
  });
}

describe('the checker finds', () => {
  test.each([
    ['a read of what was overwritten before it', ['w a 0 1', 'w b 2 3', 'r a 4 5']],
    ['a read of nothing after a write', ['w a 0 1', 'r . 2 3']],
    ['two reads that go back in time', ['w a 0 1', 'w b 2 9', 'r b 3 4', 'r a 5 6']],
    ['a lost write', ['w a 0 1', 'w b 2 3', 'r b 4 5', 'r a 6 7']],
    ['a read of what nobody wrote', ['w a 0 1', 'r x 2 3']],
    ['a read before the write began', ['r a 0 1', 'w a 2 3']],
    ['an unknown write that came and went', ['w a 0 1', 'w b 2 -', 'r b 3 4', 'r a 5 6']],
  ])('%s', (_, lines) => {
    expect(isLinearizable(history(...lines))).toBe(false);
  });
});

describe('the checker allows', () => {
  test.each([
    ['nothing', []],
    ['a read beside a write to see either', ['w a 0 1', 'w b 2 6', 'r a 3 4', 'r b 5 7']],
    ['an unknown write to take effect late', ['w a 0 -', 'r . 5 6', 'r a 7 8']],
    ['an unknown write never to take effect', ['w a 0 -', 'r . 5 6', 'w b 7 8', 'r b 9 9']],
    ['an unknown read', ['w a 0 1', 'r x 2 -', 'r a 3 4']],
    ['concurrent writes in any order', ['w a 0 9', 'w b 0 9', 'r a 10 11', 'r a 12 13']],
  ])('%s', (_, lines) => {
    expect(isLinearizable(history(...lines))).toBe(true);
  });
});
