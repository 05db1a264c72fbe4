import type { Table, TableId, TableSpec } from '../controller/index.ts';
import type {
  ItemKey,
  PageOperation,
  PageOutcome,
  StoredItem,
  WriteOperation,
  WriteOutcome,
} from '../item/index.ts';
import type { RetryToken } from '../store/index.ts';

/**
 * Why the cluster did not answer a request. Each passes by itself or with the client's retry:
 * - `unavailable`: no answer before the deadline. A write may have taken effect or not.
 * - `overloaded`: refused early, and nothing was done (S4).
 * - `no-table`: the table does not exist, or no longer.
 */
export interface Failure {
  readonly kind: 'unavailable' | 'overloaded' | 'no-table';
  readonly message: string;
}

export interface Found {
  readonly kind: 'found';
  /** Undefined when there is no such item. */
  readonly item: StoredItem | undefined;
}

export interface Page extends PageOutcome {
  readonly kind: 'page';
}

export type CreateTableOutcome =
  | { readonly kind: 'created'; readonly table: Table }
  | { readonly kind: 'exists' }
  | Failure;

export type DeleteTableOutcome =
  | { readonly kind: 'deleting'; readonly table: Table }
  /** It is still being created, or being deleted already. */
  | { readonly kind: 'busy'; readonly table: Table }
  | { readonly kind: 'protected'; readonly table: Table }
  | Failure;

export interface TableStatistics {
  readonly kind: 'statistics';
  readonly items: number;
  readonly bytes: number;
}

/** The database as the API sees it: the same on every node, whatever shard is where. */
export interface Database {
  /**
   * A table that can be read and written (ACTIVE, or DELETING as long as its shards are there), from the newest map that
   * this node has seen; asks the controller before it says that there is none. Resolves at once when it is known, and is not
   * `gone`: a table that was there under this name.
   */
  findTable(name: string, gone?: TableId): Table | Promise<Table | Failure>;
  /**
   * Runs one write exactly once, or says that it does not know (S1). With a token it runs once for all calls, on any node, with
   * that token within RETRY_WINDOW_MS of the first, and each has the first one's outcome.
   */
  write(
    table: Table,
    key: ItemKey,
    operation: WriteOperation,
    retry?: RetryToken,
  ): Promise<WriteOutcome | Failure>;
  /** Linearizable when `consistent` (D1); otherwise what some replica has applied. */
  read(table: Table, key: ItemKey, consistent: boolean): Promise<Found | Failure>;
  /** One page over a range of storage keys, which may span many shards. */
  page(table: Table, operation: PageOperation, consistent: boolean): Promise<Page | Failure>;

  createTable(spec: TableSpec): Promise<CreateTableOutcome>;
  deleteTable(name: string): Promise<DeleteTableOutcome>;
  /** In every status, linearizable. */
  describeTable(name: string): Promise<Table | Failure>;
  /** Names in ascending order of their bytes, linearizable: at most `limit` of those after `after`. */
  listTables(after: string | undefined, limit: number): Promise<readonly string[] | Failure>;
  tableStatistics(table: Table): Promise<TableStatistics | Failure>;
}
