import { beforeEach, describe, expect, test } from 'vitest';
import { type Json, N, S, TestApi } from './helpers.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.table('tab', 'pk:S');
});

const KEY = { pk: S('a') };
const list = (ComparisonOperator: string, ...AttributeValueList: Json[]) => ({
  ComparisonOperator,
  AttributeValueList: AttributeValueList.length > 0 ? AttributeValueList : undefined,
});
const INVALID = 'One or more parameter values were invalid: ';

test.each<[string, Json, Json, string[], string[]]>([
  ['PutItem', { Item: KEY }, { Expected: {} }, ['Expected'], ['ConditionExpression']],
  [
    'UpdateItem',
    { Key: KEY, UpdateExpression: 'REMOVE x' },
    { AttributeUpdates: {}, Expected: {} },
    ['AttributeUpdates', 'Expected'],
    ['UpdateExpression', 'ConditionExpression'],
  ],
  [
    'GetItem',
    { Key: KEY, ProjectionExpression: 'x' },
    { AttributesToGet: ['x'] },
    ['AttributesToGet'],
    ['ProjectionExpression'],
  ],
  [
    'Scan',
    { FilterExpression: 'x = :x' },
    { ScanFilter: {}, ConditionalOperator: 'OR' },
    ['ScanFilter', 'ConditionalOperator'],
    ['FilterExpression'],
  ],
  [
    'Query',
    { KeyConditionExpression: 'x = :x' },
    { KeyConditions: {} },
    ['KeyConditions'],
    ['KeyConditionExpression'],
  ],
])(
  '%s refuses older parameters beside expressions',
  async (operation, body, older, olderNames, names) => {
    const condition = names.includes('ConditionExpression')
      ? { ConditionExpression: 'x = :x' }
      : {};
    expect(
      await api.invalid(operation, { TableName: 'tab', ...body, ...condition, ...older }),
    ).toBe(
      'Can not use both expression and non-expression parameters in the same request: ' +
        `Non-expression parameters: {${olderNames.join(', ')}} Expression parameters: {${names.join(', ')}}`,
    );
  },
);

describe('Expected', () => {
  const put = (Expected: Json, more: Json = {}) => ({
    TableName: 'tab',
    Item: { ...KEY, n: N(5), s: S('text') },
    Expected,
    ...more,
  });
  const outcome = async (expected: Json, more: Json = {}) =>
    (await api.call('PutItem', put(expected, more))).status;

  test('Exists and Value', async () => {
    expect(await outcome({ pk: { Exists: false } })).toBe(200);
    expect(await outcome({ pk: { Exists: false } })).toBe(400);
    expect(await outcome({ n: { Value: N('5.0') } })).toBe(200);
    expect(await outcome({ n: { Exists: true, Value: N(6) } })).toBe(400);
  });

  test.each<[string, Json, boolean]>([
    ['EQ', { n: list('EQ', N(5)) }, true],
    ['NE', { n: list('NE', N(5)) }, false],
    ['NE of what is missing', { none: list('NE', N(5)) }, true],
    ['LT', { n: list('LT', N(6)) }, true],
    ['LE', { n: list('LE', N(4)) }, false],
    ['GT', { n: list('GT', N(4)) }, true],
    ['GE', { n: list('GE', N(6)) }, false],
    ['BETWEEN', { n: list('BETWEEN', N(1), N(9)) }, true],
    ['IN', { n: list('IN', N(1), N(5)) }, true],
    ['BEGINS_WITH', { s: list('BEGINS_WITH', S('te')) }, true],
    ['CONTAINS', { s: list('CONTAINS', S('ex')) }, true],
    ['NOT_CONTAINS', { s: list('NOT_CONTAINS', S('ex')) }, false],
    ['NULL', { none: list('NULL') }, true],
    ['NOT_NULL', { n: list('NOT_NULL') }, true],
    ['a name with a dot', { 'a.b': list('NULL') }, true],
    ['AND', { n: list('EQ', N(5)), s: list('EQ', S('x')) }, false],
  ])('%s', async (_name, expected, passes) => {
    await api.put('tab', { ...KEY, n: N(5), s: S('text'), a: { M: { b: N(1) } } });
    expect(await outcome(expected)).toBe(passes ? 200 : 400);
  });

  test('ConditionalOperator OR', async () => {
    await api.put('tab', { ...KEY, n: N(5) });
    const expected = { n: list('EQ', N(5)), s: list('EQ', S('x')) };
    expect(await outcome(expected, { ConditionalOperator: 'OR' })).toBe(200);
  });

  test.each<[Json, string]>([
    [{}, 'Value must be provided when Exists is null for Attribute: x'],
    [{ Exists: true }, 'Value must be provided when Exists is true for Attribute: x'],
    [{ Exists: false, Value: N(1) }, 'Value cannot be used when Exists is false for Attribute: x'],
    [
      { AttributeValueList: [N(1)] },
      'AttributeValueList can only be used with a ComparisonOperator for Attribute: x',
    ],
    [
      { AttributeValueList: [N(1)], Value: N(1) },
      'Value and AttributeValueList cannot be used together for Attribute: x',
    ],
    [
      { Exists: true, ComparisonOperator: 'EQ' },
      'Exists and ComparisonOperator cannot be used together for Attribute: x',
    ],
    [
      { ComparisonOperator: 'EQ' },
      'Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: x',
    ],
    [list('EQ', N(1), N(2)), 'Invalid number of argument(s) for the EQ ComparisonOperator'],
    [list('NULL', N(1)), 'Invalid number of argument(s) for the NULL ComparisonOperator'],
    [list('IN', N(1), S('x')), 'AttributeValues inside AttributeValueList must be of same type'],
    [list('LT', { BOOL: true }), 'ComparisonOperator LT is not valid for BOOL AttributeValue type'],
  ])('is refused: %j', async (one, message) => {
    expect(await api.invalid('PutItem', put({ x: one }))).toBe(INVALID + message);
  });
});

test('ConditionalOperator wants something to combine', async () => {
  const put = { TableName: 'tab', Item: KEY, ConditionalOperator: 'AND' };
  expect(await api.invalid('PutItem', put)).toBe(
    'ConditionalOperator cannot be used without Filter or Expected',
  );
  expect(await api.invalid('PutItem', { ...put, Expected: { x: { Exists: false } } })).toBe(
    'ConditionalOperator can only be used when Filter or Expected has two or more elements',
  );
});

describe('AttributeUpdates', () => {
  const update = (AttributeUpdates: Json) => ({
    TableName: 'tab',
    Key: KEY,
    AttributeUpdates,
    ReturnValues: 'ALL_NEW',
  });

  test('PUT, ADD, DELETE, and PUT by default', async () => {
    await api.put('tab', {
      ...KEY,
      n: N(1),
      gone: S('x'),
      set: { SS: ['a', 'b'] },
      l: { L: [N(1)] },
    });
    const answer = await api.ok(
      'UpdateItem',
      update({
        n: { Action: 'ADD', Value: N(9) },
        gone: { Action: 'DELETE' },
        set: { Action: 'DELETE', Value: { SS: ['a'] } },
        l: { Action: 'ADD', Value: { L: [N(2)] } },
        put: { Action: 'PUT', Value: S('x') },
        'a.b': { Value: S('dotted') },
      }),
    );
    expect(answer).toEqual({
      Attributes: {
        ...KEY,
        n: N(10),
        set: { SS: ['b'] },
        l: { L: [N(1), N(2)] },
        put: S('x'),
        'a.b': S('dotted'),
      },
    });
  });

  test.each<[Json, string]>([
    [{ x: {} }, `${INVALID}Only DELETE action is allowed when no attribute value is specified`],
    [
      { x: { Action: 'DELETE', Value: N(1) } },
      `${INVALID}DELETE action with value is not supported for the type N`,
    ],
    [
      { x: { Action: 'ADD', Value: S('x') } },
      `${INVALID}ADD action is not supported for the type S`,
    ],
    [
      { pk: { Value: S('x') } },
      `${INVALID}Cannot update attribute pk. This attribute is part of the key`,
    ],
  ])('is refused: %j', async (updates, message) => {
    expect(await api.invalid('UpdateItem', update(updates))).toBe(message);
  });
});

describe('Query and Scan', () => {
  beforeEach(async () => {
    await api.table('pairs', 'pk:S sk:S');
    await api.put(
      'pairs',
      ...['alpha', 'beta', 'delta', 'gamma'].map((sk, i) => ({ ...KEY, sk: S(sk), n: N(i) })),
    );
  });
  const query = (KeyConditions: Json, more: Json = {}) => ({
    TableName: 'pairs',
    KeyConditions: { pk: list('EQ', S('a')), ...KeyConditions },
    ...more,
  });
  const names = async (operation: string, body: Json) =>
    ((await api.ok(operation, body))['Items'] as { sk: { S: string } }[]).map(({ sk }) => sk.S);

  test('KeyConditions and QueryFilter', async () => {
    expect(await names('Query', query({}))).toEqual(['alpha', 'beta', 'delta', 'gamma']);
    expect(await names('Query', query({ sk: list('BETWEEN', S('b'), S('e')) }))).toEqual([
      'beta',
      'delta',
    ]);
    expect(await names('Query', query({ sk: list('BEGINS_WITH', S('al')) }))).toEqual(['alpha']);
    expect(
      await names('Query', query({ sk: list('GT', S('beta')) }, { ScanIndexForward: false })),
    ).toEqual(['gamma', 'delta']);
    expect(await names('Query', query({}, { QueryFilter: { n: list('IN', N(1), N(3)) } }))).toEqual(
      ['beta', 'gamma'],
    );
  });

  test('ScanFilter and AttributesToGet', async () => {
    const scan = {
      TableName: 'pairs',
      ScanFilter: { sk: list('CONTAINS', S('l')), n: list('EQ', N(3)) },
    };
    expect(await names('Scan', scan)).toEqual([]);
    expect((await names('Scan', { ...scan, ConditionalOperator: 'OR' })).sort()).toEqual([
      'alpha',
      'delta',
      'gamma',
    ]);
    const projected = await api.ok(
      'Query',
      query({ sk: list('EQ', S('beta')) }, { AttributesToGet: ['n', 'none'] }),
    );
    expect(projected['Items']).toEqual([{ n: N(1) }]);
    expect(
      await api.ok('GetItem', {
        TableName: 'pairs',
        Key: { ...KEY, sk: S('beta') },
        AttributesToGet: ['n'],
      }),
    ).toEqual({ Item: { n: N(1) } });
  });

  test.each<[Json, Json, string]>([
    [
      { sk: list('NE', S('x')) },
      {},
      'Attempted conditional constraint is not an indexable operation',
    ],
    [{ pk: list('GT', S('x')) }, {}, 'Query key condition not supported'],
    [{ n: list('EQ', N(1)) }, {}, 'Query condition missed key schema element: sk'],
    [
      { sk: list('BETWEEN', S('b'), S('a')) },
      {},
      'The BETWEEN condition was provided a range where the lower bound is greater than the upper bound',
    ],
    [{ sk: list('EQ', N(1)) }, {}, `${INVALID}Condition parameter type does not match schema type`],
    [
      {},
      { QueryFilter: { sk: list('EQ', S('x')) } },
      'QueryFilter can only contain non-primary key attributes: Primary key attribute: sk',
    ],
    [{}, { AttributesToGet: ['n', 'n'] }, `${INVALID}Duplicate value in attribute name: n`],
    [{ x: list('EQ', N(1)), y: list('EQ', N(1)) }, {}, 'Conditions can be of length 1 or 2 only'],
  ])('is refused: %j %j', async (conditions, more, message) => {
    expect(await api.invalid('Query', query(conditions, more))).toBe(message);
  });
});
