import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as sdk from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import {
  ApiError,
  ERRORS,
  type ErrorName,
  errorResponse,
  handle,
} from '../../src/dynamodb/index.ts';
import { failureError } from '../../src/dynamodb/plan/table.ts';
import { TestApi } from './helpers.ts';

const source = ['src/dynamodb', 'src/http']
  .flatMap((room) =>
    readdirSync(room, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'errors.ts')
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
  )
  .concat(readFileSync('src/dynamodb/errors.ts', 'utf8').replace(/export const ERRORS[^;]*;/, ''))
  .join('\n');

test('every error of the table is used, and every error that is used is in the table', () => {
  for (const name of Object.keys(ERRORS)) expect(source).toContain(`'${name}'`);
  const quoted = source.match(/'[A-Z]\w+(Exception|Error)'/g) ?? [];
  for (const name of quoted.map((text) => text.slice(1, -1))) expect(ERRORS).toHaveProperty(name);
});

test('[DB4] prefix, status and spelling of the message are those of the table', () => {
  for (const [name, { prefix, status }] of Object.entries(ERRORS)) {
    const response = errorResponse(new ApiError(name as ErrorName, 'why'));
    expect(response.status).toBe(status);
    expect(response.error).toBe(name);
    expect(JSON.parse(new TextDecoder().decode(response.body))).toEqual({
      __type: prefix + name,
      [prefix.includes('coral.service') ? 'Message' : 'message']: 'why',
    });
  }
});

test('what the table calls retryable, the AWS SDK retries: throttling, timeouts and 5xx', () => {
  for (const [name, { status, retryable }] of Object.entries(ERRORS)) {
    expect(retryable).toBe(status >= 500 || status === 408 || name === 'ThrottlingException');
  }
});

test('errors of the DynamoDB service are ones that its SDK knows', () => {
  for (const [name, { prefix }] of Object.entries(ERRORS)) {
    if (prefix.includes('dynamodb')) expect(sdk).toHaveProperty(name);
  }
});

test.each([
  ['overloaded', 'ThrottlingException'],
  ['unavailable', 'InternalServerError'],
  ['no-table', 'ResourceNotFoundException'],
] as const)('a failure of the cluster, %s, is %s', async (kind, name) => {
  expect(failureError({ kind, message: 'why' }).name).toBe(name);
  const api = new TestApi();
  await api.table('tab', 'pk:S');
  api.database.fail = () => ({ kind, message: 'why' });
  const key = { TableName: 'tab', Key: { pk: { S: 'a' } } };
  for (const [operation, body] of [
    ['GetItem', key],
    ['DeleteItem', key],
    ['UpdateItem', key],
    ['PutItem', { TableName: 'tab', Item: { pk: { S: 'a' } } }],
    ['Scan', { TableName: 'tab' }],
    ['BatchGetItem', { RequestItems: { tab: { Keys: [key.Key] } } }],
    ['BatchWriteItem', { RequestItems: { tab: [{ DeleteRequest: { Key: key.Key } }] } }],
  ] as const) {
    expect(await api.error(operation, body)).toMatch(new RegExp(`^${name}: `));
  }
});

test('what is broken inside leaves as a rejection, not as an answer', async () => {
  const api = new TestApi();
  await api.table('tab', 'pk:S');
  api.database.fail = () => {
    throw new Error('invariant');
  };
  const body = new TextEncoder().encode('{"TableName":"tab"}');
  const context = { database: api.database, address: '' };
  await expect(handle({ target: 'DynamoDB_20120810.Scan', body }, context)).rejects.toThrow(
    'invariant',
  );
});

test.each([
  undefined,
  '',
  'DynamoDB_20120810.',
  'DynamoDB_20120810.Nothing',
  'PutItem',
  'X.PutItem',
  '__proto__',
])('an unknown target is an UnknownOperationException: %s', async (target) => {
  const api = new TestApi();
  const response = await handle(
    { target, body: new TextEncoder().encode('{}') },
    { database: api.database, address: '' },
  );
  expect(response).toMatchObject({ status: 400, error: 'UnknownOperationException' });
});
