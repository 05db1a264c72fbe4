import { beforeEach, expect, test } from 'vitest';
import { utf8Text } from '../../src/bytes/index.ts';
import type { Failure } from '../../src/router/index.ts';
import { type Json, N, S, TestApi } from './helpers.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.table('tab', 'pk:S');
  await api.table('pairs', 'pk:S sk:N');
});

const put = (Item: Json) => ({ PutRequest: { Item } });
const remove = (Key: Json) => ({ DeleteRequest: { Key } });
const write = (RequestItems: Json, more: Json = {}) => ({ RequestItems, ...more });
const get = (RequestItems: Json, more: Json = {}) => ({ RequestItems, ...more });

const BUSY: Failure = { kind: 'overloaded', message: 'queue full' };
const failFor = (name: string, failure: Failure) => {
  api.database.fail = (_call, key) =>
    key && utf8Text(key.partition) === name ? failure : undefined;
};

test('puts, deletes and gets over several tables', async () => {
  await api.put('tab', { pk: S('old') });
  expect(
    await api.ok(
      'BatchWriteItem',
      write({
        tab: [put({ pk: S('new'), v: N('1.0') }), remove({ pk: S('old') })],
        'arn:aws:dynamodb:local:000000000000:table/pairs': [put({ pk: S('a'), sk: N(1) })],
      }),
    ),
  ).toEqual({ UnprocessedItems: {} });
  const answer = await api.ok(
    'BatchGetItem',
    get({
      tab: { Keys: [{ pk: S('old') }, { pk: S('new') }], ConsistentRead: true },
      pairs: { Keys: [{ pk: S('a'), sk: N(1) }], ProjectionExpression: 'sk' },
    }),
  );
  expect(answer).toEqual({
    Responses: { tab: [{ pk: S('new'), v: N(1) }], pairs: [{ sk: N(1) }] },
    UnprocessedKeys: {},
  });
  expect(api.database.calls.slice(-3)).toEqual([
    'read consistent',
    'read consistent',
    'read eventual',
  ]);
});

test('[DB34] one item twice is refused, whatever is to be done to it and however it is spelled', async () => {
  const message = 'Provided list of item keys contains duplicates';
  const key = { pk: S('a'), sk: N('1') };
  const same = { pk: S('a'), sk: N('1.0') };
  for (const requests of [
    [put(key), put(same)],
    [put({ ...key, v: N(1) }), remove(same)],
  ]) {
    expect(await api.invalid('BatchWriteItem', write({ pairs: requests }))).toBe(message);
  }
  expect(await api.invalid('BatchGetItem', get({ pairs: { Keys: [key, same] } }))).toBe(message);
  const arn = 'arn:aws:dynamodb:local:000000000000:table/pairs';
  expect(await api.invalid('BatchWriteItem', write({ pairs: [put(key)], [arn]: [put(key)] }))).toBe(
    message,
  );
  expect(api.database.calls).toEqual([]);
});

test('[DB34] one invalid member refuses all', async () => {
  const good = put({ pk: S('good') });
  for (const [bad, message] of [
    [put({ v: S('x') }), 'The provided key element does not match the schema'],
    [put({ pk: N(1) }), 'The provided key element does not match the schema'],
    [put({ pk: { L: [] } }), 'The provided key element does not match the schema'],
    [
      put({ pk: S('') }),
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk',
    ],
    [
      put({ pk: S('a'), v: { SS: [] } }),
      'One or more parameter values were invalid: An string set  may not be empty',
    ],
    [
      put({ pk: S('a'), v: S('x'.repeat(409_600)) }),
      'Item size has exceeded the maximum allowed size',
    ],
    [remove({ pk: S('a'), v: S('x') }), 'The provided key element does not match the schema'],
    [{}, 'Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest'],
    [
      { ...put({ pk: S('a') }), ...remove({ pk: S('a') }) },
      'Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest',
    ],
  ] as const) {
    expect(await api.invalid('BatchWriteItem', write({ tab: [good, bad] }))).toBe(message);
  }
  expect(await api.error('BatchWriteItem', write({ tab: [good], none: [good] }))).toBe(
    'ResourceNotFoundException: Requested resource not found',
  );
  expect(
    await api.invalid('BatchGetItem', get({ tab: { Keys: [{ pk: S('a') }, { pk: N(1) }] } })),
  ).toBe('The provided key element does not match the schema');
  expect(
    await api.invalid(
      'BatchGetItem',
      get({ tab: { Keys: [{ pk: S('a') }], ProjectionExpression: 'a, a' } }),
    ),
  ).toMatch(/overlap/);
  expect(
    await api.invalid(
      'BatchGetItem',
      get({ tab: { Keys: [{ pk: S('a') }], ProjectionExpression: 'a', AttributesToGet: ['a'] } }),
    ),
  ).toMatch(/^Can not use both/);
  expect(api.database.calls).toEqual([]);
});

test('limits: 25 writes, 100 keys, at least one', async () => {
  const puts = (count: number) =>
    Array.from({ length: count }, (_, i) => put({ pk: S(`${i}`), sk: N(1) }));
  const keys = (count: number) => ({
    Keys: Array.from({ length: count }, (_, i) => ({ pk: S(`${i}`) })),
  });
  const many = Object.fromEntries(Array.from({ length: 26 }, (_, i) => [`table${i}`, puts(1)]));
  for (const [operation, RequestItems, message] of [
    [
      'BatchWriteItem',
      {},
      "Value '{}' at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      'BatchWriteItem',
      many,
      "at 'requestItems' failed to satisfy constraint: Member must have length less than or equal to 25",
    ],
    [
      'BatchWriteItem',
      { tab: [] },
      'Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]',
    ],
    [
      'BatchWriteItem',
      { tab: puts(26) },
      'Map value must satisfy constraint: [Member must have length less than or equal to 25',
    ],
    [
      'BatchWriteItem',
      { tab: puts(13), pairs: puts(13) },
      'Too many items requested for the BatchWriteItem call',
    ],
    ['BatchWriteItem', { 'bad!name': puts(1) }, 'Map keys must satisfy constraint'],
    [
      'BatchGetItem',
      {},
      "at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      'BatchGetItem',
      { tab: keys(0) },
      "at 'requestItems.tab.member.keys' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      'BatchGetItem',
      { tab: keys(101) },
      "at 'requestItems.tab.member.keys' failed to satisfy constraint: Member must have length less than or equal to 100",
    ],
    [
      'BatchGetItem',
      { tab: keys(60), pairs: keys(41) },
      'Too many items requested for the BatchGetItem call',
    ],
  ] as const) {
    expect(await api.invalid(operation, { RequestItems })).toContain(message);
  }
  await api.ok('BatchWriteItem', write({ pairs: puts(25) }));
  await api.ok('BatchGetItem', get({ tab: keys(100) }));
});

test('members that failed in passing come back in a form that can be sent again', async () => {
  failFor('busy', BUSY);
  const requests = [put({ pk: S('fine') }), put({ pk: S('busy'), v: { NS: ['2', '1'] } })];
  const written = await api.ok(
    'BatchWriteItem',
    write({ tab: requests }, { ReturnConsumedCapacity: 'TOTAL' }),
  );
  expect(written).toEqual({
    UnprocessedItems: { tab: [put({ pk: S('busy'), v: { NS: ['1', '2'] } })] },
    ConsumedCapacity: [{ TableName: 'tab', CapacityUnits: 1 }],
  });
  const request = {
    Keys: [{ pk: S('fine') }, { pk: S('busy') }],
    ConsistentRead: true,
    ProjectionExpression: '#p',
    ExpressionAttributeNames: { '#p': 'pk' },
  };
  const read = await api.ok('BatchGetItem', get({ tab: request }));
  expect(read).toEqual({
    Responses: { tab: [{ pk: S('fine') }] },
    UnprocessedKeys: { tab: { ...request, Keys: [{ pk: S('busy') }] } },
  });
  failFor('busy', { kind: 'unavailable', message: '' });
  expect(
    await api.ok(
      'BatchWriteItem',
      write({ tab: [put({ pk: S('x') }), remove({ pk: S('busy') })] }),
    ),
  ).toEqual({
    UnprocessedItems: { tab: [remove({ pk: S('busy') })] },
  });
  api.database.fail = () => undefined;
  await api.ok('BatchWriteItem', write(written['UnprocessedItems'] as Json));
  expect(await api.ok('BatchGetItem', get(read['UnprocessedKeys'] as Json))).toMatchObject({
    Responses: { tab: [{ pk: S('busy') }] },
  });
});

test('a batch of which nothing was done fails as a whole', async () => {
  api.database.fail = () => BUSY;
  expect(await api.error('BatchWriteItem', write({ tab: [put({ pk: S('a') })] }))).toMatch(
    /^ThrottlingException/,
  );
  expect(await api.error('BatchGetItem', get({ tab: { Keys: [{ pk: S('a') }] } }))).toMatch(
    /^ThrottlingException/,
  );
});

test('a batch that was refused, and of which a part may have been done, does not say that nothing was', async () => {
  const puts = ['a', 'b', 'c'].map((name) => put({ pk: S(name) }));
  api.database.fail = (_call, key) =>
    key && utf8Text(key.partition) === 'b' ? { kind: 'unavailable', message: '' } : BUSY;
  expect(await api.error('BatchWriteItem', write({ tab: puts }))).toMatch(/^InternalServerError/);
});

test('[DB34] capacity is rounded up per item and added per table', async () => {
  const capacity = (unitsOfTab: number, unitsOfPairs: number) => [
    { TableName: 'tab', CapacityUnits: unitsOfTab, Table: { CapacityUnits: unitsOfTab } },
    { TableName: 'pairs', CapacityUnits: unitsOfPairs, Table: { CapacityUnits: unitsOfPairs } },
  ];
  const indexes = { ReturnConsumedCapacity: 'INDEXES' };
  const data = S('x'.repeat(1500));
  const puts = {
    tab: [put({ pk: S('a'), data }), put({ pk: S('b') })],
    pairs: [put({ pk: S('a'), sk: N(1) })],
  };
  expect(await api.ok('BatchWriteItem', write(puts, indexes))).toMatchObject({
    ConsumedCapacity: capacity(3, 1),
  });
  const keys = {
    tab: { Keys: [{ pk: S('a') }, { pk: S('b') }, { pk: S('none') }] },
    pairs: { Keys: [{ pk: S('a'), sk: N(1) }], ConsistentRead: true },
  };
  expect(await api.ok('BatchGetItem', get(keys, indexes))).toMatchObject({
    ConsumedCapacity: capacity(1.5, 1),
  });
});

test('an answer has at most 16 MB; what is beyond is left to be asked for again', async () => {
  const data = S('x'.repeat(400_000));
  const keys = Array.from({ length: 50 }, (_, i) => ({ pk: S(`${i}`) }));
  for (const key of keys) await api.put('tab', { ...key, data });
  const answer = await api.ok('BatchGetItem', get({ tab: { Keys: keys } }));
  const items = (answer['Responses'] as { tab: Json[] }).tab;
  const left = (answer['UnprocessedKeys'] as { tab: { Keys: Json[] } }).tab.Keys;
  expect(items).toHaveLength(41);
  expect(left).toEqual(keys.slice(41));
});
