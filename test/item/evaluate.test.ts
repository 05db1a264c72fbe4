import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Comparator,
  type Condition,
  equalValues,
  evaluateCondition,
  MAX_EXPRESSION_LEVELS,
  type Operand,
} from '../../src/item/index.ts';
import { includesBytes, includesText } from '../../src/item/search.ts';
import {
  condition as anyCondition,
  item as anyItem,
  denseCondition,
  denseItem,
  denseValue,
  runs,
} from './arbitraries.ts';
import { at, constant, item, path, sizeOfPath, value } from './build.ts';
import { naivelyMeets } from './naive.ts';

const sample = item({
  pk: { S: 'key' },
  s: { S: 'hello' },
  n: { N: '5' },
  b: { B: 'AQID' },
  t: { BOOL: true },
  nothing: { NULL: true },
  ss: { SS: ['a', 'b'] },
  ns: { NS: ['1', '2'] },
  bs: { BS: ['AQ==', 'Ag=='] },
  l: { L: [{ S: 'x' }, { N: '1' }, { M: { k: { S: 'v' } } }] },
  m: { M: { a: { N: '1' }, b: { L: [{ N: '7' }] } } },
});

const COMPARATORS: readonly Comparator[] = ['=', '<>', '<', '<=', '>', '>='];

function compare(left: Operand, comparator: Comparator, right: Operand): Condition {
  return { kind: 'compare', comparator, left, right };
}

function meets(condition: Condition): boolean {
  return evaluateCondition(condition, sample);
}

/** Which of the six comparators hold. */
function holding(left: Operand, right: Operand): string {
  return COMPARATORS.filter((one) => meets(compare(left, one, right))).join(' ');
}

describe('comparisons', () => {
  test.each<[string, Operand, Operand, string]>([
    ['a missing attribute and a missing one', at('x'), at('y'), '<>'],
    ['a missing attribute and itself', at('x'), at('x'), '<>'],
    ['a missing attribute and a value', at('x'), constant({ N: '1' }), '<>'],
    ['a value and a missing attribute', constant({ N: '1' }), at('x'), '<>'],
    ['different types', at('s'), at('n'), '<>'],
    ['a number and its text', at('n'), constant({ S: '5' }), '<>'],
    ['a string and its bytes', constant({ S: 'AQ==' }), constant({ B: 'AQ==' }), '<>'],
    ['an attribute and itself', at('n'), at('n'), '= <= >='],
    ['equal numbers', at('n'), constant({ N: '5.0' }), '= <= >='],
    ['numbers by value', at('n'), constant({ N: '10' }), '<> < <='],
    ['negative numbers', constant({ N: '-2' }), constant({ N: '-1' }), '<> < <='],
    ['strings by UTF-8', constant({ S: '\uffff' }), constant({ S: '\u{1f600}' }), '<> < <='],
    ['a string before what it begins', constant({ S: 'he' }), at('s'), '<> < <='],
    ['bytes unsigned', constant({ B: '/w==' }), constant({ B: 'AQ==' }), '<> > >='],
    ['booleans, which have no order', at('t'), constant({ BOOL: true }), '='],
    ['different booleans', at('t'), constant({ BOOL: false }), '<>'],
    ['nulls', at('nothing'), constant({ NULL: true }), '='],
    ['sets in another order', at('ss'), constant({ SS: ['b', 'a'] }), '='],
    ['sets of numbers in other spellings', at('ns'), constant({ NS: ['2.0', '01'] }), '='],
    ['sets of binaries', at('bs'), constant({ BS: ['Ag==', 'AQ=='] }), '='],
    ['a subset', at('ss'), constant({ SS: ['a'] }), '<>'],
    ['sets of different types', constant({ SS: ['1', '2'] }), at('ns'), '<>'],
    ['lists deep', at('l[2]'), constant({ M: { k: { S: 'v' } } }), '='],
    [
      'lists in another order',
      constant({ L: [{ N: '1' }, { N: '2' }] }),
      constant({ L: [{ N: '2' }, { N: '1' }] }),
      '<>',
    ],
    [
      'maps in another order',
      constant({ M: { b: { L: [{ N: '7' }] }, a: { N: '1' } } }),
      at('m'),
      '=',
    ],
    ['a map with one name more', constant({ M: { a: { N: '1' } } }), at('m'), '<>'],
    [
      'maps with other names',
      constant({ M: { a: { N: '1' } } }),
      constant({ M: { c: { N: '1' } } }),
      '<>',
    ],
    ['empty lists', constant({ L: [] }), constant({ L: [] }), '='],
    ['an empty list and an empty map', constant({ L: [] }), constant({ M: {} }), '<>'],
    ['an element of a list in a map', at('m.b[0]'), constant({ N: '7' }), '= <= >='],
    ['a position past the end', at('l[3]'), constant({ N: '7' }), '<>'],
    ['a name in a list', at('l.a'), constant({ N: '7' }), '<>'],
    ['a position in a map', at('m[0]'), constant({ N: '7' }), '<>'],
    ['a path through a string', at('s.length'), constant({ N: '5' }), '<>'],
  ])('[DB21] %s: %s', (_, left, right, expected) => {
    expect(holding(left, right)).toBe(expected);
  });

  test('[DB21] an item that is not there has no attributes', () => {
    expect(evaluateCondition({ kind: 'attribute_not_exists', path: ['pk'] }, undefined)).toBe(true);
    expect(evaluateCondition({ kind: 'attribute_exists', path: ['pk'] }, undefined)).toBe(false);
    expect(evaluateCondition(compare(at('pk'), '<>', constant({ S: 'x' })), undefined)).toBe(true);
    expect(evaluateCondition(compare(at('pk'), '=', at('pk')), undefined)).toBe(false);
  });
});

describe('functions', () => {
  test.each<[string, number]>([
    ['s', 5],
    ['b', 3],
    ['ss', 2],
    ['ns', 2],
    ['bs', 2],
    ['l', 3],
    ['m', 2],
    ['m.b', 1],
  ])('[DB22] size(%s) is %i', (name, size) => {
    expect(holding(sizeOfPath(name), constant({ N: String(size) }))).toBe('= <= >=');
  });

  test.each(['n', 't', 'nothing', 'missing', 'm.a'])('[DB22] size(%s) never matches', (name) => {
    expect(holding(sizeOfPath(name), constant({ N: '1' }))).toBe('');
    expect(holding(constant({ N: '1' }), sizeOfPath(name))).toBe('');
    expect(holding(sizeOfPath(name), sizeOfPath(name))).toBe('');
  });

  test.each<[string, Operand, unknown, boolean]>([
    ['a substring', at('s'), { S: 'ell' }, true],
    ['an empty string', at('s'), { S: '' }, true],
    ['no substring', at('s'), { S: 'elo' }, false],
    ['a part of a binary', at('b'), { B: 'AgM=' }, true],
    ['no part of a binary', at('b'), { B: 'AQM=' }, false],
    ['a member of a string set', at('ss'), { S: 'a' }, true],
    ['a part of a member', at('ss'), { S: '' }, false],
    ['a member of a number set', at('ns'), { N: '2.0' }, true],
    ['a member of a binary set', at('bs'), { B: 'Ag==' }, true],
    ['a member of another type', at('ns'), { S: '1' }, false],
    ['a subset', at('ss'), { SS: ['a'] }, false],
    ['an element of a list', at('l'), { N: '1.0' }, true],
    ['a map in a list', at('l'), { M: { k: { S: 'v' } } }, true],
    ['no element', at('l'), { S: 'v' }, false],
    ['a name of a map', at('m'), { S: 'a' }, false],
    ['a number in a number', at('n'), { N: '5' }, false],
    ['anything in what is missing', at('missing'), { S: 'a' }, false],
  ])('[DB22] contains: %s', (_, operand, member, expected) => {
    expect(meets({ kind: 'contains', operand, member: constant(member) })).toBe(expected);
  });

  test.each<[string, unknown, boolean]>([
    ['s', { S: 'he' }, true],
    ['s', { S: '' }, true],
    ['s', { S: 'hello!' }, false],
    ['s', { S: 'el' }, false],
    ['b', { B: 'AQI=' }, true],
    ['b', { B: 'Ag==' }, false],
    ['s', { B: 'aGU=' }, false],
    ['n', { N: '5' }, false],
    ['ss', { S: 'a' }, false],
    ['missing', { S: '' }, false],
  ])('[DB22] begins_with(%s, %j) is %s', (name, prefix, expected) => {
    const one: Condition = { kind: 'begins_with', operand: at(name), prefix: constant(prefix) };
    expect(meets(one)).toBe(expected);
  });

  test.each<[string, string, boolean]>([
    ['n', 'N', true],
    ['n', 'S', false],
    ['nothing', 'NULL', true],
    ['m.b', 'L', true],
    ['missing', 'S', false],
  ])('[DB22] attribute_type(%s, %s) is %s', (name, type, expected) => {
    expect(meets({ kind: 'attribute_type', path: path(name), type: type as 'S' })).toBe(expected);
  });

  test.each<[string, unknown, unknown, boolean]>([
    ['n', { N: '5' }, { N: '5' }, true],
    ['n', { N: '4' }, { N: '6' }, true],
    ['n', { N: '6' }, { N: '7' }, false],
    ['n', { N: '3' }, { N: '4' }, false],
    ['n', { S: '4' }, { N: '6' }, false],
    ['s', { S: 'a' }, { S: 'z' }, true],
    ['b', { B: 'AQ==' }, { B: 'Ag==' }, true],
    ['t', { BOOL: false }, { BOOL: true }, false],
    ['missing', { N: '1' }, { N: '2' }, false],
  ])('[DB22] %s BETWEEN %j AND %j is %s', (name, low, high, expected) => {
    const one: Condition = {
      kind: 'between',
      operand: at(name),
      low: constant(low),
      high: constant(high),
    };
    expect(meets(one)).toBe(expected);
  });

  test('[DB22] IN finds equal values of the same type, and nothing for what is missing', () => {
    const within = (name: string, ...candidates: Operand[]) =>
      meets({ kind: 'in', operand: at(name), candidates });
    expect(within('n', constant({ S: '5' }), constant({ N: '5.00' }))).toBe(true);
    expect(within('n', constant({ S: '5' }), constant({ N: '6' }))).toBe(false);
    expect(within('ss', constant({ SS: ['b', 'a'] }))).toBe(true);
    expect(within('missing', at('missing'))).toBe(false);
    expect(within('n', at('missing'), at('n'))).toBe(true);
  });
});

describe('properties', () => {
  test('[DB21] [DB22] agrees with a naive evaluator', () => {
    fc.assert(
      fc.property(denseCondition, denseItem, (condition, one) => {
        expect(evaluateCondition(condition, one)).toBe(naivelyMeets(condition, one));
      }),
      runs(3000),
    );
    fc.assert(
      fc.property(anyCondition, anyItem, (condition, one) => {
        expect(evaluateCondition(condition, one)).toBe(naivelyMeets(condition, one));
      }),
      runs(300),
    );
  });

  test('[DB22] NOT, AND and OR are those of logic', () => {
    fc.assert(
      fc.property(denseCondition, denseCondition, denseItem, (a, b, one) => {
        const is = (condition: Condition) => evaluateCondition(condition, one);
        const not = (term: Condition): Condition => ({ kind: 'not', term });
        expect(is(not(not(a)))).toBe(is(a));
        expect(is(not({ kind: 'and', terms: [a, b] }))).toBe(
          is({ kind: 'or', terms: [not(a), not(b)] }),
        );
        expect(is({ kind: 'or', terms: [a, not(a)] })).toBe(true);
        expect(is({ kind: 'and', terms: [a, b] })).toBe(is({ kind: 'and', terms: [b, a] }));
      }),
      runs(200),
    );
  });

  test('[DB21] equality is an equivalence that agrees with the canonical form', () => {
    fc.assert(
      fc.property(denseValue, denseValue, (a, b) => {
        expect(equalValues(a, a)).toBe(true);
        expect(equalValues(a, b)).toBe(equalValues(b, a));
      }),
      runs(300),
    );
  });

  test('[S5] the deepest condition allowed does not overflow the stack', () => {
    let deep: Condition = { kind: 'attribute_exists', path: ['pk'] };
    for (let i = 1; i < MAX_EXPRESSION_LEVELS; i++) deep = { kind: 'not', term: deep };
    expect(evaluateCondition(deep, sample)).toBe(MAX_EXPRESSION_LEVELS % 2 === 1);
  });
});

describe('search', () => {
  test('[J2] a search in 400 KB takes linear time whatever is searched', () => {
    const long = 'a'.repeat(400_000);
    for (const part of [
      `${'a'.repeat(200_000)}b`,
      `b${'a'.repeat(200_000)}`,
      'ab'.repeat(100_000),
    ]) {
      const started = performance.now();
      expect(includesText(long, part)).toBe(false);
      expect(performance.now() - started).toBeLessThan(500);
    }
    expect(includesText(`${long}é${long}`, `a${'a'.repeat(1000)}é`)).toBe(true);
    const one = value({ S: long });
    expect(
      evaluateCondition(
        {
          kind: 'contains',
          operand: { kind: 'value', value: one },
          member: { kind: 'value', value: one },
        },
        sample,
      ),
    ).toBe(true);
  });

  test('[DB22] finds what Node.js finds', () => {
    const letters = fc.uint8Array({ max: 2, maxLength: 24 });
    fc.assert(
      fc.property(letters, fc.uint8Array({ max: 1, maxLength: 7 }), (bytes, part) => {
        expect(includesBytes(bytes, part)).toBe(Buffer.from(bytes).includes(Buffer.from(part)));
      }),
      runs(1000),
    );
    // After six matching letters the search has to fall back to two, not to one.
    expect(includesText('aabaaabaaac', 'aabaaac')).toBe(true);
    expect(includesBytes(Buffer.from('aabaaabaaac'), Buffer.from('aabaaac'))).toBe(true);
  });
});
