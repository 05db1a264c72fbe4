import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Json, N, S, TestApi } from './helpers.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.table('tab', 'pk:S sk:N');
});

const item = (sk: number, more: Json = {}) => ({ pk: S('a'), sk: N(sk), ...more });
const query = (KeyConditionExpression: string, values: Json, more: Json = {}) => ({
  TableName: 'tab',
  KeyConditionExpression,
  ExpressionAttributeValues: { ':p': S('a'), ...values },
  ...more,
});
const keysOf = (answer: Json) =>
  (answer['Items'] as { sk: { N: string } }[]).map(({ sk }) => Number(sk.N));

describe('[DB25] key conditions', () => {
  test.each<[string, Json, number[]]>([
    ['pk = :p', {}, [-5, -1, 0, 1, 2, 10, 100]],
    ['sk = :x AND pk = :p', { ':x': N('1.0') }, [1]],
    ['pk = :p AND sk < :x', { ':x': N(1) }, [-5, -1, 0]],
    ['pk = :p AND sk <= :x', { ':x': N(1) }, [-5, -1, 0, 1]],
    ['pk = :p AND sk > :x', { ':x': N(2) }, [10, 100]],
    ['pk = :p AND sk >= :x', { ':x': N(2) }, [2, 10, 100]],
    [':p = pk AND :x <= sk', { ':x': N(2) }, [2, 10, 100]],
    ['(pk = :p) AND (sk BETWEEN :x AND :y)', { ':x': N(-1), ':y': N(2) }, [-1, 0, 1, 2]],
    ['(pk = :p AND sk = :x)', { ':x': N(3) }, []],
  ])('%s', async (expression, values, expected) => {
    await api.put('tab', ...[10, -5, 100, 0, 1, -1, 2].map((sk) => item(sk)));
    await api.put('tab', { pk: S('aa'), sk: N(1) }, { pk: S(''.padEnd(3, 'a')), sk: N(5) });
    expect(keysOf(await api.ok('Query', query(expression, values)))).toEqual(expected);
    const reversed = query(expression, values, { ScanIndexForward: false });
    expect(keysOf(await api.ok('Query', reversed))).toEqual(expected.reverse());
  });

  test('[DB30] strings sort by UTF-8 bytes, binaries unsigned; begins_with takes what begins so', async () => {
    await api.table('strings', 'pk:S sk:S');
    const words = ['', 'a', 'ab', 'abc', 'ac', 'é', '\uffff', '🎵', 'abé'].filter(
      (word) => word !== '',
    );
    await api.put('strings', ...words.map((word) => ({ pk: S('a'), sk: S(word) })));
    const of = async (expression: string, values: Json, table = 'strings') =>
      (
        (await api.ok('Query', { ...query(expression, values), TableName: table }))[
          'Items'
        ] as Json[]
      ).map(({ sk }) => Object.values(sk as Json)[0]);
    const byBytes = [...words].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await of('pk = :p', {})).toEqual(byBytes);
    expect(await of('pk = :p AND begins_with(sk, :x)', { ':x': S('ab') })).toEqual([
      'ab',
      'abc',
      'abé',
    ]);
    await api.table('binaries', 'pk:S sk:B');
    const bytes = ['AA==', '/w==', '//8=', 'gA==', '/wE='];
    await api.put('binaries', ...bytes.map((B) => ({ pk: S('a'), sk: { B } })));
    expect(await of('pk = :p', {}, 'binaries')).toEqual(['AA==', 'gA==', '/w==', '/wE=', '//8=']);
    expect(
      await of('pk = :p AND begins_with(sk, :x)', { ':x': { B: '/w==' } }, 'binaries'),
    ).toEqual(['/w==', '/wE=', '//8=']);
  });

  test.each<[string, Json, string]>([
    ['sk = :x', { ':p': undefined, ':x': N(1) }, 'Query condition missed key schema element: pk'],
    ['pk = :p AND v = :x', { ':x': N(1) }, 'Query condition missed key schema element: sk'],
    ['pk = :p AND sk = :x AND v = :x', { ':x': N(1) }, 'Conditions can be of length 1 or 2 only'],
    ['pk > :p', {}, 'Query key condition not supported'],
    [
      'pk = :p AND sk = :x',
      { ':x': S('1') },
      'One or more parameter values were invalid: Condition parameter type does not match schema type',
    ],
    [
      'pk = :p AND pk = :x',
      { ':x': S('b') },
      'KeyConditionExpressions must only contain one condition per key',
    ],
    ['pk = :p OR sk = :x', { ':x': N(1) }, 'Invalid operator used in KeyConditionExpression: OR'],
    [
      'pk = :p AND NOT sk = :x',
      { ':x': N(1) },
      'Invalid operator used in KeyConditionExpression: NOT',
    ],
    ['pk = :p AND sk <> :x', { ':x': N(1) }, 'Invalid operator used in KeyConditionExpression: <>'],
    [
      'pk = :p AND sk IN (:x)',
      { ':x': N(1) },
      'Invalid operator used in KeyConditionExpression: IN',
    ],
    [
      'pk = :p AND attribute_exists(sk)',
      {},
      'Invalid operator used in KeyConditionExpression: attribute_exists',
    ],
    [
      'pk = :p AND contains(sk, :x)',
      { ':x': N(1) },
      'Invalid operator used in KeyConditionExpression: contains',
    ],
    [
      'pk = :p AND size(sk) = :x',
      { ':x': N(1) },
      'KeyConditionExpressions cannot contain nested operations',
    ],
    [
      'pk = :p AND sk.a = :x',
      { ':x': N(1) },
      'KeyConditionExpressions cannot have conditions on nested attributes',
    ],
    [
      'pk = :p AND begins_with(sk, :x)',
      { ':x': N(1) },
      'Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N',
    ],
    [
      'pk = :p AND sk = v',
      {},
      'Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition',
    ],
    [
      'pk = :p AND :x BETWEEN sk AND :x',
      { ':x': N(1) },
      'Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand',
    ],
    [
      'pk = :p AND sk BETWEEN :x AND :y',
      { ':x': N(2), ':y': N(1) },
      'Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}',
    ],
    [
      'pk = :p AND :x = :x',
      { ':x': N(1) },
      'Invalid condition in KeyConditionExpression: No key attribute specified',
    ],
    ['', {}, 'Invalid KeyConditionExpression: The expression can not be empty;'],
    [
      'pk = :e',
      { ':p': undefined, ':e': S('') },
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk',
    ],
  ])('refused: %s', async (expression, values, message) => {
    expect(await api.invalid('Query', query(expression, values))).toBe(message);
  });

  test('a table without sort key takes one condition', async () => {
    await api.table('plain', 'pk:S');
    await api.put('plain', { pk: S('a') });
    expect(await api.ok('Query', { ...query('pk = :p', {}), TableName: 'plain' })).toMatchObject({
      Count: 1,
    });
    const two = { ...query('pk = :p AND sk = :x', { ':x': N(1) }), TableName: 'plain' };
    expect(await api.invalid('Query', two)).toBe('Query key condition not supported');
    expect(await api.invalid('Query', { TableName: 'plain' })).toMatch(
      /^Either the KeyConditions or/,
    );
  });
});

describe('filter and projection', () => {
  test('[DB27] Limit counts what is read before the filter, and an empty page goes on', async () => {
    await api.put('tab', ...[1, 2, 3, 4].map((sk) => item(sk, { v: N(sk) })));
    const filtered = (more: Json) =>
      api.ok(
        'Query',
        query('pk = :p', { ':v': N(4) }, { FilterExpression: 'v = :v', Limit: 3, ...more }),
      );
    const first = await filtered({});
    expect(first).toEqual({ Items: [], Count: 0, ScannedCount: 3, LastEvaluatedKey: item(3) });
    const rest = await filtered({ ExclusiveStartKey: first['LastEvaluatedKey'] });
    expect(rest).toEqual({ Items: [item(4, { v: N(4) })], Count: 1, ScannedCount: 1 });
    const exact = await api.ok('Query', query('pk = :p', {}, { Limit: 4, Select: 'COUNT' }));
    expect(exact).toEqual({ Count: 4, ScannedCount: 4, LastEvaluatedKey: item(4) });
    const after = query('pk = :p', {}, { ExclusiveStartKey: item(4) });
    expect(await api.ok('Query', after)).toEqual({ Items: [], Count: 0, ScannedCount: 0 });
  });

  test('[DB26] the filter of a Query may not look at the key', async () => {
    for (const [FilterExpression, name] of [
      ['sk = :x', 'sk'],
      ['attribute_exists(v) OR pk = :x', 'pk'],
    ]) {
      expect(
        await api.invalid('Query', query('pk = :p', { ':x': N(1) }, { FilterExpression })),
      ).toBe(
        `Filter Expression can only contain non-primary key attributes: Primary key attribute: ${name}`,
      );
    }
  });

  test('[DB31] Select', async () => {
    await api.put('tab', item(1, { v: N(1), w: N(2) }));
    const select = (Select: string, more: Json = {}) => query('pk = :p', {}, { Select, ...more });
    expect(await api.ok('Query', select('COUNT'))).toEqual({ Count: 1, ScannedCount: 1 });
    expect(await api.ok('Query', select('ALL_ATTRIBUTES'))).toMatchObject({ Count: 1 });
    const specific = select('SPECIFIC_ATTRIBUTES', { ProjectionExpression: 'v' });
    expect(await api.ok('Query', specific)).toMatchObject({ Items: [{ v: N(1) }] });
    for (const [name, more, message] of [
      [
        'SPECIFIC_ATTRIBUTES',
        {},
        'Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES',
      ],
      [
        'ALL_ATTRIBUTES',
        { ProjectionExpression: 'v' },
        'Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES',
      ],
      [
        'COUNT',
        { ProjectionExpression: 'v' },
        'Cannot specify the ProjectionExpression when choosing to get only the Count',
      ],
      [
        'ALL_PROJECTED_ATTRIBUTES',
        {},
        'ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName',
      ],
    ] as const) {
      expect(await api.invalid('Query', select(name, more))).toBe(message);
    }
    expect(await api.invalid('Query', select('ALL'))).toMatch(/at 'select' failed/);
  });

  test('[DB32] a missing index is a ValidationException, a missing table comes first', async () => {
    const indexed = query('pk = :p', {}, { IndexName: 'idx' });
    expect(await api.invalid('Query', indexed)).toBe(
      'The table does not have the specified index: idx',
    );
    expect(await api.error('Query', { ...indexed, TableName: 'none' })).toMatch(
      /^ResourceNotFound/,
    );
    expect(await api.invalid('Scan', { TableName: 'tab', IndexName: 'idx' })).toMatch(
      /specified index/,
    );
  });

  test('[DB28] [DB35] a page ends at 1 MB of what is read, and is charged for it', async () => {
    const data = S('x'.repeat(300_000));
    await api.put('tab', ...[1, 2, 3, 4, 5].map((sk) => item(sk, { data })));
    const page = query(
      'pk = :p',
      {},
      { ProjectionExpression: 'sk', ReturnConsumedCapacity: 'TOTAL', ScanIndexForward: false },
    );
    const answer = await api.ok('Query', page);
    expect(keysOf(answer)).toEqual([5, 4, 3, 2]);
    expect(answer['LastEvaluatedKey']).toEqual(item(2));
    const bytes = 4 * (300_000 + 4 + 2 + 1 + 2 + 2);
    const units = Math.ceil(bytes / 4096);
    expect(answer['ConsumedCapacity']).toEqual({ TableName: 'tab', CapacityUnits: units / 2 });
    const consistent = await api.ok('Query', { ...page, ConsistentRead: true });
    expect(consistent['ConsumedCapacity']).toEqual({ TableName: 'tab', CapacityUnits: units });
    expect(api.database.calls.slice(-2)).toEqual(['page eventual', 'page consistent']);
  });
});

describe('[DB29] ExclusiveStartKey', () => {
  test.each<[string, Json, string]>([
    [
      'a key attribute missing',
      { pk: S('a') },
      'The provided starting key is invalid: The provided key element does not match the schema',
    ],
    [
      'one too many',
      { ...item(1), v: N(1) },
      'The provided starting key is invalid: The provided key element does not match the schema',
    ],
    [
      'a wrong type',
      { pk: S('a'), sk: S('1') },
      'The provided starting key is invalid: The provided key element does not match the schema',
    ],
    [
      'another partition',
      { pk: S('b'), sk: N(1) },
      'The provided starting key is outside query boundaries based on provided conditions',
    ],
    [
      'no value',
      { pk: S('a'), sk: {} },
      'The provided starting key is invalid: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
    ],
  ])('is refused: %s', async (_name, ExclusiveStartKey, message) => {
    expect(await api.invalid('Query', query('pk = :p', {}, { ExclusiveStartKey }))).toBe(message);
  });

  test('has to satisfy the condition on the sort key, and may be a key of no item', async () => {
    await api.put('tab', ...[1, 2, 3, 4].map((sk) => item(sk)));
    const page = (sk: number | string, more: Json = {}) =>
      query(
        'pk = :p AND sk > :x',
        { ':x': N(1) },
        { ExclusiveStartKey: { pk: S('a'), sk: N(sk) }, ...more },
      );
    expect(await api.invalid('Query', page(1))).toBe(
      'The provided starting key does not match the range key predicate',
    );
    expect(keysOf(await api.ok('Query', page('2.5')))).toEqual([3, 4]);
    expect(keysOf(await api.ok('Query', page('2.5', { ScanIndexForward: false })))).toEqual([2]);
  });

  test('on a table without sort key Query refuses it, and never asks for it', async () => {
    await api.table('plain', 'pk:S');
    await api.put('plain', { pk: S('a') });
    const first = await api.ok('Query', query('pk = :p', {}, { TableName: 'plain', Limit: 1 }));
    expect([first['Count'], first['LastEvaluatedKey']]).toEqual([1, undefined]);
    const page = query('pk = :p', {}, { TableName: 'plain', ExclusiveStartKey: { pk: S('a') } });
    expect(await api.invalid('Query', page)).toBe(
      'The query can return at most one row and cannot be restarted',
    );
  });
});

test('[F50] any range, filter, limit and direction gives what a naive model gives, page by page', async () => {
  const operators = ['=', '<', '<=', '>', '>=', 'between'] as const;
  const values = fc.integer({ min: -6, max: 6 });
  const items = fc.uniqueArray(fc.record({ sk: values, v: fc.integer({ min: 0, max: 3 }) }), {
    selector: ({ sk }) => sk,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(
      items,
      fc.constantFrom(...operators),
      values,
      values,
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      async (stored, operator, x, y, limit, forward) => {
        const fresh = new TestApi();
        await fresh.table('tab', 'pk:S sk:N');
        await fresh.put('tab', ...stored.map(({ sk, v }) => item(sk, { v: N(v) })));
        const [low, high] = x < y ? [x, y] : [y, x];
        const between = operator === 'between';
        const accepts = (sk: number) =>
          ({
            '=': sk === x,
            '<': sk < x,
            '<=': sk <= x,
            '>': sk > x,
            '>=': sk >= x,
            between: low <= sk && sk <= high,
          })[operator];
        const expected = stored
          .filter(({ sk, v }) => accepts(sk) && v > 0)
          .map(({ sk }) => sk)
          .sort((a, b) => a - b);
        const expression = between
          ? 'pk = :p AND sk BETWEEN :x AND :y'
          : `pk = :p AND sk ${operator} :x`;
        const bounds = between ? { ':x': N(low), ':y': N(high) } : { ':x': N(x) };
        const got: number[] = [];
        let start: unknown;
        do {
          const page: Json = await fresh.ok(
            'Query',
            query(
              expression,
              { ...bounds, ':z': N(0) },
              {
                FilterExpression: 'v > :z',
                Limit: limit,
                ScanIndexForward: forward,
                ExclusiveStartKey: start,
              },
            ),
          );
          got.push(...keysOf(page));
          start = page['LastEvaluatedKey'];
        } while (start !== undefined);
        expect(got).toEqual(forward ? expected : expected.reverse());
      },
    ),
    { seed: 7, numRuns: 60 },
  );
});
