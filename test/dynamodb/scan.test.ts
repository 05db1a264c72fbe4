import { beforeEach, expect, test } from 'vitest';
import { type Json, N, S, TestApi } from './helpers.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.table('tab', 'pk:S');
  await api.table('other', 'pk:S');
  await api.put('other', { pk: S('not this one') });
});

/** The keys of a whole scan, page by page. */
async function scanAll(more: Json): Promise<string[]> {
  const keys: string[] = [];
  let start: unknown;
  do {
    const page: Json = await api.ok('Scan', {
      TableName: 'tab',
      ExclusiveStartKey: start,
      ...more,
    });
    keys.push(...(page['Items'] as { pk: { S: string } }[]).map(({ pk }) => pk.S));
    start = page['LastEvaluatedKey'];
  } while (start !== undefined);
  return keys;
}

test('[DB33] segments are disjoint and complete, with any page size', async () => {
  const names = Array.from({ length: 60 }, (_, i) => `item ${i}`);
  await api.put('tab', ...names.map((name) => ({ pk: S(name) })));
  expect((await scanAll({ Limit: 7 })).sort()).toEqual([...names].sort());
  for (const TotalSegments of [1, 3, 8, 1000]) {
    const found: string[] = [];
    for (let Segment = 0; Segment < TotalSegments; Segment++) {
      found.push(...(await scanAll({ Segment, TotalSegments, Limit: 4 })));
    }
    expect(found.sort()).toEqual([...names].sort());
  }
});

test.each<[Json, string]>([
  [
    { Segment: 0 },
    'The TotalSegments parameter is required but was not present in the request when Segment parameter is present',
  ],
  [
    { TotalSegments: 4 },
    'The Segment parameter is required but was not present in the request when parameter TotalSegments is present',
  ],
  [
    { Segment: 5, TotalSegments: 5 },
    'The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 5 is not less than TotalSegments: 5',
  ],
  [
    { Segment: -1, TotalSegments: 4 },
    "1 validation error detected: Value '-1' at 'segment' failed to satisfy constraint: Member must have value greater than or equal to 0",
  ],
  [
    { Segment: 0, TotalSegments: 1_000_001 },
    "1 validation error detected: Value '1000001' at 'totalSegments' failed to satisfy constraint: Member must have value less than or equal to 1000000",
  ],
  [
    { Limit: 0 },
    "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
  ],
])('[DB33] refused: %j', async (more, message) => {
  expect(await api.invalid('Scan', { TableName: 'tab', ...more })).toBe(message);
});

test('[DB29] a start key has to be of the segment, and of the table', async () => {
  await api.put('tab', { pk: S('a') });
  const inSegment = await Promise.all(
    [0, 1].map((Segment) =>
      api.call('Scan', {
        TableName: 'tab',
        Segment,
        TotalSegments: 2,
        ExclusiveStartKey: { pk: S('a') },
      }),
    ),
  );
  expect(inSegment.map(({ status }) => status).sort()).toEqual([200, 400]);
  const refused = inSegment.find(({ status }) => status === 400);
  expect(refused?.json['message']).toMatch(
    /^The provided starting key is invalid: Invalid ExclusiveStartKey\. .* TotalSegments: 2 Segment: [01]$/,
  );
  for (const ExclusiveStartKey of [{}, { pk: N(1) }, { pk: S('a'), x: S('b') }, { x: S('a') }]) {
    expect(await api.invalid('Scan', { TableName: 'tab', ExclusiveStartKey })).toBe(
      'The provided starting key is invalid: The provided key element does not match the schema',
    );
  }
});

test('[DB26] the filter of a Scan may look at the key', async () => {
  await api.put('tab', { pk: S('a'), v: N(1) }, { pk: S('b'), v: N(2) }, { pk: S('c') });
  const filtered = {
    TableName: 'tab',
    FilterExpression: 'pk <> :a AND attribute_exists(v)',
    ExpressionAttributeValues: { ':a': S('a') },
    ProjectionExpression: 'v',
    ReturnConsumedCapacity: 'TOTAL',
  };
  expect(await api.ok('Scan', filtered)).toEqual({
    Items: [{ v: N(2) }],
    Count: 1,
    ScannedCount: 3,
    ConsumedCapacity: { TableName: 'tab', CapacityUnits: 0.5 },
  });
  expect(
    await api.ok('Scan', { ...filtered, Select: 'COUNT', ProjectionExpression: undefined }),
  ).toMatchObject({
    Count: 1,
    ScannedCount: 3,
  });
});

test('[DB24] what is wrong with an expression is said even if nothing is read', async () => {
  for (const [more, message] of [
    [{ ProjectionExpression: '#undef' }, /attribute name: #undef$/],
    [{ ProjectionExpression: 'a, a' }, /overlap/],
    [
      { FilterExpression: 'begins_with(a, :n)', ExpressionAttributeValues: { ':n': N(5) } },
      /operand type: N$/,
    ],
  ] as const) {
    expect(await api.invalid('Scan', { TableName: 'tab', ...more })).toMatch(message);
  }
});
