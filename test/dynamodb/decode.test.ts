import { expect, test } from 'vitest';
import { S, TestApi } from './helpers.ts';

async function withTable(): Promise<TestApi> {
  const api = new TestApi();
  await api.table('tab', 'pk:S');
  return api;
}

const NOT_NULL = 'failed to satisfy constraint: Member must not be null';

test('[DB1] constraints are all counted in one message', async () => {
  const api = await withTable();
  expect(
    await api.invalid('PutItem', { ReturnValues: 'bad', ReturnConsumedCapacity: 'worse' }),
  ).toBe(
    `4 validation errors detected: Value null at 'tableName' ${NOT_NULL}; Value null at 'item' ${NOT_NULL}; ` +
      "Value 'bad' at 'returnValues' failed to satisfy constraint: " +
      'Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; ' +
      "Value 'worse' at 'returnConsumedCapacity' failed to satisfy constraint: " +
      'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
  );
});

test('[DB1] body, constraints, mixing, syntax, unused, table, key: each comes before the next', async () => {
  const api = await withTable();
  const faults = [
    { Item: 5 },
    { ReturnValues: 'bad' },
    { Expected: { a: { Exists: false } } },
    { ConditionExpression: 'a =' },
    { ExpressionAttributeValues: { ':a': S('1'), ':b': S('2') } },
    { TableName: 'missing' },
    { Item: { wrong: S('key') } },
  ];
  const messages = [
    /^SerializationException: Unexpected field type/,
    /^ValidationException: 1 validation error detected: Value 'bad'/,
    /^ValidationException: Can not use both expression and non-expression/,
    /^ValidationException: Invalid ConditionExpression: Syntax error/,
    /^ValidationException: Value provided in ExpressionAttributeValues unused in expressions: keys: \{:b\}/,
    /^ResourceNotFoundException: Requested resource not found$/,
    /^ValidationException: .*Missing the key pk in the item/,
  ];
  const valid = {
    TableName: 'tab',
    Item: { pk: S('a') },
    ConditionExpression: 'a = :a',
    ExpressionAttributeValues: { ':a': S('1') },
  };
  for (let first = 0; first < faults.length; first++) {
    const body = Object.assign({}, valid, ...faults.slice(first).reverse());
    expect(await api.error('PutItem', body)).toMatch(messages[first] as RegExp);
  }
  expect(await api.call('PutItem', { TableName: 'tab', Item: { pk: S('a') } })).toMatchObject({
    status: 200,
  });
});

test.each([
  ['', 'Member must have length greater than or equal to 1'],
  ['a'.repeat(256), 'Member must have length less than or equal to 255'],
  ['bad name', 'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+'],
  [
    'arn:aws:dynamodb:x:y:table/bad!',
    'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+',
  ],
])('[DB2] a wrong TableName is the only error: %j', async (name, constraint) => {
  const api = await withTable();
  expect(await api.invalid('GetItem', { TableName: name, ReturnConsumedCapacity: 'bad' })).toBe(
    `1 validation error detected: Value '${name}' at 'tableName' failed to satisfy constraint: ${constraint}`,
  );
});

test('[DB2] short names pass in data calls, three letters are wanted of CreateTable, ARNs are accepted', async () => {
  const api = await withTable();
  expect(await api.error('GetItem', { TableName: 'a', Key: { pk: S('a') } })).toBe(
    'ResourceNotFoundException: Requested resource not found',
  );
  expect(await api.invalid('CreateTable', { TableName: 'ab' })).toBe(
    "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
  );
  const arn = 'arn:aws:dynamodb:eu-west-2:123456789012:table/tab';
  expect(await api.ok('GetItem', { TableName: arn, Key: { pk: S('a') } })).toEqual({});
});

test('[DB3] lists, maps and structures are printed as Java prints them', async () => {
  const api = await withTable();
  const element = (name: string, type: string) => ({ AttributeName: name, KeyType: type });
  expect(
    await api.invalid('CreateTable', {
      TableName: 'tab2',
      AttributeDefinitions: [],
      KeySchema: [element('a', 'HASH'), element('b', 'RANGE'), element('c', 'x')],
    }),
  ).toBe(
    "2 validation errors detected: Value '[KeySchemaElement(attributeName=a, keyType=HASH), " +
      "KeySchemaElement(attributeName=b, keyType=RANGE), KeySchemaElement(attributeName=c, keyType=x)]' at 'keySchema' " +
      'failed to satisfy constraint: Member must have length less than or equal to 2; ' +
      "Value 'x' at 'keySchema.3.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]",
  );
  const requests = Array.from({ length: 26 }, () => ({ PutRequest: { Item: { pk: S('a') } } }));
  expect(await api.invalid('BatchWriteItem', { RequestItems: { tab: requests } })).toMatch(
    /^1 validation error detected: Value '\{tab=\[WriteRequest\(putRequest=PutRequest\(item=\{pk=AttributeValue\(s=a, n=null/,
  );
});

test('no message repeats megabytes of its request', async () => {
  const api = await withTable();
  const big = { pk: S('x'.repeat(300_000)), l: { L: Array(5000).fill(S('y')) } };
  const requests = Array.from({ length: 30 }, () => ({ PutRequest: { Item: big } }));
  for (const [operation, body] of [
    ['BatchWriteItem', { RequestItems: { tab: requests } }],
    ['GetItem', { TableName: 'z'.repeat(1_000_000) }],
    ['GetItem', { TableName: 'tab', ReturnConsumedCapacity: 'z'.repeat(1_000_000) }],
    [
      'CreateTable',
      { TableName: 'abc', Tags: Array(1000).fill({ Key: '', Value: 'v'.repeat(300) }) },
    ],
  ] as const) {
    expect((await api.invalid(operation, body)).length).toBeLessThan(60_000);
  }
});

test.each([
  ['PutItem', '{"TableName":5}', 'NUMBER_VALUE cannot be converted to String'],
  ['PutItem', '{"TableName":5.5}', 'DECIMAL_VALUE cannot be converted to String'],
  ['PutItem', '{"TableName":true}', 'TRUE_VALUE cannot be converted to String'],
  ['PutItem', '{"TableName":[]}', 'Unrecognized collection type class java.lang.String'],
  ['PutItem', '{"TableName":{}}', 'Start of structure or map found where not expected'],
  ['GetItem', '{"ConsistentRead":"true"}', 'STRING_VALUE cannot be converted to Boolean'],
  ['GetItem', '{"ConsistentRead":1}', 'NUMBER_VALUE cannot be converted to Boolean'],
  ['Query', '{"Limit":"1"}', 'STRING_VALUE cannot be converted to Integer'],
  ['Query', '{"ExpressionAttributeNames":5}', 'Unexpected field type'],
  ['Query', '{"ExpressionAttributeNames":[]}', 'Unrecognized collection type java.util.Map'],
  ['Query', '{"AttributesToGet":"a"}', 'Unexpected field type'],
  ['CreateTable', '{"KeySchema":["a"]}', 'Unexpected value type in payload'],
  [
    'CreateTable',
    '{"ProvisionedThroughput":[]}',
    'Unrecognized collection type class com.amazonaws.dynamodb.v20120810.ProvisionedThroughput',
  ],
  ['PutItem', '{"Item":{"a":{"N":1}}}', 'NUMBER_VALUE cannot be converted to String'],
  ['PutItem', '{"Item":{"a":5}}', 'Unexpected value type in payload'],
  ['PutItem', '{"TableName":5,"Item":5}', 'NUMBER_VALUE cannot be converted to String'],
  ['PutItem', '{"Item":5,"TableName":5}', 'Unexpected field type'],
  ['PutItem', '[]', 'The request body must be a JSON object'],
  ['PutItem', '"x"', 'The request body must be a JSON object'],
  ['PutItem', 'null', 'The request body must be a JSON object'],
  ['PutItem', '', 'The request body is not valid JSON'],
  ['PutItem', '{"TableName":"a"', 'The request body is not valid JSON'],
])(
  '[DB4] wrong JSON types are SerializationExceptions: %s %s',
  async (operation, body, message) => {
    expect(await new TestApi().error(operation, body)).toBe(`SerializationException: ${message}`);
  },
);

test('null is as good as absent and unknown parameters are ignored', async () => {
  const api = await withTable();
  await api.ok('PutItem', {
    TableName: 'tab',
    Item: { pk: S('a') },
    ReturnValues: null,
    Unknown: 5,
  });
});

test('[B4] bodies nested 2 000 or a million levels deep are refused', async () => {
  const api = await withTable();
  for (const depth of [2000, 1_000_000]) {
    for (const body of ['['.repeat(depth), `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`]) {
      expect(await api.error('PutItem', body)).toMatch(/^SerializationException: .*nested deeper/);
    }
  }
  const deep = (levels: number) => `${'{"M":{"a":'.repeat(levels)}{"S":"x"}${'}}'.repeat(levels)}`;
  const put = (levels: number) => `{"TableName":"tab","Item":{"pk":{"S":"a"},"d":${deep(levels)}}}`;
  await api.ok('PutItem', put(31));
  expect(await api.invalid('PutItem', put(32))).toMatch(/^Nesting Levels have exceeded/);
  expect(await api.invalid('PutItem', put(200))).toMatch(/^Nesting Levels have exceeded/);
});

test('[B4] brackets and escaped quotes inside strings do not count as nesting', async () => {
  const api = await withTable();
  const text = `${'['.repeat(3000)}\\"${'{'.repeat(3000)}\\\\`;
  await api.ok('PutItem', `{"TableName":"tab","Item":{"pk":{"S":"a"},"t":{"S":"${text}"}}}`);
});

const NAMES = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '__defineGetter__',
  'valueOf',
];

test('[J1] names of Object.prototype are ordinary names everywhere', async () => {
  const api = await withTable();
  for (const name of NAMES) {
    const item = `{"pk":{"S":"${name}"},"${name}":{"M":{"${name}":{"S":"x"}}}}`;
    await api.ok('PutItem', `{"TableName":"tab","Item":${item}}`);
    const got = await api.call('GetItem', { TableName: 'tab', Key: { pk: S(name) } });
    expect(JSON.stringify(got.json)).toBe(`{"Item":${item}}`);
    const update = await api.ok('UpdateItem', {
      TableName: 'tab',
      Key: { pk: S(name) },
      UpdateExpression: 'SET #n.#n = :v',
      ExpressionAttributeNames: { '#n': name },
      ExpressionAttributeValues: { ':v': S('y') },
      ReturnValues: 'ALL_NEW',
    });
    expect(JSON.stringify(update)).toContain(`"${name}":{"M":{"${name}":{"S":"y"}}}`);
    expect(
      await api.invalid(
        'Scan',
        `{"TableName":"tab","FilterExpression":"a = :v","ExpressionAttributeValues":{"${name}":{"S":"x"}}}`,
      ),
    ).toBe(`ExpressionAttributeValues contains invalid key: Syntax error; key: "${name}"`);
    expect(await api.error('Scan', { TableName: name })).toMatch(/^ResourceNotFoundException/);
    expect(
      await api.error('BatchGetItem', `{"RequestItems":{"${name}":{"Keys":[{"pk":{"S":"x"}}]}}}`),
    ).toMatch(/^ResourceNotFoundException/);
    await api.ok('Scan', `{"TableName":"tab","${name}":{"polluted":true}}`);
  }
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test('[J3] of a name given twice the last value counts', async () => {
  const api = await withTable();
  await api.ok(
    'PutItem',
    '{"TableName":"x","TableName":"tab","Item":{"pk":{"S":"a"},"v":{"S":"1"},"v":{"S":"2"}}}',
  );
  expect(await api.ok('GetItem', { TableName: 'tab', Key: { pk: S('a') } })).toEqual({
    Item: { pk: S('a'), v: S('2') },
  });
});

test('[J3] lone surrogates, NUL and unnormalised text go in and out as UTF-8 has them', async () => {
  const api = await withTable();
  for (const [sent, stored] of [
    ['\\ud800', '\ufffd'],
    ['\\u0000', '\u0000'],
    ['e\u0301', 'e\u0301'],
    ['\\ud83c\\udfb5', '🎵'],
  ] as const) {
    await api.ok('PutItem', `{"TableName":"tab","Item":{"pk":{"S":"${sent}"}}}`);
    const { Item } = await api.ok('GetItem', `{"TableName":"tab","Key":{"pk":{"S":"${sent}"}}}`);
    expect(Item).toEqual({ pk: S(stored) });
  }
});
