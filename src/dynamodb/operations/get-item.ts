import {
  decodeStoredItem,
  encodeAttributeMap,
  type Projection,
  project,
  type StoredItem,
} from '../../item/index.ts';
import type { Failure, Found } from '../../router/index.ts';
import { accept } from '../decode/attributes.ts';
import { optional, structure } from '../decode/collections.ts';
import { boolean, string } from '../decode/shape.ts';
import { JsonBody } from '../encode/body.ts';
import { consumedCapacity, readUnits } from '../encode/capacity.ts';
import { attributesToGet } from '../legacy/shapes.ts';
import { checkParameters, placeholdersOf } from '../plan/expressions.ts';
import { keyOfKey, refuseNestedKeys } from '../plan/key.ts';
import { planProjection } from '../plan/projection.ts';
import { failureError, withTable } from '../plan/table.ts';
import { operation } from './operation.ts';
import { expressionNames, keyParameters, returnConsumedCapacity } from './parameters.ts';

const input = structure('GetItemInput', {
  ...keyParameters,
  AttributesToGet: optional(attributesToGet),
  ConsistentRead: optional(boolean()),
  ReturnConsumedCapacity: optional(returnConsumedCapacity),
  ProjectionExpression: optional(string()),
  ...expressionNames,
});

export const getItem = operation('GetItem', input, (parameters, context) => {
  checkParameters(parameters, ['ProjectionExpression'], ['AttributesToGet']);
  const key = accept(parameters.Key);
  const placeholders = placeholdersOf(parameters);
  const { projection, nestedHeads } = planProjection(parameters, placeholders);
  placeholders.requireAllUsed();

  const { TableName: name, ConsistentRead: consistent = false } = parameters;
  const answerOf = (found: Found | Failure): Uint8Array => {
    if (found.kind !== 'found') throw failureError(found);
    const units = readUnits(found.item?.size ?? 0, consistent);
    return new JsonBody()
      .raw('Item', found.item && returnedItem(found.item, projection))
      .member('ConsumedCapacity', consumedCapacity(parameters.ReturnConsumedCapacity, name, units))
      .finish();
  };
  return withTable(context, name, (table) => {
    refuseNestedKeys(table, nestedHeads);
    return context.database.read(table, keyOfKey(table, key), consistent).then(answerOf);
  });
});

/** The JSON to send; without a projection the bytes as they are stored (E4). */
export function returnedItem(item: StoredItem, projection: Projection | undefined): Uint8Array {
  if (projection === undefined) return item.json;
  return encodeAttributeMap(project(projection, decodeStoredItem(item.json)));
}
