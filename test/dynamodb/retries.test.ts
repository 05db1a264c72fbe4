import { beforeEach, describe, expect, test } from 'vitest';
import { type Json, N, S, TestApi } from './helpers.ts';

const ID = '0b9f0c8e-5d2b-4a4e-9d5a-0c6f7f1f2a3b';
const OTHER_ID = '0b9f0c8e-5d2b-4a4e-9d5a-0c6f7f1f2a3c';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.table('counts', 'pk:S');
});

/** The counter after one more. */
async function add(id: string | undefined, more: Json = {}): Promise<unknown> {
  const { json } = await api.call('UpdateItem', addition(more), id);
  return (json['Attributes'] as { n: { N: string } }).n.N;
}

function addition(more: Json = {}): Json {
  return {
    TableName: 'counts',
    Key: { pk: S('a') },
    UpdateExpression: 'ADD n :one',
    ExpressionAttributeValues: { ':one': N(1) },
    ReturnValues: 'UPDATED_NEW',
    ...more,
  };
}

describe('a request with the id of its invocation', () => {
  test('[S1] is one request however often it comes', async () => {
    expect(await add(ID)).toBe('1');
    expect(await add(ID)).toBe('1');
    expect(await add(OTHER_ID)).toBe('2');
    expect(await add(ID)).toBe('1');
    expect(api.database.firsts.size).toBe(2);
  });

  test('[S1] is another one with another body or another operation', async () => {
    expect(await add(ID)).toBe('1');
    expect(await add(ID, { ReturnConsumedCapacity: 'NONE' })).toBe('2');
    const key = { TableName: 'counts', Key: { pk: S('a') } };
    await api.call('DeleteItem', key, ID);
    await api.call('UpdateItem', key, ID);
    expect(api.database.firsts.size).toBe(4);
  });

  test('[S1] without an id, or with one that is no UUID, is one each time', async () => {
    const ids = [undefined, '', 'retry', ID.slice(1), `${ID}, ${OTHER_ID}`, ID.replace('b', 'g')];
    for (const [i, id] of [...ids, ...ids].entries()) expect(await add(id)).toBe(String(i + 1));
    expect(api.database.firsts.size).toBe(0);
  });

  test('[S1] a condition that failed has failed', async () => {
    await add(undefined);
    const condition = { ConditionExpression: 'attribute_not_exists(pk)' };
    const first = await api.call('UpdateItem', addition(condition), ID);
    expect(first.status).toBe(400);
    await api.ok('DeleteItem', { TableName: 'counts', Key: { pk: S('a') } });
    expect(await api.call('UpdateItem', addition(condition), ID)).toEqual(first);
    expect(await add(undefined)).toBe('1');
  });

  test('[S1] each write of a batch is known by itself: the rest is done, what was done is not', async () => {
    const put = (pk: string) => ({ PutRequest: { Item: { pk: S(pk), v: S('batch') } } });
    const batch = { RequestItems: { counts: ['a', 'b', 'c'].map(put) } };
    let failing = true;
    api.database.fail = (call, key) => {
      const isB = key && new TextDecoder().decode(key.partition).includes('b');
      return failing && call === 'write' && isB
        ? { kind: 'unavailable', message: 'not now' }
        : undefined;
    };
    const first = await api.call('BatchWriteItem', batch, ID);
    expect(first.json['UnprocessedItems']).toEqual({ counts: [put('b')] });
    failing = false;
    await api.put('counts', { pk: S('a'), v: S('newer') });
    const { json } = await api.call('BatchWriteItem', batch, ID);
    expect(json['UnprocessedItems']).toEqual({});
    const { Items } = await api.ok('Scan', { TableName: 'counts' });
    const values = (Items as { pk: { S: string }; v: { S: string } }[])
      .map(({ pk, v }) => `${pk.S} ${v.S}`)
      .sort();
    expect(values).toEqual(['a newer', 'b batch', 'c batch']);
    expect(api.database.firsts.size).toBe(3);
  });
});
