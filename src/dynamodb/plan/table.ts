import type { Table } from '../../controller/index.ts';
import type { Failure } from '../../router/index.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';

/**
 * Runs `use` with the table for reading and writing items, at once when it is known. Throws what `use` throws, or rejects;
 * with ResourceNotFoundException among others.
 */
export function withTable<T>(
  context: ApiContext,
  name: string,
  use: (table: Table) => Promise<T>,
): Promise<T> {
  const found = context.database.findTable(name);
  return found instanceof Promise ? found.then((table) => use(readable(table))) : use(found);
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
  return new ApiError('ResourceNotFoundException', `Requested resource not found${where}`);
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
      return tableNotFound();
  }
}
