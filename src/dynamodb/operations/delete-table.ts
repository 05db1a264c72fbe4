import { optional, structure } from '../decode/collections.ts';
import { tableName } from '../decode/table-name.ts';
import { jsonBytes } from '../encode/body.ts';
import { describeDeletedTable } from '../encode/table-description.ts';
import { ApiError, validationError } from '../errors.ts';
import { failureError, tableNotFound } from '../plan/table.ts';
import { operation } from './operation.ts';
import { requireTableName } from './parameters.ts';

const input = structure('DeleteTableInput', { TableName: optional(tableName()) });

export const deleteTable = operation('DeleteTable', input, async (parameters, context) => {
  const name = requireTableName(parameters.TableName);
  const outcome = await context.database.deleteTable(name);
  switch (outcome.kind) {
    case 'deleting':
      return jsonBytes({ TableDescription: describeDeletedTable(outcome.table) });
    case 'busy': {
      const change = outcome.table.status === 'CREATING' ? 'created' : 'deleted';
      throw new ApiError(
        'ResourceInUseException',
        `Attempt to change a resource which is still in use: Table is being ${change}: ${name}`,
      );
    }
    case 'protected':
      throw validationError(
        'Resource cannot be deleted as it is currently protected against deletion. ' +
          'Disable deletion protection first.',
      );
    case 'no-table':
      throw tableNotFound(name);
    default:
      throw failureError(outcome);
  }
});
