import type { Table } from '../../controller/index.ts';
import type { Failure } from '../../router/index.ts';
import type { ApiContext } from '../context.ts';
import { nameOf } from '../decode/table-name.ts';
import { ApiError } from '../errors.ts';

const NOT_FOUND = 'Requested resource not found';

/** The table was there as far as this node knew, and is not; nothing was done. */
class TableGoneError extends ApiError {
  constructor() {
    super('ResourceNotFoundException', NOT_FOUND);
  }
}

/**
 * Runs `use` with the table for reading and writing items, at once when it is known. Throws what `use` throws, or rejects;
 * with ResourceNotFoundException among others. Where the table is gone that this node knew, another one may have its name by now:
 * then `use` runs once more.
 */
export function withTable<T>(
  context: ApiContext,
  name: string,
  use: (table: Table) => Promise<T>,
): Promise<T> {
  const found = context.database.findTable(name);
  if (found instanceof Promise) return found.then((table) => use(readable(table)));
  return use(found).catch(async (error: unknown) => {
    if (!(error instanceof TableGoneError)) throw error;
    return use(readable(await context.database.findTable(name, found.id)));
  });
}

/** The same with several tables, by the names (or ARNs) that the request uses. */
export async function withTables<T>(
  context: ApiContext,
  names: readonly string[],
  use: (tables: ReadonlyMap<string, Table>) => Promise<T>,
): Promise<T> {
  const tables = await findTables(context, names);
  try {
    return await use(tables);
  } catch (error) {
    if (!(error instanceof TableGoneError)) throw error;
    // Which one it is, is not known.
    return use(await findTables(context, names, tables));
  }
}

async function findTables(
  { database }: ApiContext,
  names: readonly string[],
  gone?: ReadonlyMap<string, Table>,
): Promise<ReadonlyMap<string, Table>> {
  const tables = new Map<string, Table>();
  for (const name of names) {
    const table = readable(await database.findTable(nameOf(name), gone?.get(name)?.id));
    tables.set(name, table);
  }
  return tables;
}

function readable(found: Table | Failure): Table {
  if ('spec' in found) return found;
  throw found.kind === 'no-table' ? tableNotFound() : failureError(found);
}

/** The table as it is described, in every status. Throws ResourceNotFoundException, naming the table. */
export async function describedTable(context: ApiContext, name: string): Promise<Table> {
  const found = await context.database.describeTable(name);
  if ('spec' in found) return found;
  throw found.kind === 'no-table' ? tableNotFound(name) : failureError(found);
}

export function tableNotFound(name?: string): ApiError {
  const where = name === undefined ? '' : `: Table: ${name} not found`;
  return new ApiError('ResourceNotFoundException', `${NOT_FOUND}${where}`);
}

/** Why the cluster did not answer, in words for the client. SDKs retry the first two. */
export function failureError(failure: Failure): ApiError {
  switch (failure.kind) {
    case 'overloaded':
      return new ApiError(
        'ThrottlingException',
        `The cluster is busy and did nothing: try again. ${failure.message}`,
      );
    case 'unavailable':
      return new ApiError(
        'InternalServerError',
        `The cluster did not answer in time, and a write may have taken effect: try again. ${failure.message}`,
      );
    case 'no-table':
      return new TableGoneError();
  }
}
