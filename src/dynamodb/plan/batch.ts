import { toHex } from '../../bytes/index.ts';
import type { Table } from '../../controller/index.ts';
import { type ItemKey, storageKey } from '../../item/index.ts';
import type { Failure } from '../../router/index.ts';
import { consumedCapacity, type ReturnConsumedCapacity } from '../encode/capacity.ts';
import { validationError } from '../errors.ts';
import { failureError, tableNotFound } from './table.ts';

/** One read or write of a batch. */
export interface Member {
  readonly table: Table;
  readonly key: ItemKey;
}

/** No two members of a batch may name one item. Throws ValidationException. */
export function refuseDuplicates(members: readonly Member[]): void {
  const seen = new Set<string>();
  for (const { table, key } of members) {
    const text = toHex(storageKey(table.id, key));
    if (seen.has(text)) {
      throw validationError('Provided list of item keys contains duplicates');
    }
    seen.add(text);
  }
}

/**
 * A member that failed in passing is handed back for the client to send again; a batch of which nothing was done fails as a
 * whole, and where something may have been it says so. Throws an ApiError.
 */
export function refuseIfAllFailed(members: number, failures: readonly Failure[]): void {
  const worst = failures.find(({ kind }) => kind === 'unavailable') ?? failures[0];
  if (worst !== undefined && failures.length === members) throw failureError(worst);
  if (failures.some(({ kind }) => kind === 'no-table')) throw tableNotFound();
}

/** Adds up what each table is charged: every item is rounded up by itself. */
export class BatchCapacity {
  readonly #units = new Map<string, number>();

  add(tableName: string, units: number): void {
    this.#units.set(tableName, (this.#units.get(tableName) ?? 0) + units);
  }

  /** The ConsumedCapacity member. */
  total(asked: ReturnConsumedCapacity | undefined): readonly unknown[] | undefined {
    if (asked === undefined || asked === 'NONE') return undefined;
    return Array.from(this.#units, ([name, units]) => consumedCapacity(asked, name, units));
  }
}
