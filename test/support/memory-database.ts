import { compareBytes, toHex } from '../../src/bytes/index.ts';
import type { Table, TableSpec } from '../../src/controller/index.ts';
import {
  hashBound,
  type ItemKey,
  PageCollector,
  type PageOperation,
  runWrite,
  type StoredItem,
  storageKey,
  tableEnd,
  type WriteOperation,
  type WriteOutcome,
} from '../../src/item/index.ts';
import type {
  CreateTableOutcome,
  Database,
  DeleteTableOutcome,
  Failure,
  Found,
  Page,
  RetryToken,
  TableStatistics,
} from '../../src/router/index.ts';

const LOWEST = { high: 0, low: 0 };
const NO_TABLE: Failure = { kind: 'no-table', message: 'no such table' };

/**
 * The database that the API sees, in one process: real semantics by the pure functions that replicas run, on one sorted map.
 * Tables are usable at once, and gone as soon as they are deleted, unless `slowTables` holds them in between.
 */
export class MemoryDatabase implements Database {
  /** What every read, write or page comes to instead, when it returns a failure. */
  fail: (call: 'read' | 'write' | 'page', key: ItemKey | undefined) => Failure | undefined = () =>
    undefined;
  /** New tables stay CREATING and deleted ones DELETING until `settle`. */
  slowTables = false;
  /** Every call on items, for tests of what the API asks for. */
  readonly calls: string[] = [];
  /** First outcomes by retry token, in hex. Kept for ever. */
  readonly firsts = new Map<string, WriteOutcome>();
  readonly #tables = new Map<string, Table>();
  readonly #items = new SortedItems();
  #nextId = 1;

  findTable(name: string): Table | Promise<Failure> {
    const table = this.#tables.get(name);
    return table && table.status !== 'CREATING' ? table : Promise.resolve(NO_TABLE);
  }

  async write(
    table: Table,
    key: ItemKey,
    operation: WriteOperation,
    retry?: RetryToken,
  ): Promise<WriteOutcome | Failure> {
    this.calls.push(`write ${operation.kind}`);
    const failure = this.fail('write', key);
    if (failure) return failure;
    const token = retry && toHex(retry);
    const first = token === undefined ? undefined : this.firsts.get(token);
    if (first) return first;
    const at = storageKey(table.id, key);
    const { outcome, effect } = runWrite(operation, this.#items.get(at));
    if (effect?.kind === 'put') this.#items.set(at, effect.item);
    if (effect?.kind === 'delete') this.#items.delete(at);
    if (token !== undefined) this.firsts.set(token, outcome);
    return outcome;
  }

  async read(table: Table, key: ItemKey, consistent: boolean): Promise<Found | Failure> {
    this.calls.push(`read ${consistent ? 'consistent' : 'eventual'}`);
    return (
      this.fail('read', key) ?? { kind: 'found', item: this.#items.get(storageKey(table.id, key)) }
    );
  }

  async page(
    _table: Table,
    operation: PageOperation,
    consistent: boolean,
  ): Promise<Page | Failure> {
    this.calls.push(`page ${consistent ? 'consistent' : 'eventual'}`);
    const failure = this.fail('page', undefined);
    if (failure) return failure;
    const entries = this.#items.range(operation.from, operation.to);
    if (operation.reverse) entries.reverse();
    const collector = new PageCollector(operation);
    for (const [key, item] of entries) {
      if (collector.add(key, item) === 'full') return { kind: 'page', ...collector.finish(key) };
    }
    return { kind: 'page', ...collector.finish(undefined) };
  }

  async createTable(spec: TableSpec): Promise<CreateTableOutcome> {
    if (this.#tables.has(spec.name)) return { kind: 'exists' };
    const id = this.#nextId++;
    const table: Table = {
      id,
      spec,
      status: 'CREATING',
      createdAt: 1_700_000_000_000 + id,
      uuid: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
      deletion: '',
      shards: [],
    };
    this.#tables.set(spec.name, this.slowTables ? table : { ...table, status: 'ACTIVE' });
    return { kind: 'created', table };
  }

  async deleteTable(name: string): Promise<DeleteTableOutcome> {
    const table = this.#tables.get(name);
    if (!table) return NO_TABLE;
    if (table.status !== 'ACTIVE') return { kind: 'busy', table };
    if (table.spec.deletionProtection) return { kind: 'protected', table };
    const deleting: Table = { ...table, status: 'DELETING' };
    if (this.slowTables) this.#tables.set(name, deleting);
    else this.#tables.delete(name);
    return { kind: 'deleting', table: deleting };
  }

  async describeTable(name: string): Promise<Table | Failure> {
    return this.#tables.get(name) ?? NO_TABLE;
  }

  async listTables(after: string | undefined, limit: number): Promise<readonly string[]> {
    return [...this.#tables.keys()]
      .sort()
      .filter((name) => after === undefined || name > after)
      .slice(0, limit);
  }

  async tableStatistics(table: Table): Promise<TableStatistics> {
    let items = 0;
    let bytes = 0;
    for (const [, item] of this.#items.range(hashBound(table.id, LOWEST), tableEnd(table.id))) {
      items += 1;
      bytes += item.size;
    }
    return { kind: 'statistics', items, bytes };
  }

  /** Ends the changes of tables that are under way. */
  settle(): void {
    for (const [name, table] of this.#tables) {
      if (table.status === 'CREATING') this.#tables.set(name, { ...table, status: 'ACTIVE' });
      if (table.status === 'DELETING') this.#tables.delete(name);
    }
  }
}

/** Items in the order of their storage keys. */
class SortedItems {
  readonly #entries: [Uint8Array, StoredItem][] = [];

  get(key: Uint8Array): StoredItem | undefined {
    const entry = this.#entries[this.#lowerBound(key)];
    return entry && compareBytes(entry[0], key) === 0 ? entry[1] : undefined;
  }

  set(key: Uint8Array, item: StoredItem): void {
    this.#entries.splice(this.#lowerBound(key), this.get(key) ? 1 : 0, [key, item]);
  }

  delete(key: Uint8Array): void {
    if (this.get(key)) this.#entries.splice(this.#lowerBound(key), 1);
  }

  range(from: Uint8Array, to: Uint8Array): [Uint8Array, StoredItem][] {
    return this.#entries.slice(this.#lowerBound(from), this.#lowerBound(to));
  }

  /** Position of the first key that is not below this one. */
  #lowerBound(key: Uint8Array): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry && compareBytes(entry[0], key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
