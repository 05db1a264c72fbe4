import { describe, expect, test } from 'vitest';
import {
  type AddInput,
  COUNTER,
  checkLinearizable,
  type Operation,
  REGISTER,
  type RegisterInput,
  SimRandom,
  VERSIONED,
  type VersionedInput,
  type VersionedOutput,
} from '../../src/sim/index.ts';

/**
 * `w a 0 5`: a put of a, called at 0, returned at 5; `-` for never. `a x 0 5`: an append of x. `r a 6 7`: a get that saw a, and `.`
 * one that saw nothing.
 */
function history(lines: readonly string[]): Operation<RegisterInput, string>[] {
  return lines.map((line, i) => {
    const [kind, text = '', calledAt, returnedAt] = line.split(' ');
    const value = text === '.' ? '' : text;
    const isOpen = returnedAt === '-';
    const input: RegisterInput =
      kind === 'r' ? { kind: 'get' } : { kind: kind === 'w' ? 'put' : 'append', value };
    return {
      client: `c${i}`,
      input,
      output: isOpen ? undefined : kind === 'r' ? value : '',
      calledAt: Number(calledAt),
      returnedAt: isOpen ? Number.POSITIVE_INFINITY : Number(returnedAt),
    };
  });
}

const WRONG: readonly (readonly [string, readonly string[]])[] = [
  ['a read of what was overwritten before it', ['w a 0 1', 'w b 2 3', 'r a 4 5']],
  ['a read of nothing after a write', ['w a 0 1', 'r . 2 3']],
  ['two reads that go back in time', ['w a 0 1', 'w b 2 9', 'r b 3 4', 'r a 5 6']],
  ['a lost write', ['w a 0 1', 'w b 2 3', 'r b 4 5', 'r a 6 7']],
  ['a read of what nobody wrote', ['w a 0 1', 'r x 2 3']],
  ['a read before the write began', ['r a 0 1', 'w a 2 3']],
  ['an unknown write that came and went', ['w a 0 1', 'w b 2 -', 'r b 3 4', 'r a 5 6']],
  ['an append that happened twice', ['a x 0 1', 'r xx 2 3']],
  ['an append that was lost', ['a x 0 1', 'a y 2 3', 'r y 4 5']],
  ['appends in another order than they returned', ['a x 0 1', 'a y 2 3', 'r yx 4 5']],
  [
    'two reads that saw concurrent appends differently',
    ['a x 0 9', 'a y 0 9', 'r xy 10 11', 'r yx 12 13'],
  ],
];

const RIGHT: readonly (readonly [string, readonly string[]])[] = [
  ['nothing', []],
  ['a read beside a write to see either', ['w a 0 1', 'w b 2 6', 'r a 3 4', 'r b 5 7']],
  ['an unknown write to take effect late', ['w a 0 -', 'r . 5 6', 'r a 7 8']],
  ['an unknown write never to take effect', ['w a 0 -', 'r . 5 6', 'w b 7 8', 'r b 9 9']],
  ['an unknown read', ['w a 0 1', 'r x 2 -', 'r a 3 4']],
  ['concurrent writes in any order', ['w a 0 9', 'w b 0 9', 'r a 10 11', 'r a 12 13']],
  ['an unknown append between two others', ['a x 0 1', 'a y 2 -', 'a z 3 4', 'r xyz 5 6']],
  ['a put of nothing to come after a put beside it', ['w . 0 1', 'w a 2 5', 'w . 3 6', 'r . 7 8']],
  ['an append that was called and answered within another', ['a x 0 9', 'a y 1 2', 'r yx 10 11']],
];

describe('[D1] the checker finds, of registers and lists', () => {
  test.each(WRONG)('%s', (_, lines) => {
    expect(checkLinearizable(REGISTER, history(lines)).kind).toBe('illegal');
  });
});

describe('[D1] the checker allows, of registers and lists', () => {
  test.each(RIGHT)('%s', (_, lines) => {
    expect(checkLinearizable(REGISTER, history(lines)).kind).toBe('linearizable');
  });
});

/** `p 0 ok 0 1`: a put at version 0 that was answered with ok. `g 1 2 3`: a get that saw version 1, as written there. */
function versioned(lines: readonly string[]): Operation<VersionedInput, VersionedOutput>[] {
  return lines.map((line, i) => {
    const parts = line.split(' ');
    const number = Number(parts[1]);
    const [calledAt, returnedAt] = parts.slice(-2);
    const times = {
      calledAt: Number(calledAt),
      returnedAt: returnedAt === '-' ? Number.POSITIVE_INFINITY : Number(returnedAt),
    };
    if (parts[0] === 'g') {
      const value = number === 0 ? '' : `v${number - 1}`;
      const output = { kind: 'value', value, version: number } as const;
      return { client: `c${i}`, input: { kind: 'get' }, output, ...times };
    }
    const input = { kind: 'put', value: `v${number}`, version: number } as const;
    const kind = parts[2] as 'ok' | 'wrong-version' | 'maybe' | '?';
    return { client: `c${i}`, input, output: kind === '?' ? undefined : { kind }, ...times };
  });
}

describe('[D1] of conditional puts', () => {
  test.each([
    ['two that succeeded on one version', ['p 0 ok 0 9', 'p 0 ok 0 9']],
    ['a refusal of the right version', ['p 0 ok 0 1', 'p 1 wrong-version 2 3']],
    ['a put that was lost', ['p 0 ok 0 1', 'g 0 2 3']],
    [
      'a maybe that the version rules out',
      ['p 0 ok 0 1', 'p 1 ok 2 3', 'p 0 maybe 4 5', 'g 1 6 7'],
    ],
  ])('the checker finds %s', (_, lines) => {
    expect(checkLinearizable(VERSIONED, versioned(lines)).kind).toBe('illegal');
  });

  test.each([
    ['a refusal beside the one that succeeded', ['p 0 ok 0 9', 'p 0 wrong-version 0 9']],
    ['a maybe that did it', ['p 0 maybe 0 1', 'g 1 2 3']],
    ['a maybe that did not', ['p 0 ok 0 1', 'p 0 maybe 2 3', 'g 1 4 5']],
    ['an answer that never came', ['p 0 ? 0 -', 'g 0 1 2', 'g 1 3 4']],
  ])('the checker allows %s', (_, lines) => {
    expect(checkLinearizable(VERSIONED, versioned(lines)).kind).toBe('linearizable');
  });
});

describe('[D1] of counters', () => {
  const add = (amount: number, output: number, calledAt: number, returnedAt: number) =>
    ({ client: 'c', input: { kind: 'add', amount }, output, calledAt, returnedAt }) as const;

  test('the checker finds an addition that took effect twice', () => {
    const twice: Operation<AddInput, number>[] = [add(1, 1, 0, 1), add(2, 5, 2, 3)];
    expect(checkLinearizable(COUNTER, twice).kind).toBe('illegal');
    const once: Operation<AddInput, number>[] = [add(1, 1, 0, 1), add(2, 3, 2, 3)];
    expect(checkLinearizable(COUNTER, once).kind).toBe('linearizable');
  });
});

/** A history of clients on a register that is right, and with `mistake` one that is not. */
function randomHistory(random: SimRandom, mistake: boolean): Operation<RegisterInput, string>[] {
  let state = '';
  const operations: Operation<RegisterInput, string>[] = [];
  const length = 8 + random.below(24);
  for (let i = 0; i < length; i++) {
    const takesEffectAt = 10 * i;
    const calledAt = takesEffectAt - random.between(0, 20);
    const isOpen = random.once(16);
    const returnedAt = takesEffectAt + random.between(0, 20);
    const kind = random.pick(['get', 'put', 'append'] as const);
    const input: RegisterInput = kind === 'get' ? { kind } : { kind, value: `${i};` };
    if (input.kind === 'put') state = input.value;
    if (input.kind === 'append') state += input.value;
    const output = kind === 'get' ? state : '';
    operations.push({
      client: `c${i}`,
      input,
      output: isOpen ? undefined : output,
      calledAt,
      returnedAt: isOpen ? Number.POSITIVE_INFINITY : returnedAt,
    });
  }
  if (!mistake) return operations;
  // A read at the end of something that was overwritten for good.
  const calledAt = 10 * length + 100;
  const wrong = { client: 'last', input: { kind: 'get' }, output: 'never written' } as const;
  return [...operations, { ...wrong, calledAt, returnedAt: calledAt + 1 }];
}

describe('[D1] the checker', () => {
  test('judges random histories as they were made', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const right = checkLinearizable(
        REGISTER,
        randomHistory(new SimRandom(seed, 'history'), false),
      );
      expect(right.kind, `seed ${seed}`).toBe('linearizable');
      const wrong = checkLinearizable(
        REGISTER,
        randomHistory(new SimRandom(seed, 'history'), true),
      );
      expect(wrong.kind, `seed ${seed}`).toBe('illegal');
    }
  });

  test('finds its way through a crowd of appends of which half never ended', () => {
    const operations: Operation<RegisterInput, string>[] = [];
    const order = Array.from({ length: 40 }, (_, i) => `${(i * 17) % 40};`);
    for (const [i, value] of order.entries()) {
      const isOpen = i % 2 === 0;
      operations.push({
        client: `c${i}`,
        input: { kind: 'append', value },
        output: isOpen ? undefined : '',
        calledAt: (i * 7) % 40,
        returnedAt: isOpen ? Number.POSITIVE_INFINITY : 50 + i,
      });
    }
    const get = { client: 'last', input: { kind: 'get' }, calledAt: 100, returnedAt: 101 } as const;
    const right = [...operations, { ...get, output: order.join('') }];
    expect(checkLinearizable(REGISTER, right).kind).toBe('linearizable');
    const wrong = [
      ...operations,
      { ...get, output: order.slice(1).join('') + order[0] + order[0] },
    ];
    expect(checkLinearizable(REGISTER, wrong).kind).toBe('illegal');
  });

  test('agrees with trying every order', () => {
    let illegal = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const random = new SimRandom(seed, 'small');
      const operations = Array.from({ length: 5 }, (_, i): Operation<RegisterInput, string> => {
        const calledAt = random.below(12);
        const isOpen = random.once(6);
        const value = random.pick(['a', 'b', '']);
        const input: RegisterInput = random.once(2) ? { kind: 'get' } : { kind: 'put', value };
        const output = input.kind === 'get' ? random.pick(['', 'a', 'b']) : '';
        return {
          client: `c${i}`,
          input,
          output: isOpen ? undefined : output,
          calledAt,
          returnedAt: isOpen ? Number.POSITIVE_INFINITY : calledAt + random.below(8),
        };
      });
      const expected = someOrderFits(operations, '') ? 'linearizable' : 'illegal';
      expect(checkLinearizable(REGISTER, operations).kind, `seed ${seed}`).toBe(expected);
      if (expected === 'illegal') illegal++;
    }
    expect(illegal).toBeGreaterThan(50);
    expect(illegal).toBeLessThan(350);
  });

  test('shows where it breaks, and no more than that', () => {
    const lines = ['w a 0 1', 'r a 2 3', 'w b 4 5', 'r b 6 7', 'r a 8 9', 'w c 10 11', 'r c 12 13'];
    const result = checkLinearizable(REGISTER, history(lines));
    const window = result.kind === 'illegal' ? result.window : '';
    expect(window).toContain('put "b"');
    expect(window).toMatch(/get → "a" {3}\(does not fit\)/);
    expect(window).toContain('ends in the state "b"');
    for (const without of ['"c"', 'get → "b"']) expect(window).not.toContain(without);
  });

  test('says that it does not know rather than that all is well', () => {
    const adds = Array.from({ length: 14 }, (_, i): Operation<AddInput, number> => {
      const input = { kind: 'add', amount: 2 ** i } as const;
      const returnedAt = Number.POSITIVE_INFINITY;
      return { client: `c${i}`, input, output: undefined, calledAt: i, returnedAt };
    });
    const get = { client: 'last', input: { kind: 'get', amount: 0 }, output: 0.5 } as const;
    const all = [...adds, { ...get, calledAt: 101, returnedAt: 102 }];
    expect(checkLinearizable(COUNTER, all, 500).kind).toBe('unknown');
    expect(checkLinearizable(COUNTER, all).kind).toBe('illegal');
  });

  // World 1276 of five nodes: five million states, of which nobody would ever have seen anything.
  test('does not try every order of what is overwritten before anybody looks', () => {
    const appends = Array.from({ length: 10 }, (_, i): Operation<RegisterInput, string> => {
      const input = { kind: 'append', value: `(${i})` } as const;
      return { client: `c${i}`, input, output: '', calledAt: i, returnedAt: 50 + i };
    });
    const put = { kind: 'put', value: 'new' } as const;
    const withRead = (output: string) => [
      ...appends,
      { client: 'c0', input: put, output: '', calledAt: 70, returnedAt: 75 },
      { client: 'c1', input: { kind: 'get' } as const, output, calledAt: 80, returnedAt: 85 },
    ];
    expect(checkLinearizable(REGISTER, withRead('new'), 5_000).kind).toBe('linearizable');
    expect(checkLinearizable(REGISTER, withRead('new, but not this'), 5_000).kind).toBe('illegal');
    const { onlyReadsSee: _, ...plain } = REGISTER;
    expect(checkLinearizable(plain, withRead('new, but not this'), 5_000).kind).toBe('unknown');
  });

  test('goes through thousands of operations with some that never ended', () => {
    let state = '';
    const operations: Operation<RegisterInput, string>[] = [];
    for (let i = 0; i < 5_000; i++) {
      const isOpen = i % 500 === 0;
      const isGet = i % 3 === 0 && !isOpen;
      if (!isGet && !isOpen) state = `${i}`;
      operations.push({
        client: `c${i % 10}`,
        input: isGet ? { kind: 'get' } : { kind: 'put', value: `${i}` },
        output: isOpen ? undefined : isGet ? state : '',
        calledAt: 10 * i - 3,
        returnedAt: isOpen ? Number.POSITIVE_INFINITY : 10 * i + 3,
      });
    }
    expect(checkLinearizable(REGISTER, operations).kind).toBe('linearizable');
  });
});

/** The definition, tried out: some order of some of those without an answer and all others. */
function someOrderFits(left: readonly Operation<RegisterInput, string>[], state: string): boolean {
  if (left.every(({ output }) => output === undefined)) return true;
  const firstReturn = Math.min(...left.map(({ returnedAt }) => returnedAt));
  return left.some((operation, i) => {
    if (operation.calledAt > firstReturn) return false;
    const next = REGISTER.step(state, operation.input, operation.output);
    return next !== undefined && someOrderFits(left.toSpliced(i, 1), next);
  });
}
