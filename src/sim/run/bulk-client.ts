import type { SimRandom } from '../random.ts';
import { type Client, isConsistent, type Shared } from './client.ts';
import type { Histories, Stamp } from './histories.ts';
import {
  ITEM_KINDS,
  type Item,
  type ItemKey,
  type ItemKind,
  itemName,
  type Layout,
  TABLE,
} from './items.ts';
import { isAnswered, parsed, type Requests, requestOf } from './requests.ts';

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
  readonly #shared: Shared;
  readonly #requests: Requests;
  readonly #histories: Histories;
  readonly #layout: Layout;

  constructor(name: string, shared: Shared) {
    this.#name = name;
    this.#shared = shared;
    this.#requests = shared.requests;
    this.#histories = shared.histories;
    this.#layout = shared.layout;
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

  /** All of the table, in one row or in several. */
  async #scan(random: SimRandom): Promise<void> {
    const segments = random.pick([1, 1, 3]);
    const rows = Array.from({ length: segments }, (_, Segment) =>
      segments > 1 ? { Segment, TotalSegments: segments } : {},
    );
    const all = ITEM_KINDS.flatMap((kind) => this.#namesOf(kind));
    await this.#pages('Scan', rows, all, random);
  }

  /** One partition, or the end of it, in the order of the sort keys or the other way round. */
  async #query(random: SimRandom): Promise<void> {
    const kind = random.pick(ITEM_KINDS);
    const { pk, sk } = this.#layout.keyOf(itemName(kind, random.below(this.#shared.keys)));
    const first = sk && random.once(2) ? sk : undefined;
    const isForward = random.once(2);
    const wanted = this.#namesOf(kind).filter((name) => {
      const key = this.#layout.keyOf(name);
      return key.pk.S === pk.S && (!first || Number(key.sk?.N) >= Number(first.N));
    });
    const query = {
      KeyConditionExpression: first ? 'pk = :pk AND sk >= :sk' : 'pk = :pk',
      ExpressionAttributeValues: { ':pk': pk, ...(first && { ':sk': first }) },
      ScanIndexForward: isForward,
    };
    const found = await this.#pages('Query', [query], wanted, random);
    const inOrder = isForward ? wanted : wanted.toReversed();
    const isRight = found.join() === inOrder.filter((name) => found.includes(name)).join();
    if (!isRight) this.#isWrong(`a query of ${inOrder.join()} came to ${found.join()}`);
  }

  /**
   * Reads rows of pages, one page after the other, and tells what they had. What is wanted and none had was not there at some moment
   * meanwhile. A row without an answer ends it.
   */
  async #pages(
    operation: 'Scan' | 'Query',
    rows: readonly object[],
    wanted: readonly string[],
    random: SimRandom,
  ): Promise<string[]> {
    const consistent = isConsistent(this.#shared, random);
    const limit = random.pick([1, 3, 100]);
    const began = this.#histories.calledAt(consistent);
    const found: string[] = [];
    for (const row of rows) {
      let after: object | undefined;
      do {
        const calledAt = this.#histories.calledAt(consistent);
        const request = requestOf(operation, {
          TableName: TABLE,
          ConsistentRead: consistent,
          Limit: limit,
          ...row,
          ...(after && { ExclusiveStartKey: after }),
        });
        const ending = await this.#requests.send(request, random);
        if (!isAnswered(ending)) return found;
        const { Items: items, LastEvaluatedKey: last } = parsed<PageBody>(ending);
        if (items.length > limit) this.#isWrong(`a page of ${limit} had ${items.length} items`);
        for (const item of items) {
          const name = this.#layout.nameOf(item);
          if (found.includes(name)) this.#isWrong(`a ${operation} gave ${name} twice`);
          if (!wanted.includes(name)) this.#isWrong(`a ${operation} gave ${name} unasked`);
          found.push(name);
          this.#histories.saw(this.#name, name, item, calledAt);
        }
        after = last;
      } while (after);
    }
    this.#sawNone(wanted, found, began);
    return found;
  }

  async #batchRead(random: SimRandom): Promise<void> {
    const names = this.#namesOf(random.pick(ITEM_KINDS));
    const consistent = isConsistent(this.#shared, random);
    const calledAt = this.#histories.calledAt(consistent);
    const request = requestOf('BatchGetItem', {
      RequestItems: {
        [TABLE]: {
          Keys: names.map((name) => this.#layout.keyOf(name)),
          ConsistentRead: consistent,
        },
      },
    });
    const ending = await this.#requests.send(request, random);
    if (!isAnswered(ending)) return;
    const { Responses: found, UnprocessedKeys: left } = parsed<BatchReadBody>(ending);
    const known = (left[TABLE]?.Keys ?? []).map((key) => this.#layout.nameOf(key));
    for (const item of found[TABLE] ?? []) {
      const name = this.#layout.nameOf(item);
      if (known.includes(name)) this.#isWrong(`a batch gave ${name} twice, or did not and did`);
      known.push(name);
      this.#histories.saw(this.#name, name, item, calledAt);
    }
    this.#sawNone(names, known, calledAt);
  }

  /** Puts and deletes registers. Of one that is handed back nobody knows whether it was written after all. */
  async #batchWrite(random: SimRandom): Promise<void> {
    const names = this.#namesOf('register').filter(() => random.once(2));
    if (names.length === 0) return;
    const values = names.map(() => (random.once(4) ? '' : this.#value()));
    const writes = names.map((name, i): WriteRequest => {
      const [key, v] = [this.#layout.keyOf(name), { S: values[i] as string }];
      return v.S === '' ? { DeleteRequest: { Key: key } } : { PutRequest: { Item: { ...key, v } } };
    });
    const calledAt = this.#histories.stamp();
    const request = requestOf('BatchWriteItem', { RequestItems: { [TABLE]: writes } });
    const ending = await this.#requests.send(request, random);
    if (ending === 'refused') return;
    const left =
      ending === 'unknown'
        ? writes
        : (parsed<BatchWriteBody>(ending).UnprocessedItems[TABLE] ?? []);
    const unknown = left.map((request) => this.#layout.nameOf(keyWritten(request)));
    names.forEach((name, i) => {
      const input = { kind: 'put', value: values[i] as string } as const;
      this.#histories.wrote(this.#name, name, input, !unknown.includes(name), calledAt);
    });
  }

  #value(): string {
    return `${this.#name} ${this.#histories.uniqueNumber()};`;
  }

  #namesOf(kind: ItemKind): string[] {
    return Array.from({ length: this.#shared.keys }, (_, number) => itemName(kind, number));
  }

  #sawNone(names: readonly string[], known: readonly string[], calledAt: Stamp): void {
    for (const name of names) {
      if (!known.includes(name)) this.#histories.saw(this.#name, name, undefined, calledAt);
    }
  }

  #isWrong(what: string): void {
    this.#histories.isWrong(`[D1] ${what}`);
  }
}

function keyWritten(request: WriteRequest): ItemKey {
  return 'PutRequest' in request ? request.PutRequest.Item : request.DeleteRequest.Key;
}
