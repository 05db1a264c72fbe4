import { expect } from 'vitest';
import { handle } from '../../src/dynamodb/index.ts';
import { MemoryDatabase } from '../support/memory-database.ts';

export type Json = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly json: Json;
}

/** The API over a memory database, called as a function. */
export class TestApi {
  readonly database = new MemoryDatabase();

  /** `body`: a value for JSON.stringify, or the text of a body. */
  async call(operation: string, body: unknown, invocationId?: string): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const bytes = new TextEncoder().encode(text);
    const response = await handle(
      { target: `DynamoDB_20120810.${operation}`, invocationId, body: bytes },
      { database: this.database, address: 'node-1:8000' },
    );
    const json = JSON.parse(new TextDecoder().decode(response.body)) as Json;
    const type = json['__type'];
    expect(response.error).toBe(typeof type === 'string' ? type.split('#')[1] : undefined);
    return { status: response.status, json };
  }

  /** The answer of a request that must succeed. */
  async ok(operation: string, body: unknown): Promise<Json> {
    const { status, json } = await this.call(operation, body);
    expect({ status, json }).toMatchObject({ status: 200 });
    return json;
  }

  /** `Name: message` of a request that must fail. */
  async error(operation: string, body: unknown): Promise<string> {
    const { status, json } = await this.call(operation, body);
    expect({ status, json }).not.toMatchObject({ status: 200 });
    const name = String(json['__type']).split('#')[1];
    return `${name}: ${json['message'] ?? json['Message']}`;
  }

  /** The message of a request that must fail with a ValidationException. */
  async invalid(operation: string, body: unknown): Promise<string> {
    const error = await this.error(operation, body);
    expect(error).toMatch(/^ValidationException: /);
    return error.slice('ValidationException: '.length);
  }

  /** Makes a table; `keys` like 'pk:S' or 'pk:S sk:N'. */
  async table(name: string, keys: string): Promise<void> {
    await this.ok('CreateTable', tableOf(name, keys));
  }

  put(table: string, ...items: Json[]): Promise<unknown> {
    return Promise.all(items.map((Item) => this.ok('PutItem', { TableName: table, Item })));
  }
}

export function tableOf(name: string, keys: string): Json {
  const attributes = keys.split(' ').map((key) => key.split(':') as [string, string]);
  return {
    TableName: name,
    AttributeDefinitions: attributes.map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    KeySchema: attributes.map(([AttributeName], i) => ({
      AttributeName,
      KeyType: i === 0 ? 'HASH' : 'RANGE',
    })),
    BillingMode: 'PAY_PER_REQUEST',
  };
}

export const S = (value: string) => ({ S: value });
export const N = (value: number | string) => ({ N: String(value) });
