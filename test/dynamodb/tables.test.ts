import { expect, test } from 'vitest';
import { type Json, N, S, TestApi, tableOf } from './helpers.ts';

const definition = (AttributeName: string, AttributeType = 'S') => ({
  AttributeName,
  AttributeType,
});
const hash = (AttributeName: string) => ({ AttributeName, KeyType: 'HASH' });
const range = (AttributeName: string) => ({ AttributeName, KeyType: 'RANGE' });

test('a table goes through its life', async () => {
  const api = new TestApi();
  api.database.slowTables = true;
  const created = await api.ok('CreateTable', {
    TableName: 'tab',
    AttributeDefinitions: [definition('pk'), definition('sk', 'N')],
    KeySchema: [hash('pk'), range('sk')],
    ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 6 },
    TableClass: 'STANDARD_INFREQUENT_ACCESS',
    Tags: [{ Key: 'a', Value: 'b' }],
    SSESpecification: { Enabled: true },
    StreamSpecification: { StreamEnabled: false },
  });
  const description = {
    AttributeDefinitions: [definition('pk'), definition('sk', 'N')],
    KeySchema: [hash('pk'), range('sk')],
    CreationDateTime: 1_700_000_000.001,
    TableName: 'tab',
    TableStatus: 'CREATING',
    ProvisionedThroughput: {
      NumberOfDecreasesToday: 0,
      ReadCapacityUnits: 5,
      WriteCapacityUnits: 6,
    },
    TableSizeBytes: 0,
    ItemCount: 0,
    TableArn: 'arn:aws:dynamodb:local:000000000000:table/tab',
    TableId: '00000000-0000-4000-8000-000000000001',
    TableClassSummary: { TableClass: 'STANDARD_INFREQUENT_ACCESS' },
    DeletionProtectionEnabled: false,
  };
  expect(created).toEqual({ TableDescription: description });

  const key = { TableName: 'tab', Key: { pk: S('a'), sk: N(1) } };
  expect(await api.error('GetItem', key)).toBe(
    'ResourceNotFoundException: Requested resource not found',
  );
  expect(await api.ok('DescribeTable', { TableName: 'tab' })).toEqual({ Table: description });
  expect(await api.error('DeleteTable', { TableName: 'tab' })).toBe(
    'ResourceInUseException: Attempt to change a resource which is still in use: Table is being created: tab',
  );
  expect(await api.error('CreateTable', tableOf('tab', 'pk:S'))).toBe(
    'ResourceInUseException: Table already exists: tab',
  );

  api.database.settle();
  await api.put('tab', { pk: S('a'), sk: N(1), text: S('four') });
  expect(await api.ok('DescribeTable', { TableName: 'tab' })).toMatchObject({
    Table: { TableStatus: 'ACTIVE', ItemCount: 1, TableSizeBytes: 2 + 1 + 2 + 2 + 4 + 4 },
  });
  expect(await api.ok('ListTagsOfResource', { ResourceArn: description.TableArn })).toEqual({
    Tags: [{ Key: 'a', Value: 'b' }],
  });

  const deleted = await api.ok('DeleteTable', { TableName: description.TableArn });
  expect(deleted).toMatchObject({
    TableDescription: { TableName: 'tab', TableStatus: 'DELETING' },
  });
  for (const left of ['KeySchema', 'AttributeDefinitions', 'CreationDateTime']) {
    expect(deleted['TableDescription']).not.toHaveProperty(left);
  }
  expect(await api.error('DeleteTable', { TableName: 'tab' })).toBe(
    'ResourceInUseException: Attempt to change a resource which is still in use: Table is being deleted: tab',
  );
  api.database.settle();
  for (const operation of ['DescribeTable', 'DeleteTable']) {
    expect(await api.error(operation, { TableName: 'tab' })).toBe(
      'ResourceNotFoundException: Requested resource not found: Table: tab not found',
    );
  }
});

test('[DB48] a protected table is not deleted', async () => {
  const api = new TestApi();
  await api.ok('CreateTable', { ...tableOf('tab', 'pk:S'), DeletionProtectionEnabled: true });
  expect(await api.invalid('DeleteTable', { TableName: 'tab' })).toMatch(
    /protected against deletion/,
  );
  expect(await api.ok('DescribeTable', { TableName: 'tab' })).toMatchObject({
    Table: {
      DeletionProtectionEnabled: true,
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    },
  });
});

const INVALID = 'One or more parameter values were invalid: ';

test.each<[string, Json, string]>([
  [
    'no name',
    { TableName: undefined },
    "The parameter 'TableName' is required but was not present in the request",
  ],
  [
    'no units',
    { BillingMode: 'PROVISIONED' },
    `${INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED`,
  ],
  [
    'units on demand',
    { ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 } },
    `${INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST`,
  ],
  [
    'too many units',
    {
      BillingMode: 'PROVISIONED',
      ProvisionedThroughput: { ReadCapacityUnits: 1e13, WriteCapacityUnits: 1 },
    },
    'Given value 10000000000000 for ReadCapacityUnits is out of bounds',
  ],
  [
    'no units at all',
    {
      BillingMode: 'PROVISIONED',
      ProvisionedThroughput: { ReadCapacityUnits: 0, WriteCapacityUnits: 1 },
    },
    "1 validation error detected: Value '0' at 'provisionedThroughput.readCapacityUnits' failed to satisfy constraint: Member must have value greater than or equal to 1",
  ],
  [
    'a key without definition',
    { KeySchema: [hash('other')] },
    `${INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [other], AttributeDefinitions: [pk]`,
  ],
  [
    'a range key without definition',
    { KeySchema: [hash('pk'), range('other')] },
    'Invalid KeySchema: Some index key attribute have no definition',
  ],
  [
    'one attribute twice',
    { KeySchema: [hash('pk'), range('pk')] },
    'Invalid KeySchema: Some index key attribute have no definition',
  ],
  [
    'one attribute twice beside another definition',
    {
      KeySchema: [hash('pk'), range('pk')],
      AttributeDefinitions: [definition('pk'), definition('x')],
    },
    'Both the Hash Key and the Range Key element in the KeySchema have the same name',
  ],
  [
    'range first',
    { KeySchema: [range('pk')] },
    'Invalid KeySchema: The first KeySchemaElement is not a HASH key type',
  ],
  [
    'hash twice',
    {
      KeySchema: [hash('pk'), hash('x')],
      AttributeDefinitions: [definition('pk'), definition('x')],
    },
    'Invalid KeySchema: The second KeySchemaElement is not a RANGE key type',
  ],
  [
    'an unused definition',
    { AttributeDefinitions: [definition('pk'), definition('x')] },
    `${INVALID}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions`,
  ],
  [
    '[DB46] no local index',
    { LocalSecondaryIndexes: [] },
    `${INVALID}List of LocalSecondaryIndexes is empty`,
  ],
  [
    'no global index',
    { GlobalSecondaryIndexes: [] },
    `${INVALID}List of GlobalSecondaryIndexes is empty`,
  ],
  [
    'a local index',
    { LocalSecondaryIndexes: [{}] },
    'The parameter LocalSecondaryIndexes is not supported yet: see docs/compatibility.md',
  ],
  [
    'a global index',
    { GlobalSecondaryIndexes: [{}] },
    'The parameter GlobalSecondaryIndexes is not supported yet: see docs/compatibility.md',
  ],
  [
    'a stream',
    { StreamSpecification: { StreamEnabled: true } },
    'The parameter StreamSpecification is not supported yet: see docs/compatibility.md',
  ],
  [
    'a view of no stream',
    { StreamSpecification: { StreamEnabled: false, StreamViewType: 'NEW_IMAGE' } },
    `${INVALID}StreamViewType is specified, but StreamEnabled is false`,
  ],
  [
    '[DB7] a key name of 256 letters',
    { AttributeDefinitions: [definition('a'.repeat(256))] },
    `1 validation error detected: Value '${'a'.repeat(256)}' at 'attributeDefinitions.1.member.attributeName' failed to satisfy constraint: Member must have length less than or equal to 255`,
  ],
  [
    'a wrong key type',
    { AttributeDefinitions: [definition('pk', 'BOOL')] },
    "1 validation error detected: Value 'BOOL' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]",
  ],
])('CreateTable refuses %s', async (_name, change, message) => {
  const api = new TestApi();
  expect(await api.invalid('CreateTable', { ...tableOf('tab', 'pk:S'), ...change })).toBe(message);
  expect(await api.ok('ListTables', {})).toEqual({ TableNames: [] });
});

test('tables are listed page by page, in the order of their names', async () => {
  const api = new TestApi();
  for (const name of ['ccc', 'aaa', 'bbb', 'AAA']) await api.table(name, 'pk:S');
  expect(await api.ok('ListTables', {})).toEqual({ TableNames: ['AAA', 'aaa', 'bbb', 'ccc'] });
  expect(await api.ok('ListTables', { Limit: 2 })).toEqual({
    TableNames: ['AAA', 'aaa'],
    LastEvaluatedTableName: 'aaa',
  });
  expect(await api.ok('ListTables', { Limit: 2, ExclusiveStartTableName: 'aaa' })).toEqual({
    TableNames: ['bbb', 'ccc'],
  });
  expect(await api.ok('ListTables', { ExclusiveStartTableName: 'bba' })).toEqual({
    TableNames: ['bbb', 'ccc'],
  });
  for (const Limit of [0, 101])
    expect(await api.invalid('ListTables', { Limit })).toMatch(/'limit'/);
});

test('calls that only look at features Flotilla lacks are answered as for a table without them', async () => {
  const api = new TestApi();
  await api.table('tab', 'pk:S');
  const ofTable = { TableName: 'tab' };
  for (const [operation, body, answer] of [
    [
      'DescribeContinuousBackups',
      ofTable,
      {
        ContinuousBackupsDescription: {
          PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'DISABLED' },
        },
      },
    ],
    ['DescribeTimeToLive', ofTable, { TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } }],
    [
      'DescribeContributorInsights',
      ofTable,
      { TableName: 'tab', ContributorInsightsStatus: 'DISABLED' },
    ],
    ['DescribeKinesisStreamingDestination', ofTable, { KinesisDataStreamDestinations: [] }],
    ['ListBackups', {}, { BackupSummaries: [] }],
    ['ListStreams', ofTable, { Streams: [] }],
    ['ListGlobalTables', {}, { GlobalTables: [] }],
    ['ListExports', {}, { ExportSummaries: [] }],
    ['ListImports', {}, { ImportSummaryList: [] }],
    ['DescribeLimits', {}, { TableMaxReadCapacityUnits: 40_000 }],
    [
      'DescribeEndpoints',
      {},
      { Endpoints: [{ Address: 'node-1:8000', CachePeriodInMinutes: 1440 }] },
    ],
  ] as const) {
    expect(await api.ok(operation, body)).toMatchObject(answer);
  }
  expect(await api.error('DescribeTimeToLive', { TableName: 'nope' })).toMatch(/^ResourceNotFound/);
  expect(await api.error('DescribeBackup', { BackupArn: 'arn' })).toBe(
    'BackupNotFoundException: Backup not found: arn',
  );
  expect(await api.error('DescribeStream', { StreamArn: 'arn' })).toMatch(
    /^ResourceNotFoundException/,
  );
  expect(await api.invalid('ListTagsOfResource', { ResourceArn: 'tab' })).toMatch(
    /^Invalid TableArn/,
  );
  expect(
    await api.error('ListTagsOfResource', { ResourceArn: 'arn:aws:dynamodb:local:0:table/none' }),
  ).toMatch(/^ResourceNotFoundException: .*ResourcArn/);
});
