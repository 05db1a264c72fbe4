import type { Table } from '../../controller/index.ts';
import type { TableStatistics } from '../../router/index.ts';
import { tableArn } from '../context.ts';
import { keyAttributes } from '../plan/key.ts';

/** TableDescription as JSON.stringify takes it. `statistics` are missing while the table is made. */
export function describeTable(table: Table, statistics: TableStatistics | undefined): object {
  const keys = keyAttributes(table);
  return {
    AttributeDefinitions: keys.map(({ name, type }) => ({
      AttributeName: name,
      AttributeType: type,
    })),
    KeySchema: keys.map(({ name }, i) => ({
      AttributeName: name,
      KeyType: i === 0 ? 'HASH' : 'RANGE',
    })),
    CreationDateTime: seconds(table.createdAt),
    ...describeRest(table, statistics),
  };
}

/** The answer of DeleteTable, which leaves out the key and the time of creation. */
export function describeDeletedTable(table: Table): object {
  return { ...describeRest(table, undefined), TableStatus: 'DELETING' };
}

function describeRest(table: Table, statistics: TableStatistics | undefined): object {
  const { spec } = table;
  return {
    TableName: spec.name,
    TableStatus: table.status,
    ProvisionedThroughput: {
      NumberOfDecreasesToday: 0,
      ReadCapacityUnits: spec.readCapacity,
      WriteCapacityUnits: spec.writeCapacity,
    },
    TableSizeBytes: statistics?.bytes ?? 0,
    ItemCount: statistics?.items ?? 0,
    TableArn: tableArn(spec.name),
    TableId: table.uuid,
    BillingModeSummary:
      spec.billingMode === 'PAY_PER_REQUEST'
        ? {
            BillingMode: spec.billingMode,
            LastUpdateToPayPerRequestDateTime: seconds(table.createdAt),
          }
        : undefined,
    TableClassSummary: spec.tableClass === 'STANDARD' ? undefined : { TableClass: spec.tableClass },
    DeletionProtectionEnabled: spec.deletionProtection,
  };
}

function seconds(milliseconds: number): number {
  return milliseconds / 1000;
}
