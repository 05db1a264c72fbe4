import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCondition } from '../../src/dynamodb/expression/condition.ts';
import { Placeholders } from '../../src/dynamodb/expression/placeholders.ts';
import { parseProjection } from '../../src/dynamodb/expression/projection.ts';
import { isReserved } from '../../src/dynamodb/expression/reserved-words.ts';
import { tokenize } from '../../src/dynamodb/expression/tokens.ts';
import { parseUpdate } from '../../src/dynamodb/expression/update.ts';
import { ApiError } from '../../src/dynamodb/index.ts';
import { parseAttributeValue } from '../../src/item/index.ts';

const NAMES = { '#a': 'a', '#b': 'b', '#dotted': 'x.y[0]' };
const VALUES = {
  ':s': { S: 'text' },
  ':n': { N: '1' },
  ':m': { N: '2' },
  ':t': { BOOL: true },
  ':l': { L: [] },
  ':ss': { SS: ['x'] },
  ':type': { S: 'NS' },
};

function placeholders(): Placeholders {
  const values = Object.entries(VALUES).map(
    ([key, value]) => [key, parseAttributeValue(value)] as const,
  );
  return new Placeholders(new Map(Object.entries(NAMES)), new Map(values));
}

const condition = (text: string) =>
  parseCondition('ConditionExpression', text, placeholders()).condition;
const update = (text: string) => parseUpdate(text, placeholders()).actions;
const projection = (text: string) => parseProjection(text, placeholders()).projection;

const path = (...parts: (string | number)[]) => ({ kind: 'path', path: parts });
const number = (value: string) => ({ kind: 'value', value: { type: 'N', value } });
const equal = (name: string, value = '1') => ({
  kind: 'compare',
  comparator: '=',
  left: path(name),
  right: number(value),
});

describe('conditions', () => {
  test('AND binds closer than OR, NOT closest, keywords in any case', () => {
    expect(condition('a = :n or b = :n AND not c = :n')).toEqual({
      kind: 'or',
      terms: [equal('a'), { kind: 'and', terms: [equal('b'), { kind: 'not', term: equal('c') }] }],
    });
    expect(condition('(a = :n OR b = :n) AND (c = :n)')).toEqual({
      kind: 'and',
      terms: [{ kind: 'or', terms: [equal('a'), equal('b')] }, equal('c')],
    });
  });

  test('paths reach into maps and lists, and a placeholder is one whole name', () => {
    expect(condition('attribute_exists(a.b[12].#b.#dotted)')).toEqual({
      kind: 'attribute_exists',
      path: ['a', 'b', 12, 'b', 'x.y[0]'],
    });
  });

  test('every function and operator', () => {
    expect(condition('a BETWEEN :n AND :m')).toMatchObject({ kind: 'between', low: number('1') });
    expect(condition('a IN (:n, :m, b)')).toMatchObject({
      kind: 'in',
      candidates: [number('1'), number('2'), path('b')],
    });
    expect(condition('size(a) > :n')).toMatchObject({ left: { kind: 'size', path: ['a'] } });
    expect(condition('attribute_type(a, :type)')).toMatchObject({ type: 'NS' });
    expect(condition('begins_with(a, :s)')).toMatchObject({ kind: 'begins_with' });
    expect(condition('contains(a, :n)')).toMatchObject({ kind: 'contains', member: number('1') });
    expect(condition('attribute_not_exists(a)')).toMatchObject({ kind: 'attribute_not_exists' });
    expect(condition('(a) <> (:n)')).toMatchObject({ comparator: '<>', left: path('a') });
    expect(condition('(a).b = :n')).toMatchObject({ left: path('a', 'b') });
  });

  test.each([
    ['', 'The expression can not be empty;'],
    ['a', 'Syntax error; token: "<EOF>", near: "a"'],
    ['a = ', 'Syntax error; token: "<EOF>", near: "= "'],
    ['a = :n AND', 'Syntax error; token: "<EOF>", near: "AND"'],
    ['a = 5', 'Syntax error; token: "5", near: "= 5"'],
    ['a == :n', 'Syntax error; token: "=", near: "== :n"'],
    ['a = :n b', 'Syntax error; token: "b", near: ":n b"'],
    ['first-name = :n', 'Syntax error; token: "-", near: "first-name"'],
    ['a = "x"', 'Syntax error; token: """, near: "= "x"'],
    ['a 🎵', 'Syntax error; token: "🎵", near: "a 🎵"'],
    ['a[x] = :n', 'Syntax error; token: "x", near: "[x]"'],
    ['AND a = :n', 'Syntax error; token: "AND", near: "AND a"'],
    ['size() > :n', 'Syntax error; token: ")", near: "() >"'],
    ['a IN ()', 'Syntax error; token: ")", near: "()"'],
    ['(a = :n', 'Syntax error; token: "<EOF>", near: ":n"'],
    ['((a = :n))', 'The expression has redundant parentheses;'],
    ['((a)) = :n', 'The expression has redundant parentheses;'],
    ['Attribute_exists(a)', 'Invalid function name; function: Attribute_exists'],
    ['foo(a, b) = :n', 'Invalid function name; function: foo'],
    ['size(a)', 'The function is not allowed to be used this way in an expression; function: size'],
    [
      'contains(a, :n) = :t',
      'The function is not allowed to be used this way in an expression; function: contains',
    ],
    ['Status = :n', 'Attribute name is a reserved keyword; reserved keyword: Status'],
    ['a.size = :n', 'Attribute name is a reserved keyword; reserved keyword: size'],
    [
      '#c = :n',
      'An expression attribute name used in the document path is not defined; attribute name: #c',
    ],
    [
      'a = :x',
      'An expression attribute value used in expression is not defined; attribute value: :x',
    ],
    [
      'attribute_exists(a, b)',
      'Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2',
    ],
    [
      'contains(a)',
      'Incorrect number of operands for operator or function; operator or function: contains, number of operands: 1',
    ],
    [
      'attribute_exists(:n)',
      'Operator or function requires a document path; operator or function: attribute_exists',
    ],
    [
      'begins_with(a, :n)',
      'Incorrect operand type for operator or function; operator or function: begins_with, operand type: N',
    ],
    [
      'attribute_type(a, :n)',
      'Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N',
    ],
    [
      'attribute_type(a, b)',
      'Incorrect operand type for operator or function; operator or function: attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}',
    ],
    [
      'attribute_type(a, :s)',
      'Invalid attribute type name found; type: text, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}',
    ],
    ['a < :t', 'Incorrect operand type for operator or function; operator: <, operand type: BOOL'],
    [
      'a = #a',
      'The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]',
    ],
    [
      'contains(#a, a)',
      'The first operand must be distinct from the remaining operands for this operator or function; operator: contains, first operand: [a]',
    ],
    [
      'a BETWEEN :m AND :n',
      'The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}',
    ],
    [
      'a BETWEEN :n AND :s',
      'The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:text}',
    ],
    [
      `a IN (${Array(101).fill(':n').join()})`,
      'The IN operator is provided with too many operands; number of operands: 101',
    ],
    ['a[99999999999] = :n', 'List index is not within the allowable range; index: [99999999999]'],
  ])('[DB5] [DB22] %s: %s', (text, message) => {
    expect(() => condition(text)).toThrow(`Invalid ConditionExpression: ${message}`);
  });

  test('[DB22] a hundred operands of IN are allowed', () => {
    expect(condition(`a IN (${Array(100).fill(':n').join()})`)).toMatchObject({ kind: 'in' });
  });
});

describe('updates', () => {
  test('sections in any order, values with functions and arithmetic', () => {
    expect(
      update(
        'remove c, d[1] set a = list_append(if_not_exists(a, :l), :l), #b.x = #b.x + :n, e = (f - :n) ADD g :ss delete h :ss',
      ),
    ).toEqual([
      { kind: 'remove', path: ['c'] },
      { kind: 'remove', path: ['d', 1] },
      {
        kind: 'set',
        path: ['a'],
        value: {
          kind: 'list_append',
          first: {
            kind: 'if_not_exists',
            path: ['a'],
            otherwise: { kind: 'value', value: { type: 'L', value: [] } },
          },
          second: { kind: 'value', value: { type: 'L', value: [] } },
        },
      },
      {
        kind: 'set',
        path: ['b', 'x'],
        value: { kind: 'plus', left: path('b', 'x'), right: number('1') },
      },
      { kind: 'set', path: ['e'], value: { kind: 'minus', left: path('f'), right: number('1') } },
      { kind: 'add', path: ['g'], value: { type: 'SS', value: ['x'] } },
      { kind: 'delete', path: ['h'], value: { type: 'SS', value: ['x'] } },
    ]);
    expect(update('SET a = if_not_exists(b, :n) + :m')).toHaveLength(1);
  });

  test.each([
    ['INVALID SYNTAX HERE', 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"'],
    ['SET a', 'Syntax error; token: "<EOF>", near: "a"'],
    ['SET a = :n,', 'Syntax error; token: "<EOF>", near: ","'],
    ['SET a = :n + :n + :n', 'Syntax error; token: "+", near: ":n + :n"'],
    ['SET a = (b + :n) + :n', 'Syntax error'],
    ['SET a = if_not_exists(b, c + :n)', 'Syntax error'],
    ['SET a = ((b))', 'The expression has redundant parentheses;'],
    ['SET if_not_exists(a, b) = :n', 'Syntax error'],
    ['SET SET = :n', 'Syntax error; token: "SET", near: "SET SET ="'],
    ['REMOVE a b', 'Syntax error; token: "b", near: "a b"'],
    ['REMOVE :n', 'Syntax error; token: ":n", near: "REMOVE :n"'],
    ['ADD a b', 'Syntax error; token: "b", near: "a b"'],
    ['SET a = :n SET b = :n', 'The "SET" section can only be used once in an update expression;'],
    ['SET a = foo(b, :n)', 'Invalid function name; function: foo'],
    [
      'SET a = if_not_exists(b)',
      'Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1',
    ],
    [
      'SET a = if_not_exists(:n, b)',
      'Operator or function requires a document path; operator or function: if_not_exists',
    ],
    [
      'SET a = list_append(b, :n)',
      'Incorrect operand type for operator or function; operator or function: list_append, operand type: N',
    ],
    [
      'SET a = b + :s',
      'Incorrect operand type for operator or function; operator or function: +, operand type: S',
    ],
    [
      'ADD a :s',
      'Incorrect operand type for operator or function; operator: ADD, operand type: STRING',
    ],
    [
      'DELETE a :n',
      'Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER',
    ],
    [
      'SET a = :n, a = :m',
      'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]',
    ],
    [
      'SET a.b = :n REMOVE a',
      'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a]',
    ],
    [
      'SET a = :n REMOVE a[0]',
      'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, [0]]',
    ],
    [
      'SET a.b = :n, a[0] = :m',
      'Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]',
    ],
    [
      'ADD a :ss DELETE a :ss',
      'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]',
    ],
    ['SET order = :n', 'Attribute name is a reserved keyword; reserved keyword: order'],
  ])('[DB17] [DB18] %s: %s', (text, message) => {
    expect(() => update(text)).toThrow(`Invalid UpdateExpression: ${message}`);
  });
});

describe('projections', () => {
  test('paths, in the order of the text', () => {
    expect(projection('b.c, a, l[2], l[0]')).toEqual([['b', 'c'], ['a'], ['l', 2], ['l', 0]]);
  });

  test.each([
    ['!!! INVALID !!!', 'Syntax error; token: "!", near: "!!"'],
    ['a,', 'Syntax error; token: "<EOF>", near: ","'],
    [
      'a, #a',
      'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]',
    ],
    [
      'a, a.b',
      'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]',
    ],
    ['a.b, a[0]', 'Two document paths conflict with each other'],
    ['a = :n', 'Syntax error; token: "=", near: "a = :n"'],
    [`a${'.b'.repeat(32)}`, 'The document path has too many nesting elements; nesting levels: 33'],
  ])('[DB24] %s: %s', (text, message) => {
    expect(() => projection(text)).toThrow(`Invalid ProjectionExpression: ${message}`);
  });
});

describe('[B4] [DB5] bounds', () => {
  const terms = (count: number) => Array.from({ length: count }, () => 'a=:n').join(' OR ');

  test('[DB6] 4 096 bytes of raw text, counted before anything is parsed', () => {
    const filler = ' '.repeat(4096 - 'a = :n'.length);
    expect(condition(`a = :n${filler}`)).toEqual(equal('a'));
    expect(() => condition(`a = :n${filler} `)).toThrow(
      'Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4097',
    );
    expect(() => condition('é'.repeat(2049))).toThrow('expression size: 4098');
  });

  test('300 operators and functions', () => {
    expect(condition(`${terms(150)} OR NOT a=:n`.replace(' OR NOT a=:n', ''))).toMatchObject({
      kind: 'or',
    });
    expect(() => condition(terms(151))).toThrow(
      'The expression contains too many operators; operator count: 301',
    );
    expect(condition(`${'NOT '.repeat(298)}a = :n`)).toMatchObject({ kind: 'not' });
    expect(() => condition(`${'NOT '.repeat(1000)}a = :n`)).toThrow('too many operators');
  });

  test('parentheses and functions as deep as the text can have them', () => {
    for (const text of [
      `${'('.repeat(2000)}a = :n${')'.repeat(2000)}`,
      '('.repeat(4096),
      `${'(a=:n OR '.repeat(290)}a=:n${')'.repeat(290)}`,
      'size('.repeat(800),
      `${'size('.repeat(600)}a${')'.repeat(600)} = :n`,
    ]) {
      expect(() => condition(text)).toThrow(ApiError);
    }
    expect(() => update(`SET a = ${'if_not_exists(a,'.repeat(250)}`)).toThrow(ApiError);
    expect(() => update(`SET a = ${'('.repeat(4000)}`)).toThrow(ApiError);
  });

  test('[J2] no text takes more than linear time', () => {
    const worst = ['#a.', 'a,', 'a.', '(', '[', '<', '::', '##', 'NOT ', 'a[0]', '1', 'a '].map(
      (part) => part.repeat(Math.floor(4096 / part.length)),
    );
    const many = Array.from({ length: 1000 }, (_, i) => `a${i}`)
      .join(',')
      .slice(0, 4090);
    for (const text of [...worst, many]) {
      for (const parse of [condition, update, projection]) {
        // Other work on the machine lengthens most runs, but not all; what is not linear is never fast.
        let fastest = Infinity;
        for (let run = 0; run < 50 && fastest > 5; run++) {
          const start = performance.now();
          try {
            parse(text);
          } catch (error) {
            if (!(error instanceof ApiError)) throw error;
          }
          fastest = Math.min(fastest, performance.now() - start);
        }
        expect(fastest).toBeLessThanOrEqual(5);
      }
    }
  });
});

test('whatever the text, parsers return or refuse it', () => {
  const part = fc.constantFrom(
    'a',
    '#a',
    '#x',
    ':n',
    ':s',
    ':x',
    '(',
    ')',
    ',',
    '.',
    '[0]',
    '[',
    ']',
    '=',
    '<>',
    '<=',
    '+',
    '-',
    ' ',
    'AND ',
    'OR ',
    'NOT ',
    ' BETWEEN ',
    ' IN ',
    'size(',
    'contains(',
    'SET ',
    'REMOVE ',
    'ADD ',
    'DELETE ',
    'if_not_exists(',
    'list_append(',
    '7',
    '"',
    'é',
    '\u0000',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      for (const parse of [condition, update, projection]) {
        try {
          parse(parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }
    }),
    { seed: 5, numRuns: 400 },
  );
});

test('tokens cover the text in order, apart from white space', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
      let at = 0;
      for (const token of tokenize(text)) {
        expect(text.slice(at, token.start).trim()).toBe('');
        if (token.kind !== 'end') expect(token.text).toBe(text.slice(token.start, token.end));
        at = token.end;
      }
      expect(at).toBe(text.length);
    }),
    { seed: 6, numRuns: 300 },
  );
});

test('[DB19] reserved words, in any case', () => {
  for (const word of [
    'ABORT',
    'zone',
    'Name',
    'STATUS',
    'timestamp',
    'ttl',
    'Data',
    'user',
    'values',
    'constructor',
  ]) {
    expect(isReserved(word)).toBe(true);
    for (const parse of [condition, projection]) {
      expect(() => parse(parse === condition ? `${word} = :n` : word)).toThrow(
        `reserved keyword: ${word}`,
      );
    }
  }
  for (const word of ['id', 'pk', 'sk', 'title', 'email', '__proto__', 'toString', 'gsi1pk']) {
    expect(isReserved(word)).toBe(false);
  }
});
