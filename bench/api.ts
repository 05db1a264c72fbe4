// What the API itself costs a request: `handle` over a database that answers at once, beside what decoding the same body costs
// alone (UTF-8 and JSON.parse), which no implementation in JavaScript can go below. Run: npx tsx bench/api.ts
import type { Table } from '../src/controller/index.ts';
import { handle } from '../src/dynamodb/index.ts';
import { encodeStoredItem, parseAttributeMap } from '../src/item/index.ts';
import type { Database } from '../src/router/index.ts';

const table: Table = {
  id: 1,
  spec: {
    name: 'bench',
    partitionKey: { name: 'pk', type: 'S' },
    sortKey: undefined,
    billingMode: 'PAY_PER_REQUEST',
    readCapacity: 0,
    writeCapacity: 0,
    deletionProtection: false,
    tableClass: 'STANDARD',
    tags: [],
  },
  status: 'ACTIVE',
  createdAt: 0,
  uuid: '',
  deletion: '',
  shards: [],
};

const ITEM = {
  pk: { S: 'user#000000123456' },
  name: { S: 'Ada Lovelace' },
  email: { S: 'ada@example.org' },
  age: { N: '36' },
  active: { BOOL: true },
  tags: { SS: ['a', 'b'] },
  address: { M: { city: { S: 'London' }, zip: { S: 'W1' } } },
  note: { S: 'x'.repeat(150) },
};
const parsed = parseAttributeMap(ITEM);
if (!parsed.ok) throw new Error(parsed.problem.message);
const stored = encodeStoredItem(parsed.value);

const written = {
  kind: 'written',
  attributes: undefined,
  sizeBefore: stored.size,
  sizeAfter: stored.size,
} as const;
const found = { kind: 'found', item: stored } as const;

/** Only what the measured requests call. */
const database = {
  findTable: () => table,
  write: () => Promise.resolve(written),
  read: () => Promise.resolve(found),
} satisfies Partial<Database> as unknown as Database;
const context = { database, address: '' };

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const KEY = { pk: ITEM.pk };
const requests: Readonly<Record<string, readonly [string, Uint8Array]>> = {
  PutItem: ['PutItem', bytes({ TableName: 'bench', Item: ITEM })],
  'PutItem with a condition': [
    'PutItem',
    bytes({ TableName: 'bench', Item: ITEM, ConditionExpression: 'attribute_not_exists(pk)' }),
  ],
  GetItem: ['GetItem', bytes({ TableName: 'bench', Key: KEY, ConsistentRead: true })],
  'GetItem with a projection': [
    'GetItem',
    bytes({ TableName: 'bench', Key: KEY, ProjectionExpression: 'age, address.city' }),
  ],
  UpdateItem: [
    'UpdateItem',
    bytes({
      TableName: 'bench',
      Key: KEY,
      UpdateExpression: 'SET #n = :n, age = age + :one REMOVE address.zip',
      ExpressionAttributeNames: { '#n': 'name' },
      ExpressionAttributeValues: { ':n': { S: 'Ada' }, ':one': { N: '1' } },
    }),
  ],
};

const ROUNDS = 30_000;
const decoder = new TextDecoder();

/** Processor time of one call in microseconds. */
async function measure(call: () => unknown): Promise<number> {
  for (let i = 0; i < ROUNDS / 3; i++) await call();
  const start = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i++) await call();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / ROUNDS;
}

for (const [name, [operation, body]] of Object.entries(requests)) {
  const request = { target: `DynamoDB_20120810.${operation}`, body };
  const decoding = await measure(() => JSON.parse(decoder.decode(body)));
  const whole = await measure(() => handle(request, context));
  const shown = [`${whole.toFixed(1)} µs`, `${decoding.toFixed(1)} µs of it decoding JSON`];
  console.log(`${name.padEnd(26)} ${String(body.length).padStart(4)} bytes  ${shown.join(', ')}`);
}
