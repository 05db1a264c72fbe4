import type { Table } from '../../controller/index.ts';
import {
  attributeMapText,
  encodeStoredItem,
  type Item,
  MAX_ITEM_BYTES,
  type WriteOperation,
} from '../../item/index.ts';
import type { Failure } from '../../router/index.ts';
import type { ApiContext } from '../context.ts';
import { accept, attributeMap } from '../decode/attributes.ts';
import { list, map, optional, required, structure } from '../decode/collections.ts';
import type { Decoded } from '../decode/shape.ts';
import { tableNameKeys } from '../decode/table-name.ts';
import { JsonBody } from '../encode/body.ts';
import { writeUnits } from '../encode/capacity.ts';
import { validationError } from '../errors.ts';
import { BatchCapacity, type Member, refuseDuplicates, refuseIfAllFailed } from '../plan/batch.ts';
import { keyOfBatchItem, keyOfKey } from '../plan/key.ts';
import { memberToken, type RetryToken } from '../plan/retry-token.ts';
import { withTables } from '../plan/table.ts';
import { writeOperation } from './operation.ts';
import { returnConsumedCapacity, returnItemCollectionMetrics } from './parameters.ts';

const WRITES_MAX = 25;

const writeRequest = structure('WriteRequest', {
  PutRequest: optional(structure('PutRequest', { Item: required(attributeMap()) })),
  DeleteRequest: optional(structure('DeleteRequest', { Key: required(attributeMap()) })),
});

type WriteRequest = Decoded<typeof writeRequest>;

const input = structure('BatchWriteItemInput', {
  RequestItems: required(
    map(list(writeRequest), {
      min: 1,
      max: WRITES_MAX,
      keys: tableNameKeys,
      valueLength: { min: 1, max: WRITES_MAX },
    }),
  ),
  ReturnConsumedCapacity: optional(returnConsumedCapacity),
  ReturnItemCollectionMetrics: optional(returnItemCollectionMetrics),
});

/** A request without the table: what to do, and its form in UnprocessedItems. */
interface Planned {
  readonly item: Item;
  readonly operation: WriteOperation;
}

interface Write extends Member {
  /** As the request names the table. */
  readonly tableName: string;
  readonly planned: Planned;
}

export const batchWriteItem = writeOperation(
  'BatchWriteItem',
  input,
  async (parameters, context, retry) => {
    const plans = new Map<string, readonly Planned[]>();
    let count = 0;
    for (const [tableName, requests] of parameters.RequestItems) {
      plans.set(tableName, requests.map(plan));
      count += requests.length;
    }
    if (count > WRITES_MAX) {
      throw validationError('Too many items requested for the BatchWriteItem call');
    }

    return withTables(context, [...plans.keys()], (tables) => {
      // One invalid member refuses all: every key is checked before anything is written.
      const writes: Write[] = [];
      for (const [tableName, members] of plans) {
        const table = tables.get(tableName) as Table;
        for (const planned of members) {
          writes.push({ table, key: keyOf(table, planned), tableName, planned });
        }
      }
      refuseDuplicates(writes);
      return run(context, parameters, writes, retry);
    });
  },
);

function plan({ PutRequest: put, DeleteRequest: remove }: WriteRequest): Planned {
  if ((put === undefined) === (remove === undefined)) {
    throw validationError(
      'Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest',
    );
  }
  const item = accept(put ? put.Item : (remove as NonNullable<typeof remove>).Key);
  if (put === undefined) return { item, operation: { kind: 'delete', ...UNCONDITIONAL } };
  const stored = encodeStoredItem(item);
  if (stored.size > MAX_ITEM_BYTES) {
    throw validationError('Item size has exceeded the maximum allowed size');
  }
  return { item, operation: { kind: 'put', item: stored, ...UNCONDITIONAL } };
}

const UNCONDITIONAL = {
  condition: undefined,
  returnItemOnConditionFailure: false,
  returnValues: 'NONE',
} as const;

function keyOf(table: Table, { item, operation: { kind } }: Planned) {
  return kind === 'put' ? keyOfBatchItem(table, item) : keyOfKey(table, item);
}

async function run(
  context: ApiContext,
  parameters: Decoded<typeof input>,
  writes: readonly Write[],
  retry: RetryToken | undefined,
): Promise<Uint8Array> {
  const outcomes = await Promise.all(
    writes.map(({ table, key, planned }, i) =>
      context.database.write(table, key, planned.operation, retry && memberToken(retry, i)),
    ),
  );
  const failures: Failure[] = [];
  const unprocessed = new Map<string, unknown[]>();
  const capacity = new BatchCapacity();
  writes.forEach((write, i) => {
    const outcome = outcomes[i];
    switch (outcome?.kind) {
      case 'written':
        capacity.add(write.tableName, writeUnits(outcome.sizeBefore, outcome.sizeAfter));
        break;
      case 'unavailable':
      case 'overloaded':
      case 'no-table': {
        failures.push(outcome);
        const left = unprocessed.get(write.tableName);
        if (left) left.push(requestOf(write.planned));
        else unprocessed.set(write.tableName, [requestOf(write.planned)]);
        break;
      }
      default:
        throw new Error(`an unconditional write came to ${outcome?.kind}`);
    }
  });
  refuseIfAllFailed(writes.length, failures);
  return new JsonBody()
    .member('UnprocessedItems', Object.fromEntries(unprocessed))
    .member('ConsumedCapacity', capacity.total(parameters.ReturnConsumedCapacity))
    .finish();
}

/** In the form of RequestItems, so that the client can send it as it is. */
function requestOf({ item, operation: { kind } }: Planned): unknown {
  const attributes = JSON.parse(attributeMapText(item)) as unknown;
  return kind === 'put'
    ? { PutRequest: { Item: attributes } }
    : { DeleteRequest: { Key: attributes } };
}
