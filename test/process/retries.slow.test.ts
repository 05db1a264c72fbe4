import net from 'node:net';
import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../src/index.ts';

/** Where a connection breaks: before the answer comes back, or as soon as the request is on its way. */
type Where = 'answer' | 'request';

interface Cut {
  readonly where: Where;
  readonly between: () => Promise<unknown>;
}

/** Passes connections on to the nodes in turn, and breaks the next request's when told. */
class CuttingProxy {
  readonly #backends: readonly URL[];
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #turn = 0;
  #cut: Cut | undefined;
  /** New connections wait for it. */
  #gate: Promise<unknown> = Promise.resolve();
  /** The backends of the requests that came through, by their place in the list. */
  readonly used: number[] = [];

  constructor(backends: readonly string[]) {
    this.#backends = backends.map((url) => new URL(url));
    this.#server = net.createServer((client) => this.#accept(client));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  /** Of the next request. Whatever is to happen before its retry is let through happens in `between`. */
  cutNext(where: Where, between: () => Promise<unknown> = () => Promise.resolve()): void {
    this.used.length = 0;
    this.#cut = { where, between };
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: net.Socket): void {
    const place = this.#turn++ % this.#backends.length;
    const { hostname, port } = this.#backends[place] as URL;
    const server = net.connect(Number(port), hostname).pause();
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    }
    client.pause();
    void this.#gate.then(() => client.resume());
    server.resume();
    let request = '';
    let cut: Cut | undefined;
    const breakOff = ({ between }: Cut) => {
      this.#gate = between();
      client.destroy();
    };
    client.on('data', (chunk) => {
      server.write(chunk);
      request += chunk.toString('latin1');
      const [head = '', body] = request.split('\r\n\r\n', 2);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      if (body === undefined || body.length < length) return;
      request = '';
      this.used.push(place);
      cut = this.#cut;
      this.#cut = undefined;
      if (cut?.where === 'request') breakOff(cut);
    });
    server.on('data', (chunk) => {
      if (cut?.where === 'answer' && !client.destroyed) breakOff(cut);
      else if (!client.destroyed) client.write(chunk);
    });
    client.on('close', () => {
      if (!cut) server.destroy();
    });
    server.on('close', () => client.destroy());
  }
}

let cluster: Cluster;
let proxy: CuttingProxy;
/** Through the proxy, and at a node itself. */
let client: DynamoDBClient;
let direct: DynamoDBClient;

beforeAll(async () => {
  cluster = await startCluster();
  proxy = new CuttingProxy(cluster.endpoints);
  const common = { region: 'local', credentials: { accessKeyId: 'any', secretAccessKey: 'any' } };
  client = new DynamoDBClient({ ...common, endpoint: await proxy.listen() });
  direct = new DynamoDBClient({ ...common, endpoint: cluster.endpoints[0] as string });
  await direct.send(
    new CreateTableCommand({
      TableName: 'retries',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  await waitUntilTableExists(
    { client: direct, maxWaitTime: 10, minDelay: 1, maxDelay: 1 },
    { TableName: 'retries' },
  );
});

afterAll(async () => {
  client.destroy();
  direct.destroy();
  proxy.close();
  await cluster.stop();
});

const TableName = 'retries';
const key = (pk: string) => ({ pk: { S: pk } });

async function item(pk: string) {
  const command = new GetItemCommand({ TableName, Key: key(pk), ConsistentRead: true });
  return (await direct.send(command)).Item;
}

/** What the SDK's second try got, which went to another node than its first. */
async function second<T extends { readonly $metadata: { readonly attempts?: number | undefined } }>(
  sending: Promise<T>,
): Promise<T> {
  const output = await sending;
  expect(output.$metadata.attempts).toBe(2);
  expect(proxy.used).toHaveLength(2);
  expect(proxy.used[0]).not.toBe(proxy.used[1]);
  return output;
}

describe.each(['answer', 'request'] as const)('[S1] the connection breaks at the %s', (where) => {
  const pk = (name: string) => `${name}, ${where}`;

  test('PutItem with a condition succeeds as it did', async () => {
    const Item = { ...key(pk('put')), v: { S: 'mine' } };
    proxy.cutNext(where);
    const ConditionExpression = 'attribute_not_exists(pk)';
    await second(client.send(new PutItemCommand({ TableName, Item, ConditionExpression })));
    expect(await item(pk('put'))).toEqual(Item);
    // Another request of the same kind is another request.
    await expect(
      client.send(new PutItemCommand({ TableName, Item, ConditionExpression })),
    ).rejects.toBeInstanceOf(ConditionalCheckFailedException);
  });

  test('PutItem gives the old item, not its own', async () => {
    const old = { ...key(pk('old')), v: { S: 'old' } };
    await direct.send(new PutItemCommand({ TableName, Item: old }));
    proxy.cutNext(where);
    const Item = { ...key(pk('old')), v: { S: 'new' } };
    const { Attributes } = await second(
      client.send(new PutItemCommand({ TableName, Item, ReturnValues: 'ALL_OLD' })),
    );
    expect(Attributes).toEqual(old);
    expect(await item(pk('old'))).toEqual(Item);
  });

  test('a condition that failed has failed, although it would hold now', async () => {
    await direct.send(new PutItemCommand({ TableName, Item: key(pk('there')) }));
    const free = async () => {
      // By now it has been refused; with `request` it may be on its way, so it is waited for.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await direct.send(new DeleteItemCommand({ TableName, Key: key(pk('there')) }));
    };
    proxy.cutNext(where, free);
    const put = new PutItemCommand({
      TableName,
      Item: key(pk('there')),
      ConditionExpression: 'attribute_not_exists(pk)',
    });
    const error = await client.send(put).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(proxy.used).toHaveLength(2);
    expect(await item(pk('there'))).toBeUndefined();
  });

  test('UpdateItem counts once', async () => {
    for (let n = 1; n <= 5; n++) {
      proxy.cutNext(where);
      const update = new UpdateItemCommand({
        TableName,
        Key: key(pk('counter')),
        UpdateExpression: 'ADD n :one',
        ExpressionAttributeValues: { ':one': { N: '1' } },
        ReturnValues: 'UPDATED_NEW',
      });
      const { Attributes } = await second(client.send(update));
      expect(Attributes).toEqual({ n: { N: String(n) } });
    }
    expect(await item(pk('counter'))).toMatchObject({ n: { N: '5' } });
  });

  test('DeleteItem gives what it deleted', async () => {
    const Item = { ...key(pk('gone')), v: { S: 'v' } };
    await direct.send(new PutItemCommand({ TableName, Item }));
    proxy.cutNext(where);
    const { Attributes } = await second(
      client.send(
        new DeleteItemCommand({ TableName, Key: key(pk('gone')), ReturnValues: 'ALL_OLD' }),
      ),
    );
    expect(Attributes).toEqual(Item);
    expect(await item(pk('gone'))).toBeUndefined();
  });

  test("BatchWriteItem does not undo another client's newer write", async () => {
    const names = Array.from({ length: 20 }, (_, i) => pk(`batch ${i}`));
    const theirs = { ...key(names[3] as string), v: { S: 'newer' } };
    await direct.send(new PutItemCommand({ TableName, Item: key(names[19] as string) }));
    proxy.cutNext(where, async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await direct.send(new PutItemCommand({ TableName, Item: theirs }));
      await direct.send(new PutItemCommand({ TableName, Item: key(names[19] as string) }));
    });
    const requests = names.map((name, i) =>
      i === 19
        ? { DeleteRequest: { Key: key(name) } }
        : { PutRequest: { Item: { ...key(name), v: { S: 'batch' } } } },
    );
    const { UnprocessedItems } = await second(
      client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } })),
    );
    expect(UnprocessedItems).toEqual({});
    for (const [i, name] of names.entries()) {
      const v = i === 3 ? 'newer' : 'batch';
      expect(await item(name)).toEqual(i === 19 ? key(name) : { ...key(name), v: { S: v } });
    }
  });
});
