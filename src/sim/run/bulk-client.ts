import type { SimRandom } from '../random.ts';
import { type Client, TABLE } from './client.ts';
import { type Histories, ITEM_KINDS, type Item, type ItemKind, itemKey } from './histories.ts';
import { isAnswered, parsed, type Requests, requestOf } from './requests.ts';

interface ItemKey {
  readonly pk: { readonly S: string };
}

interface PageBody {
  readonly Items: readonly Item[];
  readonly LastEvaluatedKey?: object;
}

interface BatchReadBody {
  readonly Responses: Readonly<Record<string, readonly Item[]>>;
  readonly UnprocessedKeys: Readonly<Record<string, { readonly Keys: readonly ItemKey[] }>>;
}

interface BatchWriteBody {
  readonly UnprocessedItems: Readonly<Record<string, readonly WriteRequest[]>>;
}

type WriteRequest =
  | { readonly PutRequest: { readonly Item: ItemKey & { readonly v: { readonly S: string } } } }
  | { readonly DeleteRequest: { readonly Key: ItemKey } };

/**
 * A client that reads and writes many items at once: pages of scans, queries and batches, over shards that move, split and merge
 * meanwhile. No such request is atomic: each of its items is read or written at some moment between call and answer.
 */
export class BulkClient implements Client {
  readonly #name: string;
  readonly #requests: Requests;
  readonly #histories: Histories;
  readonly #keys: number;

  constructor(name: string, requests: Requests, histories: Histories, keys: number) {
    this.#name = name;
    this.#requests = requests;
    this.#histories = histories;
    this.#keys = keys;
  }

  operate(random: SimRandom): Promise<void> {
    switch (random.below(4)) {
      case 0:
        return this.#scan(random);
      case 1:
        return this.#query(random);
      case 2:
        return this.#batchRead(random);
      default:
        return this.#batchWrite(random);
    }
  }

  /** All of the table, page by page, in one row or in several. What no page had was not there, at some moment of the scan. */
  async #scan(random: SimRandom): Promise<void> {
    const began = this.#histories.stamp();
    const segments = random.pick([1, 1, 3]);
    const limit = random.pick([1, 3, 100]);
    const seen = new Set<string>();
    for (let segment = 0; segment < segments; segment++) {
      let after: object | undefined;
      do {
        const calledAt = this.#histories.stamp();
        const request = requestOf('Scan', {
          TableName: TABLE,
          ConsistentRead: true,
          Limit: limit,
          ...(segments > 1 && { Segment: segment, TotalSegments: segments }),
          ...(after && { ExclusiveStartKey: after }),
        });
        const ending = await this.#requests.send(request, random);
        if (!isAnswered(ending)) return;
        const { Items: items, LastEvaluatedKey: last } = parsed<PageBody>(ending);
        if (items.length > limit) this.#isWrong(`a page of ${limit} had ${items.length} items`);
        for (const item of items) {
          const key = keyOf(item);
          if (seen.has(key)) this.#isWrong(`a scan gave ${key} twice`);
          seen.add(key);
          this.#histories.saw(this.#name, key, item, calledAt);
        }
        after = last;
      } while (after);
    }
    const all = ITEM_KINDS.flatMap((kind) => this.#keysOf(kind));
    this.#sawNone(all, seen, began);
  }

  /** One partition, of one item at most. */
  async #query(random: SimRandom): Promise<void> {
    const key = itemKey(random.pick(ITEM_KINDS), random.below(this.#keys));
    const calledAt = this.#histories.stamp();
    const request = requestOf('Query', {
      TableName: TABLE,
      ConsistentRead: true,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: key } },
      ScanIndexForward: random.once(2),
    });
    const ending = await this.#requests.send(request, random);
    if (!isAnswered(ending)) return;
    const { Items: items, LastEvaluatedKey: last } = parsed<PageBody>(ending);
    const isIt = items.length <= 1 && items.every((item) => keyOf(item) === key);
    if (!isIt || last)
      this.#isWrong(`a query of ${key} came to ${JSON.stringify({ items, last })}`);
    this.#histories.saw(this.#name, key, items[0], calledAt);
  }

  async #batchRead(random: SimRandom): Promise<void> {
    const keys = this.#keysOf(random.pick(ITEM_KINDS));
    const calledAt = this.#histories.stamp();
    const request = requestOf('BatchGetItem', {
      RequestItems: {
        [TABLE]: { Keys: keys.map((key) => ({ pk: { S: key } })), ConsistentRead: true },
      },
    });
    const ending = await this.#requests.send(request, random);
    if (!isAnswered(ending)) return;
    const { Responses: found, UnprocessedKeys: left } = parsed<BatchReadBody>(ending);
    const known = new Set((left[TABLE]?.Keys ?? []).map(({ pk }) => pk.S));
    for (const item of found[TABLE] ?? []) {
      const key = keyOf(item);
      if (known.has(key)) this.#isWrong(`a batch gave ${key} twice, or did not and did`);
      known.add(key);
      this.#histories.saw(this.#name, key, item, calledAt);
    }
    this.#sawNone(keys, known, calledAt);
  }

  /** Puts and deletes registers. Of one that is handed back nobody knows whether it was written after all. */
  async #batchWrite(random: SimRandom): Promise<void> {
    const keys = this.#keysOf('register').filter(() => random.once(2));
    if (keys.length === 0) return;
    const values = keys.map(() => (random.once(4) ? '' : this.#value()));
    const writes = keys.map((key, i): WriteRequest => {
      const [pk, v] = [{ S: key }, { S: values[i] as string }];
      return v.S === '' ? { DeleteRequest: { Key: { pk } } } : { PutRequest: { Item: { pk, v } } };
    });
    const calledAt = this.#histories.stamp();
    const request = requestOf('BatchWriteItem', { RequestItems: { [TABLE]: writes } });
    const ending = await this.#requests.send(request, random);
    if (ending === 'refused') return;
    const left =
      ending === 'unknown'
        ? writes
        : (parsed<BatchWriteBody>(ending).UnprocessedItems[TABLE] ?? []);
    const unknown = new Set(left.map(keyWritten));
    keys.forEach((key, i) => {
      const input = { kind: 'put', value: values[i] as string } as const;
      this.#histories.wrote(this.#name, key, input, !unknown.has(key), calledAt);
    });
  }

  #value(): string {
    return `${this.#name} ${this.#histories.uniqueNumber()};`;
  }

  #keysOf(kind: ItemKind): string[] {
    return Array.from({ length: this.#keys }, (_, number) => itemKey(kind, number));
  }

  #sawNone(keys: readonly string[], known: ReadonlySet<string>, calledAt: number): void {
    for (const key of keys) {
      if (!known.has(key)) this.#histories.saw(this.#name, key, undefined, calledAt);
    }
  }

  #isWrong(what: string): void {
    this.#histories.isWrong(`[D1] ${what}`);
  }
}

function keyOf(item: Item): string {
  return item['pk']?.S ?? '';
}

function keyWritten(request: WriteRequest): string {
  const { pk } = 'PutRequest' in request ? request.PutRequest.Item : request.DeleteRequest.Key;
  return pk.S;
}
