import { optional, required, structure } from '../decode/collections.ts';
import { string } from '../decode/shape.ts';
import { tableName } from '../decode/table-name.ts';
import { jsonBytes } from '../encode/body.ts';
import { ApiError, type ErrorName } from '../errors.ts';
import { describedTable } from '../plan/table.ts';
import { type Operation, operation } from './operation.ts';

// Calls that only look at features which Flotilla does not have yet. Graphical clients and Terraform make them unasked, so they
// are answered as DynamoDB answers for an account or a table that uses none of it.

const anything = structure('Input', {});

/** A list of which there is nothing. */
function emptyList(name: string, members: object): Operation {
  return operation(name, anything, async () => jsonBytes(members));
}

const ofTable = structure('Input', { TableName: required(tableName()) });

/** What is set for a table that must exist. */
function unusedByTable(name: string, members: (tableName: string) => object): Operation {
  return operation(name, ofTable, async (parameters, context) => {
    await describedTable(context, parameters.TableName);
    return jsonBytes(members(parameters.TableName));
  });
}

const names = structure('Input', {
  BackupArn: optional(string()),
  BulkOperationArn: optional(string()),
  ExportArn: optional(string()),
  GlobalTableName: optional(string()),
  ImportArn: optional(string()),
  ResourceArn: optional(string()),
  StreamArn: optional(string()),
});

/** One thing by its name, of which there is none. */
function nothingBy(
  name: string,
  member: keyof Parameters<typeof names.print>[0],
  error: ErrorName,
  message: (named: string) => string,
): Operation {
  return operation(name, names, async (parameters) => {
    throw new ApiError(error, message(parameters[member] ?? ''));
  });
}

const globalTableNotFound = (named: string) =>
  `Global table not found: Global table with name: '${named}' does not exist.`;

export const absentFeatures: readonly Operation[] = [
  emptyList('ListBackups', { BackupSummaries: [] }),
  emptyList('ListBulkOperations', { BulkOperationsSummaryList: [] }),
  emptyList('ListContributorInsights', { ContributorInsightsSummaries: [] }),
  emptyList('ListExports', { ExportSummaries: [] }),
  emptyList('ListGlobalTables', { GlobalTables: [] }),
  emptyList('ListImports', { ImportSummaryList: [] }),
  emptyList('ListStreams', { Streams: [] }),

  unusedByTable('DescribeContinuousBackups', () => ({
    ContinuousBackupsDescription: {
      ContinuousBackupsStatus: 'ENABLED',
      PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'DISABLED' },
    },
  })),
  unusedByTable('DescribeContributorInsights', (name) => ({
    TableName: name,
    ContributorInsightsStatus: 'DISABLED',
  })),
  unusedByTable('DescribeKinesisStreamingDestination', (name) => ({
    TableName: name,
    KinesisDataStreamDestinations: [],
  })),
  unusedByTable('DescribeTableReplicaAutoScaling', (name) => ({
    TableAutoScalingDescription: { TableName: name, TableStatus: 'ACTIVE', Replicas: [] },
  })),
  unusedByTable('DescribeTimeToLive', () => ({
    TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' },
  })),

  nothingBy(
    'DescribeBackup',
    'BackupArn',
    'BackupNotFoundException',
    (arn) => `Backup not found: ${arn}`,
  ),
  nothingBy(
    'DescribeBulkOperation',
    'BulkOperationArn',
    'ResourceNotFoundException',
    (arn) => `Requested resource not found: Bulk operation: ${arn} not found`,
  ),
  nothingBy(
    'DescribeExport',
    'ExportArn',
    'ExportNotFoundException',
    (arn) => `Export not found: ${arn}`,
  ),
  nothingBy(
    'DescribeGlobalTable',
    'GlobalTableName',
    'GlobalTableNotFoundException',
    globalTableNotFound,
  ),
  nothingBy(
    'DescribeGlobalTableSettings',
    'GlobalTableName',
    'GlobalTableNotFoundException',
    globalTableNotFound,
  ),
  nothingBy(
    'DescribeImport',
    'ImportArn',
    'ImportNotFoundException',
    (arn) => `Import not found: ${arn}`,
  ),
  nothingBy(
    'DescribeStream',
    'StreamArn',
    'ResourceNotFoundException',
    (arn) => `Requested resource not found: Stream: ${arn} not found`,
  ),
  nothingBy(
    'GetResourcePolicy',
    'ResourceArn',
    'PolicyNotFoundException',
    () => 'Resource-based policy not found for the provided ResourceArn.',
  ),
];
