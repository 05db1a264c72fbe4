import BTree from 'sorted-btree';
import { compareBytes } from '../../src/bytes/index.ts';
import type { Table, TableSpec } from '../../src/controller/index.ts';
import {
  type ItemKey,
  PageCollector,
  type PageOperation,
  runWrite,
  type StoredItem,
  storageKey,
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
  TableStatistics,
} from '../../src/router/index.ts';

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
  readonly #tables = new Map<string, Table>();
  readonly #items = new BTree.default<Uint8Array, StoredItem>(undefined, compareBytes);
  #nextId = 1;

  findTable(name: string): Table | Promise<Failure> {
    const table = this.#tables.get(name);
    return table && table.status !== 'CREATING' ? table : Promise.resolve(NO_TABLE);
  }

  async write(
    table: Table,
    key: ItemKey,
    operation: WriteOperation,
  ): Promise<WriteOutcome | Failure> {
    this.calls.push(`write ${operation.kind}`);
    const failure = this.fail('write', key);
    if (failure) return failure;
    const at = storageKey(table.id, key);
    const { outcome, effect } = runWrite(operation, this.#items.get(at));
    if (effect?.kind === 'put') this.#items.set(at, effect.item);
    if (effect?.kind === 'delete') this.#items.delete(at);
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
    const entries: [Uint8Array, StoredItem][] = [];
    this.#items.forRange(operation.from, operation.to, false, (key, item) => {
      entries.push([key, item]);
    });
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
    this.#items.forEach((item, key) => {
      if (new DataView(key.buffer, key.byteOffset).getUint32(0) !== table.id) return;
      items += 1;
      bytes += item.size;
    });
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
