import { absentFeatures } from './operations/absent-features.ts';
import { batchGetItem } from './operations/batch-get-item.ts';
import { batchWriteItem } from './operations/batch-write-item.ts';
import { createTable } from './operations/create-table.ts';
import { deleteItem } from './operations/delete-item.ts';
import { deleteTable } from './operations/delete-table.ts';
import { describeEndpoints } from './operations/describe-endpoints.ts';
import { describeLimits } from './operations/describe-limits.ts';
import { describeTable } from './operations/describe-table.ts';
import { getItem } from './operations/get-item.ts';
import { listTables } from './operations/list-tables.ts';
import { listTagsOfResource } from './operations/list-tags-of-resource.ts';
import type { Operation } from './operations/operation.ts';
import { putItem } from './operations/put-item.ts';
import { query } from './operations/query.ts';
import { scan } from './operations/scan.ts';
import { updateItem } from './operations/update-item.ts';

/**
 * - `built`: does what DynamoDB does, with the exceptions in `notes`.
 * - `empty`: answers as for an account that uses nothing of the feature.
 * - `later`: refused with a ValidationException that names docs/compatibility.md.
 */
export type OperationState = 'built' | 'empty' | 'later';

interface OperationEntry {
  readonly name: string;
  readonly state: OperationState;
  readonly notes: string;
  /** Undefined exactly for `later`. */
  readonly operation: Operation | undefined;
}

const LEGACY = 'Legacy parameters are translated into expressions.';
const NO_INDEX = 'There are no indexes yet: IndexName names none.';

function built(operation: Operation, notes = ''): OperationEntry {
  return { name: operation.name, state: 'built', notes, operation };
}

function later(name: string): OperationEntry {
  return { name, state: 'later', notes: '', operation: undefined };
}

/** Every operation that DynamoDB has, whatever Flotilla does with it: docs/compatibility.md is made from this table. */
export const OPERATIONS: readonly OperationEntry[] = [
  built(batchGetItem),
  built(batchWriteItem),
  built(
    createTable,
    'Indexes, streams, ResourcePolicy and GlobalTableSourceArn are refused. SSESpecification, OnDemandThroughput and ' +
      'WarmThroughput are accepted and have no effect. Provisioned throughput is kept and shown, not enforced.',
  ),
  built(deleteItem, LEGACY),
  built(deleteTable),
  built(describeEndpoints, 'Names the node that was asked.'),
  built(describeLimits, "AWS's default quotas; none is enforced."),
  built(describeTable),
  built(getItem, LEGACY),
  built(listTables),
  built(listTagsOfResource, 'Tags are those that CreateTable was given.'),
  built(putItem, LEGACY),
  built(query, `${LEGACY} ${NO_INDEX}`),
  built(scan, `${LEGACY} ${NO_INDEX}`),
  built(updateItem, LEGACY),
  ...absentFeatures.map(
    (operation): OperationEntry => ({ name: operation.name, state: 'empty', notes: '', operation }),
  ),
  ...[
    'BatchExecuteStatement',
    'CancelBulkOperation',
    'CreateBackup',
    'CreateGlobalTable',
    'DeleteBackup',
    'DeleteResourcePolicy',
    'DisableKinesisStreamingDestination',
    'EnableKinesisStreamingDestination',
    'ExecuteStatement',
    'ExecuteTransaction',
    'ExportTableToPointInTime',
    'GetRecords',
    'GetShardIterator',
    'ImportTable',
    'PutResourcePolicy',
    'RestoreTableFromBackup',
    'RestoreTableToPointInTime',
    'SearchVectors',
    'StartBulkPutItems',
    'TagResource',
    'TransactGetItems',
    'TransactWriteItems',
    'UntagResource',
    'UpdateContinuousBackups',
    'UpdateContributorInsights',
    'UpdateGlobalTable',
    'UpdateGlobalTableSettings',
    'UpdateKinesisStreamingDestination',
    'UpdateTable',
    'UpdateTableReplicaAutoScaling',
    'UpdateTimeToLive',
  ].map(later),
];
