import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { handle, OPERATIONS } from '../../src/dynamodb/index.ts';
import { TestApi, tableOf } from './helpers.ts';

// Requests made of the right words in wrong places. Whatever comes, `handle` answers, and only with errors of the table.

const value = fc.oneof(
  fc.constantFrom<unknown>(
    { S: 'a' },
    { N: '1' },
    { N: 'x' },
    { B: 'AA==' },
    { BOOL: true },
    { NULL: true },
    { SS: ['a'] },
    { NS: ['1', '1'] },
    { L: [{ S: 'x' }] },
    { M: { a: { N: '2' } } },
    { M: { ['__proto__']: { S: 'x' } } },
    {},
    { S: 5 },
    { X: 'y' },
    null,
    [],
    'a',
  ),
);
const attributes = fc.dictionary(
  fc.constantFrom('pk', 'sk', 'v', '', ':p', ':v', 'constructor'),
  value,
  { maxKeys: 3 },
);
const expression = fc.constantFrom(
  'pk = :p',
  'pk = :p AND sk > :v',
  'v = :v',
  'attribute_exists(v)',
  'SET v = :v',
  'REMOVE v',
  'ADD v :v',
  'DELETE v :v',
  'v',
  'pk, v',
  '#n',
  'begins_with(sk, :v)',
  'v IN (:v)',
  'v BETWEEN :p AND :v',
  '',
  '((v))',
  'size(v) > :v',
  'SET v[1] = v',
);
const conditions = fc.dictionary(
  fc.constantFrom('pk', 'sk', 'v'),
  fc.record(
    {
      ComparisonOperator: fc.constantFrom('EQ', 'LT', 'IN', 'NULL', 'BETWEEN', 'CONTAINS', 'XX'),
      AttributeValueList: fc.array(value, { maxLength: 2 }),
      Exists: fc.boolean(),
      Value: value,
      Action: fc.constantFrom('PUT', 'ADD', 'DELETE'),
    },
    { requiredKeys: [] },
  ),
  { maxKeys: 2 },
);
const number = fc.constantFrom<unknown>(1, 2, 0, -1, 1.5, 1e300, '1');
const body = fc.record(
  {
    TableName: fc.constantFrom<unknown>(
      'tab',
      'tab',
      'tab',
      'pairs',
      'none',
      '',
      'x!',
      5,
      'arn:aws:dynamodb:a:b:table/tab',
    ),
    Item: attributes,
    Key: attributes,
    ExclusiveStartKey: attributes,
    ConditionExpression: expression,
    FilterExpression: expression,
    KeyConditionExpression: expression,
    ProjectionExpression: expression,
    UpdateExpression: expression,
    ExpressionAttributeNames: fc.constantFrom<unknown>({ '#n': 'v' }, {}, { n: 'v' }, 5),
    ExpressionAttributeValues: attributes,
    Expected: conditions,
    AttributeUpdates: conditions,
    KeyConditions: conditions,
    QueryFilter: conditions,
    ScanFilter: conditions,
    AttributesToGet: fc.array(fc.constantFrom('pk', 'v'), { maxLength: 2 }),
    Select: fc.constantFrom('COUNT', 'ALL_ATTRIBUTES', 'SPECIFIC_ATTRIBUTES', 'x'),
    ReturnValues: fc.constantFrom('NONE', 'ALL_OLD', 'ALL_NEW', 'UPDATED_NEW', 'x'),
    ReturnConsumedCapacity: fc.constantFrom('TOTAL', 'INDEXES', 'x'),
    Limit: number,
    Segment: number,
    TotalSegments: number,
    ConsistentRead: fc.boolean(),
    ScanIndexForward: fc.boolean(),
    RequestItems: fc.dictionary(
      fc.constantFrom('tab', 'pairs', 'none', 'x!'),
      fc.oneof(
        fc.record(
          { Keys: fc.array(attributes, { maxLength: 3 }), ProjectionExpression: expression },
          { requiredKeys: [] },
        ),
        fc.array(
          fc.record(
            {
              PutRequest: fc.record({ Item: attributes }),
              DeleteRequest: fc.record({ Key: attributes }),
            },
            { requiredKeys: [] },
          ),
          { maxLength: 3 },
        ),
      ),
      { maxKeys: 2 },
    ),
  },
  { requiredKeys: ['TableName'] },
);
const operation = fc.constantFrom(
  ...OPERATIONS.map(({ name }) => name).filter((name) => name !== 'DeleteTable'),
);

test('[J1] [O2] every request is answered, and what is stored can be read back', async () => {
  const api = new TestApi();
  for (const table of [tableOf('tab', 'pk:S'), tableOf('pairs', 'pk:S sk:N')]) {
    await api.ok('CreateTable', table);
  }
  const context = { database: api.database, address: '' };
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(operation, body, async (name, parameters) => {
      const bytes = new TextEncoder().encode(JSON.stringify(parameters));
      const response = await handle({ target: `DynamoDB_20120810.${name}`, body: bytes }, context);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      expect([200, 400]).toContain(response.status);
      JSON.parse(new TextDecoder().decode(response.body));
    }),
    { seed: 8, numRuns: 1500 },
  );
  expect(statuses.get(200)).toBeGreaterThan(50);
  await api.ok('Scan', { TableName: 'tab' });
});

test('any bytes at all are answered', async () => {
  const { database } = new TestApi();
  await fc.assert(
    fc.asyncProperty(operation, fc.uint8Array({ maxLength: 60 }), async (name, bytes) => {
      const request = { target: `DynamoDB_20120810.${name}`, body: bytes };
      expect((await handle(request, { database, address: '' })).status).toBe(400);
    }),
    { seed: 9, numRuns: 200 },
  );
});
