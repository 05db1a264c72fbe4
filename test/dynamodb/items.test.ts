import { beforeEach, describe, expect, test } from 'vitest';
import { type Json, N, S, TestApi } from './helpers.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.table('tab', 'pk:S');
  await api.table('pairs', 'pk:S sk:N');
});

const KEY = { pk: S('a') };
const get = async (key: Json = KEY) =>
  (await api.ok('GetItem', { TableName: 'tab', Key: key }))['Item'];
const update = (expression: string, values?: Json, more: Json = {}) => ({
  TableName: 'tab',
  Key: KEY,
  UpdateExpression: expression,
  ExpressionAttributeValues: values,
  ...more,
});

describe('PutItem and DeleteItem', () => {
  test('replace and remove whole items, and return what was there', async () => {
    const put = (Item: Json) => ({ TableName: 'tab', Item, ReturnValues: 'ALL_OLD' });
    expect(await api.ok('PutItem', put({ ...KEY, v: N('01.50') }))).toEqual({});
    expect(await api.ok('PutItem', put({ ...KEY, w: S('') }))).toEqual({
      Attributes: { ...KEY, v: N('1.5') },
    });
    const remove = { TableName: 'tab', Key: KEY, ReturnValues: 'ALL_OLD' };
    expect(await api.ok('DeleteItem', remove)).toEqual({ Attributes: { ...KEY, w: S('') } });
    expect(await api.ok('DeleteItem', remove)).toEqual({});
    expect(await get()).toBeUndefined();
  });

  test('a condition that fails says so, and shows the item when asked', async () => {
    await api.put('tab', { ...KEY, v: N(1) });
    const request = {
      TableName: 'tab',
      Item: { ...KEY, v: N(2) },
      ConditionExpression: 'v < :one',
      ExpressionAttributeValues: { ':one': N(1) },
    };
    expect(await api.call('PutItem', request)).toEqual({
      status: 400,
      json: {
        __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
        message: 'The conditional request failed',
      },
    });
    const asked = { ...request, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
    expect((await api.call('PutItem', asked)).json).toMatchObject({ Item: { ...KEY, v: N(1) } });
    const absent = { ...asked, Item: { pk: S('b') } };
    expect((await api.call('PutItem', absent)).json).not.toHaveProperty('Item');
    expect(await get()).toEqual({ ...KEY, v: N(1) });
  });

  test.each([['ALL_NEW'], ['UPDATED_OLD']])(
    'ReturnValues %s is for updates only',
    async (ReturnValues) => {
      for (const [operation, body] of [
        ['PutItem', { Item: KEY }],
        ['DeleteItem', { Key: KEY }],
      ] as const) {
        expect(await api.invalid(operation, { TableName: 'tab', ReturnValues, ...body })).toBe(
          'ReturnValues can only be ALL_OLD or NONE',
        );
      }
    },
  );
});

describe('keys', () => {
  const INVALID = 'One or more parameter values were invalid: ';
  test.each<[string, Json, string]>([
    ['missing', { v: S('x') }, `${INVALID}Missing the key pk in the item`],
    ['of a wrong type', { pk: N(1) }, `${INVALID}Type mismatch for key pk expected: S actual: N`],
    ['NULL', { pk: { NULL: true } }, `${INVALID}Type mismatch for key pk expected: S actual: NULL`],
    [
      '[DB12] empty',
      { pk: S('') },
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk',
    ],
    [
      '[DB13] of 2 049 bytes',
      { pk: S('é'.repeat(1025)) },
      `${INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes`,
    ],
  ])('PutItem refuses a key that is %s', async (_name, Item, message) => {
    expect(await api.invalid('PutItem', { TableName: 'tab', Item })).toBe(message);
  });

  test.each<[string, Json]>([
    ['missing', {}],
    ['of a wrong type', { pk: N(1) }],
    ['with an attribute too many', { pk: S('a'), v: S('x') }],
    ['with another name', { PK: S('a') }],
  ])('a Key that is %s does not match the schema', async (_name, Key) => {
    for (const operation of ['GetItem', 'DeleteItem', 'UpdateItem']) {
      expect(await api.invalid(operation, { TableName: 'tab', Key })).toBe(
        'The provided key element does not match the schema',
      );
    }
  });

  test('[DB13] 2 048 and 1 024 bytes are allowed, a binary key may not be empty', async () => {
    await api.put('tab', { pk: S('x'.repeat(2048)) });
    await api.table('binary', 'pk:B sk:S');
    await api.put('binary', { pk: { B: 'AA==' }, sk: S('x'.repeat(1024)) });
    expect(
      await api.invalid('PutItem', {
        TableName: 'binary',
        Item: { pk: { B: 'AA==' }, sk: S('x'.repeat(1025)) },
      }),
    ).toBe(`${INVALID}Aggregated size of all range keys has exceeded the size limit of 1024 bytes`);
    expect(
      await api.invalid('GetItem', { TableName: 'binary', Key: { pk: { B: '' }, sk: S('a') } }),
    ).toMatch(/empty binary value\. Key: pk$/);
  });

  test('[DB9] equal numbers are one key', async () => {
    await api.put('pairs', { pk: S('a'), sk: N('1.0'), v: N(1) });
    await api.put('pairs', { pk: S('a'), sk: N('+1'), v: N(2) });
    expect(
      await api.ok('GetItem', { TableName: 'pairs', Key: { pk: S('a'), sk: N('10e-1') } }),
    ).toEqual({
      Item: { pk: S('a'), sk: N(1), v: N(2) },
    });
  });
});

test('[DB11] items have at most 400 KB', async () => {
  const sized = (bytes: number) => ({ ...KEY, data: S('x'.repeat(bytes - 2 - 1 - 4)) });
  await api.put('tab', sized(409_600));
  expect(await api.invalid('PutItem', { TableName: 'tab', Item: sized(409_601) })).toBe(
    'Item size has exceeded the maximum allowed size',
  );
  expect(await api.invalid('UpdateItem', update('SET more = :v', { ':v': S('x') }))).toMatch(
    /^Item size to update has exceeded the maximum allowed size/,
  );
  await api.ok('DeleteItem', { TableName: 'tab', Key: KEY });
  const huge = update('SET a = :v, b = :v', { ':v': S('x'.repeat(300_000)) });
  expect(await api.invalid('UpdateItem', huge)).toMatch(/^Item size to update/);
  expect(await get()).toBeUndefined();
});

test('[DB11] UpdateItem counts what it writes and three bytes, 19 for each SET, not the key', async () => {
  const sized = (bytes: number) => update('SET b = :v', { ':v': S('x'.repeat(bytes - 1)) });
  await api.ok('UpdateItem', sized(409_600 - 22));
  const over = sized(409_600 - 21);
  expect(await api.invalid('UpdateItem', over)).toBe(
    'Item size to update has exceeded the maximum allowed size',
  );
  const long = { ...over, Key: { pk: S('k'.repeat(2000)) } };
  expect(await api.invalid('UpdateItem', long)).toMatch(/^Item size to update/);
});

test.each<[Json, RegExp]>([
  [{ SS: [] }, /An string set {2}may not be empty/],
  [{ SS: ['a', 'a'] }, /contains duplicates/],
  [{ NS: ['1', '1.0'] }, /contains duplicates/],
  [{ N: 'x' }, /cannot be converted to a numeric value: x/],
  [{ N: '1e126' }, /Number overflow/],
  [{}, /Supplied AttributeValue is empty/],
  [{ S: 'a', N: '1' }, /more than one datatypes set/],
  [{ L: [{ M: { x: { BS: ['AA==', 'AA=='] } } }] }, /contains duplicates/],
])('[DB8] [DB12] wrong values are refused, nested ones too: %j', async (value, message) => {
  expect(await api.invalid('PutItem', { TableName: 'tab', Item: { ...KEY, v: value } })).toMatch(
    message,
  );
  expect(await api.invalid('UpdateItem', update('SET v = :v', { ':v': value }))).toMatch(
    /^ExpressionAttributeValues contains invalid value: .* for key :v$/,
  );
});

describe('GetItem', () => {
  test('[E4] sends the item as it is stored, attributes in the order of the writer', async () => {
    const item = '{"pk":{"S":"a"},"z":{"N":"1"},"a":{"L":[{"BOOL":false}]},"m":{"M":{}}}';
    await api.ok('PutItem', `{"TableName":"tab","Item":${item}}`);
    expect(JSON.stringify(await get())).toBe(item);
  });

  test('[D1] asks for a linearizable read when it should', async () => {
    await api.ok('GetItem', { TableName: 'tab', Key: KEY, ConsistentRead: true });
    await api.ok('GetItem', { TableName: 'tab', Key: KEY });
    expect(api.database.calls).toEqual(['read consistent', 'read eventual']);
  });

  test('[DB24] projects: list entries packed in ascending order, keys only when named', async () => {
    await api.put('tab', { ...KEY, l: { L: [N(0), N(1), N(2)] }, m: { M: { x: N(1), y: N(2) } } });
    const project = (ProjectionExpression: string) =>
      api.ok('GetItem', { TableName: 'tab', Key: KEY, ProjectionExpression });
    expect(await project('l[2], l[0], m.y')).toEqual({
      Item: { l: { L: [N(0), N(2)] }, m: { M: { y: N(2) } } },
    });
    expect(await project('nothing')).toEqual({ Item: {} });
    expect(await project('pk')).toEqual({ Item: KEY });
  });

  test('[DB17] a path may not reach into a key attribute', async () => {
    for (const ProjectionExpression of ['pk.x', 'pk[0]']) {
      expect(
        await api.invalid('GetItem', { TableName: 'tab', Key: KEY, ProjectionExpression }),
      ).toBe(
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk",
      );
    }
  });
});

describe('UpdateItem', () => {
  test('[DB15] without changes makes the item, with nothing but REMOVE it does not', async () => {
    await api.ok('UpdateItem', { TableName: 'tab', Key: KEY });
    expect(await get()).toEqual(KEY);
    await api.ok('UpdateItem', {
      TableName: 'tab',
      Key: { pk: S('b') },
      UpdateExpression: 'REMOVE x',
    });
    expect(await get({ pk: S('b') })).toBeUndefined();
  });

  test('[DB16] [DB18] reads old values throughout', async () => {
    await api.put('tab', {
      ...KEY,
      l: { L: [N(0), N(1), N(2)] },
      a: N(1),
      b: N(2),
      s: { SS: ['x'] },
    });
    await api.ok(
      'UpdateItem',
      update('REMOVE l[1], l[2] SET l[9] = :n, a = b, b = a DELETE s :x ADD c :n', {
        ':n': N(7),
        ':x': { SS: ['x'] },
      }),
    );
    expect(await get()).toEqual({ ...KEY, l: { L: [N(0), N(7)] }, a: N(2), b: N(1), c: N(7) });
  });

  test('[DB20] returns the touched leaves in their hierarchy', async () => {
    await api.put('tab', { ...KEY, m: { M: { x: N(1), y: N(2) } }, other: S('o') });
    const changed = (ReturnValues: string, expression: string, values?: Json) =>
      api.ok('UpdateItem', update(expression, values, { ReturnValues }));
    expect(await changed('UPDATED_OLD', 'SET m.x = :v', { ':v': N(5) })).toEqual({
      Attributes: { m: { M: { x: N(1) } } },
    });
    expect(await changed('UPDATED_NEW', 'SET m.x = :v', { ':v': N(6) })).toEqual({
      Attributes: { m: { M: { x: N(6) } } },
    });
    expect(await changed('UPDATED_NEW', 'REMOVE nothing')).toEqual({});
    expect(await changed('ALL_OLD', 'REMOVE m')).toMatchObject({
      Attributes: { m: { M: { x: N(6) } } },
    });
    expect(await changed('ALL_NEW', 'SET n = :v', { ':v': N(1) })).toEqual({
      Attributes: { ...KEY, other: S('o'), n: N(1) },
    });
  });

  test('[DB17] what the item makes impossible is a ValidationException', async () => {
    await api.put('tab', { ...KEY, s: S('x') });
    for (const [expression, values] of [
      ['SET a.b = :v', { ':v': N(1) }],
      ['SET s = s + :v', { ':v': N(1) }],
      ['ADD s :v', { ':v': N(1) }],
      ['SET x = y', undefined],
    ] as const) {
      await api.invalid('UpdateItem', update(expression, values));
    }
    expect(await get()).toEqual({ ...KEY, s: S('x') });
  });

  test('[DB17] key attributes cannot be updated', async () => {
    for (const [expression, values] of [
      ['SET pk = :v', { ':v': S('b') }],
      ['SET #p = :v', { ':v': S('b') }],
      ['REMOVE pk', undefined],
      ['SET pk.x = :v', { ':v': S('b') }],
    ] as const) {
      const names = expression.includes('#p') ? { '#p': 'pk' } : undefined;
      expect(
        await api.invalid(
          'UpdateItem',
          update(expression, values, { ExpressionAttributeNames: names }),
        ),
      ).toBe(
        'One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key',
      );
    }
  });

  test('the key may be read by a condition', async () => {
    const request = update(
      'SET v = :v',
      { ':v': N(1), ':k': S('a') },
      { ConditionExpression: 'pk = :k' },
    );
    expect(await api.error('UpdateItem', request)).toMatch(/^ConditionalCheckFailed/);
    await api.put('tab', KEY);
    await api.ok('UpdateItem', request);
  });
});

describe('[DB23] placeholders', () => {
  const request = (more: Json) => ({ TableName: 'tab', Key: KEY, ...more });
  test.each<[string, Json, string]>([
    [
      'unused name',
      { UpdateExpression: 'REMOVE x', ExpressionAttributeNames: { '#x': 'x' } },
      'Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}',
    ],
    [
      'unused value',
      { UpdateExpression: 'REMOVE x', ExpressionAttributeValues: { ':x': N(1) } },
      'Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}',
    ],
    [
      'names without expression',
      { ExpressionAttributeNames: { '#x': 'x' } },
      'ExpressionAttributeNames can only be specified when using expressions',
    ],
    [
      'values without expression',
      { ExpressionAttributeValues: { ':x': N(1) } },
      'ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null',
    ],
    [
      'no names',
      { UpdateExpression: 'REMOVE x', ExpressionAttributeNames: {} },
      'ExpressionAttributeNames must not be empty',
    ],
    [
      'no values',
      { UpdateExpression: 'REMOVE x', ExpressionAttributeValues: {} },
      'ExpressionAttributeValues must not be empty',
    ],
    [
      'name without #',
      { UpdateExpression: 'REMOVE x', ExpressionAttributeNames: { x: 'x' } },
      'ExpressionAttributeNames contains invalid key: Syntax error; key: "x"',
    ],
    [
      'value without :',
      { UpdateExpression: 'REMOVE x', ExpressionAttributeValues: { x: N(1) } },
      'ExpressionAttributeValues contains invalid key: Syntax error; key: "x"',
    ],
    [
      '[DB7] empty name',
      { UpdateExpression: 'REMOVE #x', ExpressionAttributeNames: { '#x': '' } },
      'ExpressionAttributeNames contains invalid value: Empty attribute name for key #x',
    ],
  ])('%s', async (_name, more, message) => {
    expect(await api.invalid('UpdateItem', request(more))).toBe(message);
  });

  test('two expressions of one call share them', async () => {
    await api.ok(
      'UpdateItem',
      request({
        UpdateExpression: 'SET #a = :v',
        ConditionExpression: 'attribute_not_exists(#a) OR #a <> :v',
        ExpressionAttributeNames: { '#a': 'size' },
        ExpressionAttributeValues: { ':v': N(1) },
      }),
    );
  });
});

describe('[DB35] consumed capacity', () => {
  test('writes by the larger of before and after, reads by what is there', async () => {
    const units = async (operation: string, body: Json) =>
      (await api.ok(operation, { TableName: 'tab', ReturnConsumedCapacity: 'TOTAL', ...body }))[
        'ConsumedCapacity'
      ];
    const total = (CapacityUnits: number) => ({ TableName: 'tab', CapacityUnits });
    const big = { ...KEY, data: S('x'.repeat(4100)) };
    expect(await units('PutItem', { Item: big })).toEqual(total(5));
    expect(await units('GetItem', { Key: KEY })).toEqual(total(1));
    expect(await units('GetItem', { Key: KEY, ConsistentRead: true })).toEqual(total(2));
    expect(await units('PutItem', { Item: KEY })).toEqual(total(5));
    expect(await units('GetItem', { Key: KEY })).toEqual(total(0.5));
    expect(await units('DeleteItem', { Key: KEY })).toEqual(total(1));
    expect(await units('GetItem', { Key: KEY })).toEqual(total(0.5));
    expect(await units('GetItem', { Key: KEY, ConsistentRead: true })).toEqual(total(1));
    const indexes = await api.ok('UpdateItem', {
      TableName: 'tab',
      Key: KEY,
      ReturnConsumedCapacity: 'INDEXES',
      ReturnItemCollectionMetrics: 'SIZE',
    });
    expect(indexes).toEqual({ ConsumedCapacity: { ...total(1), Table: { CapacityUnits: 1 } } });
  });
});
