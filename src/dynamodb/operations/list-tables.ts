import { optional, structure } from '../decode/collections.ts';
import { integer } from '../decode/shape.ts';
import { tableName } from '../decode/table-name.ts';
import { jsonBytes } from '../encode/body.ts';
import { failureError } from '../plan/table.ts';
import { operation } from './operation.ts';

const NAMES_MAX = 100;

const input = structure('ListTablesInput', {
  ExclusiveStartTableName: optional(tableName(3)),
  Limit: optional(integer({ min: 1, max: NAMES_MAX })),
});

export const listTables = operation('ListTables', input, async (parameters, context) => {
  const { ExclusiveStartTableName: after, Limit: limit = NAMES_MAX } = parameters;
  // One more than is returned tells whether any are left.
  const names = await context.database.listTables(after, limit + 1);
  if ('kind' in names) throw failureError(names);
  const page = names.slice(0, limit);
  return jsonBytes({
    TableNames: page,
    LastEvaluatedTableName: names.length > limit ? page.at(-1) : undefined,
  });
});
