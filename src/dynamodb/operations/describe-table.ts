import { optional, structure } from '../decode/collections.ts';
import { tableName } from '../decode/table-name.ts';
import { jsonBytes } from '../encode/body.ts';
import { describeTable as describe } from '../encode/table-description.ts';
import { describedTable, failureError, tableNotFound } from '../plan/table.ts';
import { operation } from './operation.ts';
import { requireTableName } from './parameters.ts';

const input = structure('DescribeTableInput', { TableName: optional(tableName()) });

export const describeTable = operation('DescribeTable', input, async (parameters, context) => {
  const name = requireTableName(parameters.TableName);
  const table = await describedTable(context, name);
  // While a table is made or goes, there may be nobody to count its items.
  if (table.status !== 'ACTIVE') return jsonBytes({ Table: describe(table, undefined) });
  const statistics = await context.database.tableStatistics(table);
  if (statistics.kind === 'no-table') throw tableNotFound(name);
  if (statistics.kind !== 'statistics') throw failureError(statistics);
  return jsonBytes({ Table: describe(table, statistics) });
});
