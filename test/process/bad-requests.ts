/** Bodies of real requests with something wrong in them: shapes, values, names, expressions, JSON and bytes. */
import { type Draw, pick } from '../http/mutations.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

export interface BadRequest {
  readonly operation: string;
  readonly body: Buffer;
}

const TABLE = 'targets';
const KEY = { pk: { S: 'k' }, sk: { S: 's' } };
const ITEM = {
  ...KEY,
  n: { N: '1.5' },
  b: { B: 'AAEC' },
  list: { L: [{ S: 'x' }, { BOOL: true }, { NULL: true }] },
  map: { M: { inner: { NS: ['1', '2'] }, words: { SS: ['a', 'b'] } } },
};

/** Requests that are valid, at least one for each kind of parameter. */
const REQUESTS: readonly (readonly [string, Json])[] = [
  ['PutItem', { TableName: TABLE, Item: ITEM, ReturnValues: 'ALL_OLD' }],
  [
    'PutItem',
    {
      TableName: TABLE,
      Item: ITEM,
      ConditionExpression: 'attribute_not_exists(#a) OR size(map.inner) > :n AND list[1] = :v',
      ExpressionAttributeNames: { '#a': 'never' },
      ExpressionAttributeValues: { ':n': { N: '0' }, ':v': { BOOL: true } },
    },
  ],
  ['PutItem', { TableName: TABLE, Item: ITEM, Expected: { x: { Exists: false } } }],
  [
    'GetItem',
    { TableName: TABLE, Key: KEY, ConsistentRead: true, ReturnConsumedCapacity: 'TOTAL' },
  ],
  [
    'GetItem',
    {
      TableName: TABLE,
      Key: KEY,
      ProjectionExpression: '#n, map.words, list[0]',
      ExpressionAttributeNames: { '#n': 'n' },
    },
  ],
  [
    'UpdateItem',
    {
      TableName: TABLE,
      Key: KEY,
      UpdateExpression:
        'SET n = if_not_exists(n, :n) + :n, list = list_append(list, :l) REMOVE b ADD tags :t',
      ConditionExpression: 'n BETWEEN :n AND :n OR NOT contains(list, :s)',
      ExpressionAttributeValues: {
        ':n': { N: '1' },
        ':l': { L: [{ S: 'y' }] },
        ':t': { SS: ['t'] },
        ':s': { S: 'x' },
      },
      ReturnValues: 'UPDATED_NEW',
    },
  ],
  [
    'UpdateItem',
    { TableName: TABLE, Key: KEY, AttributeUpdates: { n: { Action: 'ADD', Value: { N: '1' } } } },
  ],
  ['DeleteItem', { TableName: TABLE, Key: KEY, ReturnValues: 'ALL_OLD' }],
  [
    'Query',
    {
      TableName: TABLE,
      KeyConditionExpression: 'pk = :p AND begins_with(sk, :s)',
      FilterExpression: 'attribute_type(n, :t) AND n IN (:n, :m)',
      ExpressionAttributeValues: {
        ':p': { S: 'k' },
        ':s': { S: 's' },
        ':t': { S: 'N' },
        ':n': { N: '1' },
        ':m': { N: '2' },
      },
      ScanIndexForward: false,
      Limit: 10,
    },
  ],
  [
    'Query',
    {
      TableName: TABLE,
      KeyConditions: {
        pk: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'k' }] },
      },
    },
  ],
  ['Scan', { TableName: TABLE, Segment: 0, TotalSegments: 2, Select: 'COUNT', Limit: 5 }],
  ['Scan', { TableName: TABLE, ExclusiveStartKey: KEY, Limit: 5 }],
  ['BatchGetItem', { RequestItems: { [TABLE]: { Keys: [KEY], ConsistentRead: true } } }],
  [
    'BatchWriteItem',
    {
      RequestItems: {
        [TABLE]: [
          { PutRequest: { Item: ITEM } },
          { DeleteRequest: { Key: { pk: { S: 'k' }, sk: { S: 'other' } } } },
        ],
      },
    },
  ],
  [
    'CreateTable',
    {
      TableName: TABLE,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      Tags: [{ Key: 'a', Value: 'b' }],
    },
  ],
  ['DeleteTable', { TableName: 'nothing-here' }],
  ['DescribeTable', { TableName: TABLE }],
  ['DescribeTimeToLive', { TableName: TABLE }],
  ['ListTables', { Limit: 3, ExclusiveStartTableName: 'a-table' }],
  ['ListTagsOfResource', { ResourceArn: `arn:aws:dynamodb:local:000000000000:table/${TABLE}` }],
  ['TransactWriteItems', { TransactItems: [{ Put: { TableName: TABLE, Item: ITEM } }] }],
  ['ExecuteStatement', { Statement: `SELECT * FROM "${TABLE}"` }],
  ['DescribeLimits', {}],
  ['DescribeEndpoints', {}],
];

const PROTOTYPE_NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'valueOf',
  '__defineGetter__',
  'then',
  'length',
];

const VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e21,
  2 ** 53,
  '',
  ' ',
  '\0',
  '\ud800',
  'e\u0301',
  '\u{1f6a2}',
  '#a',
  ':v',
  '../../etc/passwd',
  'x'.repeat(70_000),
  [],
  [[]],
  {},
  { S: 1 },
  { S: 'a', N: '1' },
  { N: 'abc' },
  { N: '' },
  { N: '1e400' },
  { N: '-1e-400' },
  { N: '9'.repeat(39) },
  { N: 'NaN' },
  { N: 'Infinity' },
  { NS: [] },
  { NS: ['1', '1.0'] },
  { SS: ['a', 'a'] },
  { B: '!!!' },
  { BS: ['AA==', 'AA=='] },
  { BOOL: 'true' },
  { NULL: false },
  { L: {} },
  { M: [] },
  { X: 'x' },
  { S: '' },
];

/** What makes careless scanners slow, or recursive ones deep (J2, B4). */
const EXPRESSIONS: readonly string[] = [
  '('.repeat(4_096),
  `${'('.repeat(2_000)}a = a${')'.repeat(2_000)}`,
  `${'NOT '.repeat(1_000)}a = a`,
  `a${'.a'.repeat(2_000)}`,
  `a${'[0]'.repeat(1_300)}`,
  'a = a AND '.repeat(400),
  `a = a${' OR a = a'.repeat(440)}`,
  'attribute_exists('.repeat(240),
  `a IN (${'a,'.repeat(2_000)}a)`,
  `SET ${'a = a, '.repeat(580)}`,
  `SET a = ${'a + '.repeat(1_000)}a`,
  `REMOVE ${'a,'.repeat(2_000)}`,
  ' '.repeat(4_096),
  `a${' '.repeat(4_000)}=`,
  `#${'a'.repeat(4_000)}`,
  `:${'1'.repeat(4_000)}`,
  '#'.repeat(4_096),
  'a'.repeat(4_097),
  '\t\n'.repeat(2_000),
  'a = "b',
  "a = 'b'",
  'a <> <> a',
  'size(size(a)) = a',
  'a[99999999999999999999] = a',
  'a[-1] = a',
  'é = a',
  'SET a = a SET b = b',
  '\0',
];

/** Changes one place of the tree. */
function withChange(json: Json, draw: Draw, change: (found: Json) => Json): Json {
  if (Array.isArray(json) && json.length > 0 && draw(4) > 0) {
    const place = draw(json.length);
    return json.map((element: Json, i) =>
      i === place ? withChange(element, draw, change) : element,
    );
  }
  if (isObject(json) && draw(4) > 0) {
    const entries = Object.entries(json);
    if (entries.length > 0) {
      const place = draw(entries.length);
      return Object.fromEntries(
        entries.map(([name, value], i) => [
          name,
          i === place ? withChange(value, draw, change) : value,
        ]),
      );
    }
  }
  return change(json);
}

function isObject(json: Json): json is { readonly [name: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

type TreeMutation = (json: Json, draw: Draw) => Json;

const TREE_MUTATIONS: readonly TreeMutation[] = [
  (json, draw) => withChange(json, draw, () => pick(draw, VALUES)),
  // A name of an object's prototype in place of a name, or beside it.
  (json, draw) =>
    withChange(json, draw, (found) => {
      const name = pick(draw, PROTOTYPE_NAMES);
      if (!isObject(found)) return name;
      const entries = Object.entries(found);
      if (draw(2) === 0) entries.pop();
      return Object.fromEntries([...entries, [name, pick(draw, VALUES)]]);
    }),
  (json, draw) =>
    withChange(json, draw, (found) =>
      isObject(found) ? Object.fromEntries(Object.entries(found).slice(1)) : null,
    ),
  (json, draw) => withChange(json, draw, (found) => [found, found]),
  (json, draw) => withChange(json, draw, (found) => ({ M: { a: found } })),
  (json, draw) => {
    const names = ['ConditionExpression', 'UpdateExpression', 'FilterExpression'];
    names.push('ProjectionExpression', 'KeyConditionExpression');
    return { ...(json as object), [pick(draw, names)]: pick(draw, EXPRESSIONS) };
  },
  (json, draw) => {
    // Deep, up to beyond what is allowed.
    let value: Json = { S: 'x' };
    for (let depth = pick(draw, [30, 31, 32, 33, 200, 600]); depth > 0; depth--)
      value = { L: [value] };
    return withChange(json, draw, () => value);
  },
];

const TEXT_MUTATIONS: readonly ((text: string, draw: Draw) => string)[] = [
  (text, draw) => text.slice(0, draw(text.length)),
  (text, draw) => {
    const at = draw(text.length);
    return text.slice(0, at) + pick(draw, [...'{}[]",:\\0-+eE.tn/\0\x7f\r']) + text.slice(at);
  },
  (text, draw) => {
    const at = draw(text.length);
    return text.slice(0, at) + text.slice(at + 1 + draw(4));
  },
  // Numbers that JSON has and JavaScript has not, or neither.
  (text, draw) =>
    text.replace(/:"[^"]*"/, `:${pick(draw, ['1e400', '-1e400', '-0', '01', '0x1', '1.', 'NaN'])}`),
  // Names twice: the last counts.
  (text) => text.replace('{', '{"TableName":"nothing-here",'),
  (text) => text.replace(/\}$/, ',"TableName":"nothing-here"}'),
  (text) => text.replace('"S":"k"', '"S":"k","S":"l"'),
  // Lone surrogates, NUL, and escapes that are none.
  (text, draw) =>
    text.replace(
      '"k"',
      `"${pick(draw, ['\\ud800', '\\udc00x', '\\u0000', '\\u00', '\\x41', 'k\u0000'])}"`,
    ),
  (text) => `\ufeff${text}`,
  (text) => `${text}${text}`,
  (text) => `${text}${' '.repeat(1_000)}/**/`,
  (text) => text.replaceAll('"', "'"),
  () => '',
  () => 'null',
  () => '"text"',
  () => '1e400',
  (_, draw) => '['.repeat(pick(draw, [500, 10_000, 300_000])),
  (_, draw) => '{"a":'.repeat(pick(draw, [500, 10_000, 100_000])),
  (_, draw) => `{"TableName":"${'\\"'.repeat(pick(draw, [100, 50_000]))}`,
];

const BYTE_MUTATIONS: readonly ((bytes: Buffer, draw: Draw) => void)[] = [
  (bytes, draw) => {
    const at = draw(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << draw(8));
  },
  (bytes, draw) => {
    bytes[draw(bytes.length)] = pick(draw, [0x00, 0x80, 0xc0, 0xed, 0xf5, 0xff]);
  },
];

/** One request, of any operation, with one or two things wrong in it; some are valid nevertheless. */
export function badRequest(draw: Draw, names: readonly string[]): BadRequest {
  const [usual, valid] = pick(draw, REQUESTS);
  const operation = draw(20) === 0 ? pick(draw, names) : usual;
  let json = valid;
  const kind = draw(10);
  if (kind < 7) json = pick(draw, TREE_MUTATIONS)(json, draw);
  if (kind === 6) json = pick(draw, TREE_MUTATIONS)(json, draw);
  let text = JSON.stringify(json);
  if (kind === 7 || kind === 8) text = pick(draw, TEXT_MUTATIONS)(text, draw);
  const body = Buffer.from(text);
  if (kind === 9) pick(draw, BYTE_MUTATIONS)(body, draw);
  return { operation, body };
}
