import type { SimRandom } from '../random.ts';
import { type Client, TABLE } from './client.ts';
import { type Histories, ITEM_KINDS, type Item, itemKey } from './histories.ts';
import {
  assertDone,
  isAnswered,
  parsed,
  type Request,
  type Requests,
  requestOf,
} from './requests.ts';

/** As much of an answer as it looks at. */
interface Body {
  readonly Item?: Item;
  readonly Attributes?: Item;
}

interface Found {
  readonly item: Item | undefined;
}

/** A client that reads and writes one item at a time. */
export class SingleClient implements Client {
  readonly #name: string;
  readonly #requests: Requests;
  readonly #histories: Histories;
  readonly #keys: number;
  /** By key: the requests that are the same each time. */
  readonly #gets = new Map<string, Request>();
  /** By key, of what this client has seen. */
  readonly #versions = new Map<string, number>();

  constructor(name: string, requests: Requests, histories: Histories, keys: number) {
    this.#name = name;
    this.#requests = requests;
    this.#histories = histories;
    this.#keys = keys;
  }

  operate(random: SimRandom): Promise<void> {
    const number = random.below(this.#keys);
    const kind = random.pick(ITEM_KINDS);
    const key = itemKey(kind, number);
    switch (kind) {
      case 'register':
        return this.#register(key, random);
      case 'list':
        return this.#list(key, random);
      case 'counter':
        return this.#counter(key, random);
      case 'versioned':
        return this.#version(key, random);
    }
  }

  async #register(key: string, random: SimRandom): Promise<void> {
    const value = this.#value(random);
    const kind = random.below(8);
    if (kind < 4) await this.#get(key, random);
    else if (kind < 7) {
      const request = requestOf('PutItem', {
        TableName: TABLE,
        Item: { pk: { S: key }, v: { S: value } },
      });
      await this.#write(key, { kind: 'put', value }, request, random);
    } else {
      const request = requestOf('DeleteItem', { TableName: TABLE, Key: { pk: { S: key } } });
      await this.#write(key, { kind: 'put', value: '' }, request, random);
    }
  }

  async #list(key: string, random: SimRandom): Promise<void> {
    // None is a part of another.
    const value = `(${this.#histories.uniqueNumber()})`;
    if (random.once(2)) await this.#get(key, random);
    else if (random.once(10)) {
      const request = requestOf('PutItem', {
        TableName: TABLE,
        Item: { pk: { S: key }, l: { L: [{ S: value }] } },
      });
      await this.#write(key, { kind: 'put', value }, request, random);
    } else {
      const request = requestOf('UpdateItem', {
        TableName: TABLE,
        Key: { pk: { S: key } },
        UpdateExpression: 'SET l = list_append(if_not_exists(l, :none), :v)',
        ExpressionAttributeValues: { ':none': { L: [] }, ':v': { L: [{ S: value }] } },
      });
      await this.#write(key, { kind: 'append', value }, request, random);
    }
  }

  async #counter(key: string, random: SimRandom): Promise<void> {
    if (random.once(3)) {
      await this.#get(key, random);
      return;
    }
    const amount = 1 + random.below(9);
    const request = requestOf('UpdateItem', {
      TableName: TABLE,
      Key: { pk: { S: key } },
      UpdateExpression: 'ADD n :a',
      ExpressionAttributeValues: { ':a': { N: String(amount) } },
      ReturnValues: 'UPDATED_NEW',
    });
    const calledAt = this.#histories.stamp();
    const ending = await this.#requests.send(request, random);
    if (ending === 'refused') return;
    const sum =
      ending === 'unknown' ? undefined : Number(parsed<Body>(ending).Attributes?.['n']?.N);
    this.#histories.added(this.#name, key, amount, sum, calledAt);
  }

  async #version(key: string, random: SimRandom): Promise<void> {
    if (random.once(2)) {
      const found = await this.#get(key, random);
      if (found) this.#versions.set(key, Number(found.item?.['n']?.N ?? 0));
      return;
    }
    const calledAt = this.#histories.stamp();
    const version = this.#versions.get(key) ?? 0;
    const value = this.#value(random);
    const isNew = version === 0;
    const request = requestOf('PutItem', {
      TableName: TABLE,
      Item: { pk: { S: key }, v: { S: value }, n: { N: String(version + 1) } },
      ConditionExpression: isNew ? 'attribute_not_exists(n)' : 'n = :version',
      ...(!isNew && { ExpressionAttributeValues: { ':version': { N: String(version) } } }),
    });
    const ending = await this.#requests.send(request, random);
    if (ending === 'refused') return;
    const isWrong = ending !== 'unknown' && ending.error === 'ConditionalCheckFailedException';
    const kind = isWrong ? 'wrong-version' : 'ok';
    const output = ending === 'unknown' ? undefined : ({ kind } as const);
    if (kind === 'ok' && output) this.#versions.set(key, version + 1);
    else this.#versions.delete(key);
    this.#histories.replaced(this.#name, key, { kind: 'put', value, version }, output, calledAt);
  }

  /** What there is; undefined: there was no answer. */
  async #get(key: string, random: SimRandom): Promise<Found | undefined> {
    const calledAt = this.#histories.stamp();
    const ending = await this.#requests.send(this.#getOf(key), random);
    if (!isAnswered(ending)) return undefined;
    const item = parsed<Body>(ending).Item;
    this.#histories.saw(this.#name, key, item, calledAt);
    return { item };
  }

  async #write(
    key: string,
    input: { readonly kind: 'put' | 'append'; readonly value: string },
    request: Request,
    random: SimRandom,
  ): Promise<void> {
    const calledAt = this.#histories.stamp();
    const ending = await this.#requests.send(request, random);
    if (ending === 'refused') return;
    if (ending !== 'unknown') assertDone(ending);
    this.#histories.wrote(this.#name, key, input, ending !== 'unknown', calledAt);
  }

  /** No two alike. Some are longer than a sector of a disk, which may be all that a crash leaves of them. */
  #value(random: SimRandom): string {
    const value = `${this.#name} ${this.#histories.uniqueNumber()};`;
    return value.padEnd(random.once(3) ? 900 : 0, '.');
  }

  #getOf(key: string): Request {
    let request = this.#gets.get(key);
    if (!request) {
      request = requestOf('GetItem', {
        TableName: TABLE,
        Key: { pk: { S: key } },
        ConsistentRead: true,
      });
      this.#gets.set(key, request);
    }
    return request;
  }
}
