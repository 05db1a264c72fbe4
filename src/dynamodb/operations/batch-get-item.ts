import type { Table } from '../../controller/index.ts';
import {
  attributeMapText,
  type Item,
  type Parsed,
  type Projection,
  type StoredItem,
} from '../../item/index.ts';
import type { Failure } from '../../router/index.ts';
import type { ApiContext } from '../context.ts';
import { accept, attributeMap } from '../decode/attributes.ts';
import { list, map, optional, required, structure } from '../decode/collections.ts';
import { boolean, type Decoded, string } from '../decode/shape.ts';
import { tableNameKeys } from '../decode/table-name.ts';
import { JsonBody } from '../encode/body.ts';
import { readUnits } from '../encode/capacity.ts';
import { validationError } from '../errors.ts';
import { attributesToGet } from '../legacy/shapes.ts';
import { BatchCapacity, type Member, refuseDuplicates, refuseIfAllFailed } from '../plan/batch.ts';
import { checkParameters, placeholdersOf } from '../plan/expressions.ts';
import { keyOfKey, refuseNestedKeys } from '../plan/key.ts';
import { type PlannedProjection, planProjection } from '../plan/projection.ts';
import { withTables } from '../plan/table.ts';
import { returnedItem } from './get-item.ts';
import { operation } from './operation.ts';
import { expressionNames, returnConsumedCapacity } from './parameters.ts';

const KEYS_MAX = 100;
/** Items beyond this are left for the client to ask for again. */
const RESPONSE_BYTES_MAX = 16 * 1024 * 1024;

const keysAndAttributes = structure('KeysAndAttributes', {
  Keys: required(list(attributeMap(), { min: 1, max: KEYS_MAX })),
  AttributesToGet: optional(attributesToGet),
  ConsistentRead: optional(boolean()),
  ProjectionExpression: optional(string()),
  ...expressionNames,
});

type KeysAndAttributes = Decoded<typeof keysAndAttributes>;

const input = structure('BatchGetItemInput', {
  RequestItems: required(map(keysAndAttributes, { min: 1, keys: tableNameKeys })),
  ReturnConsumedCapacity: optional(returnConsumedCapacity),
});

interface Read extends Member {
  /** As the request names the table. */
  readonly tableName: string;
  readonly attributes: Item;
  readonly consistent: boolean;
  readonly projection: Projection | undefined;
}

export const batchGetItem = operation('BatchGetItem', input, async (parameters, context) => {
  const { RequestItems: requests } = parameters;
  const plans = new Map<string, { keys: readonly Item[]; planned: PlannedProjection }>();
  let count = 0;
  for (const [tableName, request] of requests) {
    count += request.Keys.length;
    plans.set(tableName, { keys: request.Keys.map(acceptKey), planned: plan(request) });
  }
  if (count > KEYS_MAX) {
    throw validationError('Too many items requested for the BatchGetItem call');
  }

  return withTables(context, [...requests.keys()], (tables) => {
    const reads: Read[] = [];
    for (const [tableName, { keys, planned }] of plans) {
      const table = tables.get(tableName) as Table;
      refuseNestedKeys(table, planned.nestedHeads);
      const consistent = requests.get(tableName)?.ConsistentRead ?? false;
      for (const attributes of keys) {
        const key = keyOfKey(table, attributes);
        const { projection } = planned;
        reads.push({ table, key, tableName, attributes, consistent, projection });
      }
    }
    refuseDuplicates(reads);
    return run(context, parameters, reads);
  });
});

function acceptKey(key: Parsed<Item>): Item {
  return accept(key);
}

function plan(request: KeysAndAttributes): PlannedProjection {
  checkParameters(request, ['ProjectionExpression'], ['AttributesToGet']);
  const placeholders = placeholdersOf(request);
  const planned = planProjection(request, placeholders);
  placeholders.requireAllUsed();
  return planned;
}

async function run(
  context: ApiContext,
  parameters: Decoded<typeof input>,
  reads: readonly Read[],
): Promise<Uint8Array> {
  const outcomes = await Promise.all(
    reads.map((read) => context.database.read(read.table, read.key, read.consistent)),
  );
  const failures = outcomes.filter((outcome): outcome is Failure => outcome.kind !== 'found');
  refuseIfAllFailed(reads.length, failures);

  const found = new Map<string, Uint8Array[]>();
  for (const tableName of parameters.RequestItems.keys()) found.set(tableName, []);
  const unprocessed = new Map<string, Item[]>();
  const capacity = new BatchCapacity();
  let responseBytes = 0;
  reads.forEach((read, i) => {
    const outcome = outcomes[i];
    const item: StoredItem | undefined = outcome?.kind === 'found' ? outcome.item : undefined;
    responseBytes += item?.size ?? 0;
    if (outcome?.kind !== 'found' || responseBytes > RESPONSE_BYTES_MAX) {
      const left = unprocessed.get(read.tableName);
      if (left) left.push(read.attributes);
      else unprocessed.set(read.tableName, [read.attributes]);
      return;
    }
    capacity.add(read.tableName, readUnits(item?.size ?? 0, read.consistent));
    if (item) found.get(read.tableName)?.push(returnedItem(item, read.projection));
  });

  const responses = new JsonBody();
  for (const [tableName, items] of found) responses.rawList(tableName, items);
  return new JsonBody()
    .raw('Responses', responses.finish())
    .member('UnprocessedKeys', unprocessedKeys(parameters, unprocessed))
    .member('ConsumedCapacity', capacity.total(parameters.ReturnConsumedCapacity))
    .finish();
}

/** In the form of RequestItems, so that the client can send it as it is. */
function unprocessedKeys(
  { RequestItems: requests }: Decoded<typeof input>,
  unprocessed: ReadonlyMap<string, readonly Item[]>,
): object {
  const entries = Array.from(unprocessed, ([tableName, keys]) => {
    const request = requests.get(tableName);
    const names = request?.ExpressionAttributeNames;
    return [
      tableName,
      {
        Keys: keys.map((key) => JSON.parse(attributeMapText(key)) as unknown),
        AttributesToGet: request?.AttributesToGet,
        ConsistentRead: request?.ConsistentRead,
        ProjectionExpression: request?.ProjectionExpression,
        ExpressionAttributeNames: names && Object.fromEntries(names),
      },
    ] as const;
  });
  return Object.fromEntries(entries);
}
