import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ListTablesCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  paginateScan,
  ResourceNotFoundException,
  ScanCommand,
  UpdateItemCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from './helpers.ts';

let server: TestServer;
let client: DynamoDBClient;
let documents: DynamoDBDocumentClient;

beforeAll(async () => {
  server = await startTestServer();
  client = new DynamoDBClient({
    endpoint: `http://${server.address}`,
    region: 'local',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  });
  documents = DynamoDBDocumentClient.from(client);
  await client.send(
    new CreateTableCommand({
      TableName: 'Songs',
      AttributeDefinitions: [
        { AttributeName: 'artist', AttributeType: 'S' },
        { AttributeName: 'year', AttributeType: 'N' },
      ],
      KeySchema: [
        { AttributeName: 'artist', KeyType: 'HASH' },
        { AttributeName: 'year', KeyType: 'RANGE' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      Tags: [{ Key: 'team', Value: 'music' }],
    }),
  );
  await waitUntilTableExists(
    { client, maxWaitTime: 5, minDelay: 1, maxDelay: 1 },
    { TableName: 'Songs' },
  );
});

afterAll(async () => {
  client.destroy();
  await server.close();
});

describe('the AWS SDK', () => {
  test('writes and reads every type of attribute', async () => {
    const item = {
      artist: 'types',
      year: 1,
      text: 'Zoë 🎵',
      number: -1.5,
      yes: true,
      nothing: null,
      bytes: new Uint8Array([0, 255, 7]),
      list: [1, 'two', [3]],
      map: { a: { b: 'c' } },
      words: new Set(['b', 'a']),
      numbers: new Set([10, 9]),
    };
    await documents.send(new PutCommand({ TableName: 'Songs', Item: item }));
    const key = { artist: 'types', year: 1 };
    const { Item } = await documents.send(
      new GetCommand({ TableName: 'Songs', Key: key, ConsistentRead: true }),
    );
    expect(Item).toEqual(item);
  });

  test('updates, with conditions', async () => {
    const key = { artist: 'counter', year: 1 };
    const update = new UpdateCommand({
      TableName: 'Songs',
      Key: key,
      UpdateExpression: 'SET plays = if_not_exists(plays, :zero) + :one ADD tags :tags',
      ExpressionAttributeValues: { ':zero': 0, ':one': 1, ':tags': new Set(['hot']) },
      ReturnValues: 'UPDATED_NEW',
    });
    await documents.send(update);
    const { Attributes } = await documents.send(update);
    expect(Attributes).toEqual({ plays: 2, tags: new Set(['hot']) });
    const failed = client.send(
      new PutItemCommand({
        TableName: 'Songs',
        Item: { artist: { S: 'counter' }, year: { N: '1' } },
        ConditionExpression: 'attribute_not_exists(artist)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    const error = await failed.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({ Item: { plays: { N: '2' } } });
  });

  test('queries and scans page by page', async () => {
    const puts = Array.from({ length: 25 }, (_, i) => ({
      PutRequest: { Item: { artist: 'pages', year: i, even: i % 2 === 0 } },
    }));
    const { UnprocessedItems } = await documents.send(
      new BatchWriteCommand({ RequestItems: { Songs: puts } }),
    );
    expect(UnprocessedItems).toEqual({});
    const years: unknown[] = [];
    const pages = paginateQuery(
      { client: documents, pageSize: 4 },
      {
        TableName: 'Songs',
        KeyConditionExpression: 'artist = :a AND #y BETWEEN :low AND :high',
        FilterExpression: 'even = :yes',
        ExpressionAttributeNames: { '#y': 'year' },
        ExpressionAttributeValues: { ':a': 'pages', ':low': 3, ':high': 20, ':yes': true },
        ScanIndexForward: false,
      },
    );
    for await (const page of pages) {
      for (const { year } of page.Items ?? []) years.push(year);
    }
    expect(years).toEqual([20, 18, 16, 14, 12, 10, 8, 6, 4]);

    let count = 0;
    for await (const page of paginateScan({ client, pageSize: 7 }, { TableName: 'Songs' })) {
      count += page.Count ?? 0;
    }
    const { Count } = await client.send(new ScanCommand({ TableName: 'Songs', Select: 'COUNT' }));
    expect(count).toBe(Count);
    expect(count).toBeGreaterThanOrEqual(25);
  });

  test('reads in batches', async () => {
    const Keys = [3, 4, 99].map((year) => ({ artist: { S: 'pages' }, year: { N: `${year}` } }));
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetItemCommand({
        RequestItems: {
          Songs: { Keys, ProjectionExpression: '#y', ExpressionAttributeNames: { '#y': 'year' } },
        },
      }),
    );
    expect(Responses).toEqual({ Songs: [{ year: { N: '3' } }, { year: { N: '4' } }] });
    expect(UnprocessedKeys).toEqual({});
  });

  test('describes tables, and what Terraform asks for after it made one', async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: 'Songs' }));
    expect(Table?.TableStatus).toBe('ACTIVE');
    expect(Table?.CreationDateTime).toBeInstanceOf(Date);
    const { Tags } = await client.send(
      new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }),
    );
    expect(Tags).toEqual([{ Key: 'team', Value: 'music' }]);
    const ttl = await client.send(new DescribeTimeToLiveCommand({ TableName: 'Songs' }));
    expect(ttl.TimeToLiveDescription?.TimeToLiveStatus).toBe('DISABLED');
    const backups = await client.send(new DescribeContinuousBackupsCommand({ TableName: 'Songs' }));
    expect(backups.ContinuousBackupsDescription?.ContinuousBackupsStatus).toBe('ENABLED');
  });

  test('knows the exceptions', async () => {
    const missing = documents.send(new GetCommand({ TableName: 'Nothing', Key: { a: 1 } }));
    await expect(missing).rejects.toBeInstanceOf(ResourceNotFoundException);
    const invalid = documents.send(
      new QueryCommand({ TableName: 'Songs', KeyConditionExpression: 'artist' }),
    );
    await expect(invalid).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'Invalid KeyConditionExpression: Syntax error; token: "<EOF>", near: "artist"',
      $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[A-Z0-9]{52}$/) },
    });
  });

  test('retries what is throttled', async () => {
    let failures = 1;
    server.database.fail = () =>
      failures-- > 0 ? { kind: 'overloaded', message: 'queue full' } : undefined;
    const { Attributes } = await client.send(
      new UpdateItemCommand({
        TableName: 'Songs',
        Key: { artist: { S: 'retried' }, year: { N: '1' } },
        UpdateExpression: 'SET n = :n',
        ExpressionAttributeValues: { ':n': { N: '1' } },
        ReturnValues: 'ALL_NEW',
      }),
    );
    server.database.fail = () => undefined;
    expect(Attributes).toMatchObject({ n: { N: '1' } });
    expect(failures).toBe(-1);
  });

  test('deletes a table', async () => {
    await client.send(new DeleteTableCommand({ TableName: 'Songs' }));
    await waitUntilTableNotExists(
      { client, maxWaitTime: 5, minDelay: 1, maxDelay: 1 },
      { TableName: 'Songs' },
    );
    const { TableNames } = await client.send(new ListTablesCommand({}));
    expect(TableNames).toEqual([]);
  });
});
