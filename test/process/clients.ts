/**
 * A process of clients that make a table and write to it through all endpoints of a cluster, each the next item when the last one is
 * answered. A line a second says what has come of it so far. SIGTERM ends it: the last line says what is lost of what was acknowledged.
 *
 *   node --import tsx test/process/clients.ts TABLE http://HOST:PORT …
 */
const CLIENTS = 8;
const TIMEOUT_MS = 5_000;

export interface Reported {
  readonly acknowledged: number;
  /** Times that one endpoint acknowledged nothing, in milliseconds. */
  readonly longestGapMs: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Undefined until the end. */
  readonly lost?: number;
}

const [table = '', ...endpoints] = process.argv.slice(2);
const acknowledged = new Set<string>();
const failures: Record<string, number> = {};
const lastAt = new Map<string, number>();
let longestGapMs = 0;
let isStopping = false;

async function ask(endpoint: string, operation: string, parameters: object): Promise<unknown> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/local/dynamodb/aws4_request',
    },
    body: JSON.stringify(parameters),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return JSON.parse(text);
}

/** Once the cluster serves. */
async function makeTable(): Promise<void> {
  const TableName = table;
  const isActive = async () => {
    const { Table } = (await ask(endpoints[0] as string, 'DescribeTable', { TableName })) as {
      Table: { TableStatus: string };
    };
    return Table.TableStatus === 'ACTIVE';
  };
  while (!(await isActive().catch(() => false))) {
    await ask(endpoints[0] as string, 'CreateTable', {
      TableName,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function client(number: number): Promise<void> {
  for (let i = 0; !isStopping; i++) {
    const endpoint = endpoints[(number + i) % endpoints.length] as string;
    const key = `${number}-${i}`;
    try {
      await ask(endpoint, 'PutItem', { TableName: table, Item: { pk: { S: key } } });
      acknowledged.add(key);
      const now = performance.now();
      longestGapMs = Math.max(longestGapMs, now - (lastAt.get(endpoint) ?? now));
      lastAt.set(endpoint, now);
    } catch (error) {
      const { message } = error as Error;
      failures[message] = (failures[message] ?? 0) + 1;
    }
  }
}

async function lost(): Promise<number> {
  let start: object | undefined;
  do {
    const from = start ? { ExclusiveStartKey: start } : {};
    const page = (await ask(endpoints[0] as string, 'Scan', {
      TableName: table,
      ConsistentRead: true,
      ...from,
    })) as { Items: { pk: { S: string } }[]; LastEvaluatedKey?: object };
    for (const { pk } of page.Items) acknowledged.delete(pk.S);
    start = page.LastEvaluatedKey;
  } while (start);
  return acknowledged.size;
}

function report(more: Partial<Reported> = {}): void {
  const reported = { acknowledged: acknowledged.size, longestGapMs, failures, ...more };
  console.log(JSON.stringify(reported satisfies Reported));
}

process.once('SIGTERM', () => {
  isStopping = true;
});
await makeTable();
const seconds = setInterval(report, 1_000);
await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
clearInterval(seconds);
const written = acknowledged.size;
report({ acknowledged: written, lost: await lost() });
