import type { SimRandom } from '../random.ts';
import type { Client } from './client.ts';
import type { Histories } from './histories.ts';
import {
  assertDone,
  type Ending,
  isAnswered,
  parsed,
  type Requests,
  requestOf,
} from './requests.ts';

/** How often it asks what became of a table, in milliseconds. */
const LOOK_MS = 200;
/** What is not done by then is left to itself: of a cluster in trouble more can not be asked. Milliseconds. */
const PATIENCE_MS = 20_000;
const ITEMS_MAX = 5;
const IN_USE = 'ResourceInUseException';
const NOT_FOUND = 'ResourceNotFoundException';

/**
 * A client with tables of its own: makes one, fills it, and deletes it, and under its name makes another one, which has to be
 * empty (C3, D1).
 */
export class TableClient implements Client {
  readonly #name: string;
  readonly #requests: Requests;
  readonly #histories: Histories;
  #tables = 0;
  /** Its last table is gone, and everything that was asked about it was answered: the next one may have its name. */
  #isForgotten = false;

  constructor(name: string, requests: Requests, histories: Histories) {
    this.#name = name;
    this.#requests = requests;
    this.#histories = histories;
  }

  async operate(random: SimRandom): Promise<void> {
    if (!this.#isForgotten) this.#tables++;
    this.#isForgotten = false;
    const table = `${this.#name}-${this.#tables}`;
    const { lost } = this.#requests;
    if (!(await this.#make(table, random))) return;
    if (!(await this.#fill(table, random))) return;
    const isGone = await this.#delete(table, random);
    // What a node has not read yet it may do long after, with the next table of that name.
    this.#isForgotten = isGone && this.#requests.lost === lost;
  }

  /** False, here and below: nobody knows, or will, what became of it. */
  async #make(table: string, random: SimRandom): Promise<boolean> {
    const made = await this.#ask('CreateTable', table, random, {
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    });
    if (!isAnswered(made)) return false;
    // The first try was heard, and its answer was not.
    if (made.error !== IN_USE) assertDone(made);
    return this.#becomes(table, random, ({ status }) => status === 'ACTIVE');
  }

  async #fill(table: string, random: SimRandom): Promise<boolean> {
    const found = await this.#ask('Scan', table, random, { ConsistentRead: true });
    if (!isAnswered(found)) return false;
    const { Count: count } = parsed<{ readonly Count: number }>(found);
    if (count > 0) this.#histories.isWrong(`[C3] the new table ${table} has ${count} items`);
    const values = Array.from(
      { length: 1 + random.below(ITEMS_MAX) },
      () => `${this.#name} ${this.#histories.uniqueNumber()}`,
    );
    for (const value of values) {
      const put = await this.#ask('PutItem', table, random, { Item: { pk: { S: value } } });
      if (!isAnswered(put)) return false;
      assertDone(put);
    }
    const filled = await this.#ask('Scan', table, random, { ConsistentRead: true });
    if (!isAnswered(filled)) return false;
    const { Items: items } = parsed<{ readonly Items: readonly { pk: { S: string } }[] }>(filled);
    const kept = items.map(({ pk }) => pk.S).sort();
    if (kept.join() !== values.sort().join()) {
      this.#histories.isWrong(`[D1] of ${values} the table ${table} has ${kept}`);
    }
    return true;
  }

  async #delete(table: string, random: SimRandom): Promise<boolean> {
    const deleted = await this.#ask('DeleteTable', table, random);
    if (!isAnswered(deleted)) return false;
    if (deleted.error !== NOT_FOUND && deleted.error !== IN_USE) assertDone(deleted);
    return this.#becomes(table, random, ({ error }) => error === NOT_FOUND);
  }

  /** Asks what became of the table until it is what it should be. */
  async #becomes(
    table: string,
    random: SimRandom,
    isIt: (found: {
      readonly status: string | undefined;
      readonly error: string | undefined;
    }) => boolean,
  ): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_MS) {
      const ending = await this.#ask('DescribeTable', table, random);
      if (!isAnswered(ending)) return false;
      const { error } = ending;
      const status = error === undefined ? parsed<Described>(ending).Table.TableStatus : undefined;
      if (isIt({ status, error })) return true;
      await this.#requests.sleep(LOOK_MS);
    }
    return false;
  }

  #ask(operation: string, table: string, random: SimRandom, more: object = {}): Promise<Ending> {
    return this.#requests.send(requestOf(operation, { TableName: table, ...more }), random);
  }
}

interface Described {
  readonly Table: { readonly TableStatus: string };
}
