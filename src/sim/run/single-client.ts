import type { SimRandom } from '../random.ts';
import { type Client, isConsistent, type Shared } from './client.ts';
import type { Histories, Stamp } from './histories.ts';
import { ITEM_KINDS, type Item, type ItemKey, itemName, TABLE } from './items.ts';
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
  readonly #shared: Shared;
  readonly #requests: Requests;
  readonly #histories: Histories;
  /** By item: the requests that are the same each time. */
  readonly #consistentGets = new Map<string, Request>();
  readonly #eventualGets = new Map<string, Request>();
  /** By item, of what this client has seen. */
  readonly #versions = new Map<string, number>();

  constructor(name: string, shared: Shared) {
    this.#name = name;
    this.#shared = shared;
    this.#requests = shared.requests;
    this.#histories = shared.histories;
  }

  operate(random: SimRandom): Promise<void> {
    const number = random.below(this.#shared.keys);
    const kind = random.pick(ITEM_KINDS);
    const name = itemName(kind, number);
    switch (kind) {
      case 'register':
        return this.#register(name, random);
      case 'list':
        return this.#list(name, random);
      case 'counter':
        return this.#counter(name, random);
      case 'versioned':
        return this.#version(name, random);
    }
  }

  /** Looks at every item as any replica has it. Where nothing happens any more, that is as it is. */
  async readAtRest(random: SimRandom): Promise<void> {
    const names = ITEM_KINDS.flatMap((kind) =>
      Array.from({ length: this.#shared.keys }, (_, number) => itemName(kind, number)),
    );
    const read = (name: string) => this.#read(name, false, this.#histories.stamp(), random);
    await Promise.all(names.map(read));
  }

  async #register(name: string, random: SimRandom): Promise<void> {
    const value = this.#value(random);
    const kind = random.below(8);
    if (kind < 4) await this.#get(name, random);
    else if (kind < 7) {
      const request = requestOf('PutItem', {
        TableName: TABLE,
        Item: { ...this.#keyOf(name), v: { S: value } },
      });
      await this.#write(name, { kind: 'put', value }, request, random);
    } else {
      const request = requestOf('DeleteItem', { TableName: TABLE, Key: this.#keyOf(name) });
      await this.#write(name, { kind: 'put', value: '' }, request, random);
    }
  }

  async #list(name: string, random: SimRandom): Promise<void> {
    // None is a part of another.
    const value = `(${this.#histories.uniqueNumber()})`;
    if (random.once(2)) await this.#get(name, random);
    else if (random.once(10)) {
      const request = requestOf('PutItem', {
        TableName: TABLE,
        Item: { ...this.#keyOf(name), l: { L: [{ S: value }] } },
      });
      await this.#write(name, { kind: 'put', value }, request, random);
    } else {
      const request = requestOf('UpdateItem', {
        TableName: TABLE,
        Key: this.#keyOf(name),
        UpdateExpression: 'SET l = list_append(if_not_exists(l, :none), :v)',
        ExpressionAttributeValues: { ':none': { L: [] }, ':v': { L: [{ S: value }] } },
      });
      await this.#write(name, { kind: 'append', value }, request, random);
    }
  }

  async #counter(name: string, random: SimRandom): Promise<void> {
    if (random.once(3)) {
      await this.#get(name, random);
      return;
    }
    const amount = 1 + random.below(9);
    const request = requestOf('UpdateItem', {
      TableName: TABLE,
      Key: this.#keyOf(name),
      UpdateExpression: 'ADD n :a',
      ExpressionAttributeValues: { ':a': { N: String(amount) } },
      ReturnValues: 'UPDATED_NEW',
    });
    const calledAt = this.#histories.stamp();
    const ending = await this.#requests.send(request, random);
    if (ending === 'refused') return;
    const sum =
      ending === 'unknown' ? undefined : Number(parsed<Body>(ending).Attributes?.['n']?.N);
    this.#histories.added(this.#name, name, amount, sum, calledAt);
  }

  async #version(name: string, random: SimRandom): Promise<void> {
    if (random.once(2)) {
      const found = await this.#get(name, random);
      if (found) this.#versions.set(name, Number(found.item?.['n']?.N ?? 0));
      return;
    }
    const calledAt = this.#histories.stamp();
    const version = this.#versions.get(name) ?? 0;
    const value = this.#value(random);
    const isNew = version === 0;
    const request = requestOf('PutItem', {
      TableName: TABLE,
      Item: { ...this.#keyOf(name), v: { S: value }, n: { N: String(version + 1) } },
      ConditionExpression: isNew ? 'attribute_not_exists(n)' : 'n = :version',
      ...(!isNew && { ExpressionAttributeValues: { ':version': { N: String(version) } } }),
    });
    const ending = await this.#requests.send(request, random);
    if (ending === 'refused') return;
    const isWrong = ending !== 'unknown' && ending.error === 'ConditionalCheckFailedException';
    const kind = isWrong ? 'wrong-version' : 'ok';
    const output = ending === 'unknown' ? undefined : ({ kind } as const);
    if (kind === 'ok' && output) this.#versions.set(name, version + 1);
    else this.#versions.delete(name);
    this.#histories.replaced(this.#name, name, { kind: 'put', value, version }, output, calledAt);
  }

  /** What there is, or once in a while what there was; undefined: there was no answer. */
  #get(name: string, random: SimRandom): Promise<Found | undefined> {
    const consistent = isConsistent(this.#shared, random);
    return this.#read(name, consistent, this.#histories.calledAt(consistent), random);
  }

  async #read(
    name: string,
    consistent: boolean,
    calledAt: Stamp,
    random: SimRandom,
  ): Promise<Found | undefined> {
    const ending = await this.#requests.send(this.#getOf(name, consistent), random);
    if (!isAnswered(ending)) return undefined;
    const item = parsed<Body>(ending).Item;
    this.#histories.saw(this.#name, name, item, calledAt);
    return { item };
  }

  async #write(
    name: string,
    input: { readonly kind: 'put' | 'append'; readonly value: string },
    request: Request,
    random: SimRandom,
  ): Promise<void> {
    const calledAt = this.#histories.stamp();
    const ending = await this.#requests.send(request, random);
    if (ending === 'refused') return;
    if (ending !== 'unknown') assertDone(ending);
    this.#histories.wrote(this.#name, name, input, ending !== 'unknown', calledAt);
  }

  /** No two alike. Some are longer than a sector of a disk, which may be all that a crash leaves of them. */
  #value(random: SimRandom): string {
    const value = `${this.#name} ${this.#histories.uniqueNumber()};`;
    return value.padEnd(random.once(3) ? 900 : 0, '.');
  }

  #keyOf(name: string): ItemKey {
    return this.#shared.layout.keyOf(name);
  }

  #getOf(name: string, consistent: boolean): Request {
    const gets = consistent ? this.#consistentGets : this.#eventualGets;
    let request = gets.get(name);
    if (!request) {
      request = requestOf('GetItem', {
        TableName: TABLE,
        Key: this.#keyOf(name),
        ConsistentRead: consistent,
      });
      gets.set(name, request);
    }
    return request;
  }
}
