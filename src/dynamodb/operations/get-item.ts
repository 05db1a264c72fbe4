import {
  decodeStoredItem,
  encodeAttributeMap,
  type Projection,
  project,
  type StoredItem,
} from '../../item/index.ts';
import { accept } from '../decode/attributes.ts';
import { optional, structure } from '../decode/collections.ts';
import { boolean, string } from '../decode/shape.ts';
import { JsonBody } from '../encode/body.ts';
import { consumedCapacity, readUnits } from '../encode/capacity.ts';
import { attributesToGet } from '../legacy/shapes.ts';
import { checkParameters, placeholdersOf } from '../plan/expressions.ts';
import { keyOfKey, refuseNestedKeys } from '../plan/key.ts';
import { planProjection } from '../plan/projection.ts';
import { failureError, openTable } from '../plan/table.ts';
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

export const getItem = operation('GetItem', input, async (parameters, context) => {
  checkParameters(parameters, ['ProjectionExpression'], ['AttributesToGet']);
  const key = accept(parameters.Key);
  const placeholders = placeholdersOf(parameters);
  const { projection, nestedHeads } = planProjection(parameters, placeholders);
  placeholders.requireAllUsed();

  const table = await openTable(context, parameters.TableName);
  refuseNestedKeys(table, nestedHeads);
  const consistent = parameters.ConsistentRead ?? false;
  const found = await context.database.read(table, keyOfKey(table, key), consistent);
  if (found.kind !== 'found') throw failureError(found);

  const { TableName: name, ReturnConsumedCapacity: asked } = parameters;
  const units = readUnits(found.item?.size ?? 0, consistent);
  return new JsonBody()
    .raw('Item', found.item && returnedItem(found.item, projection))
    .member('ConsumedCapacity', consumedCapacity(asked, name, units))
    .finish();
});

/** The JSON to send; without a projection the bytes as they are stored (E4). */
export function returnedItem(item: StoredItem, projection: Projection | undefined): Uint8Array {
  if (projection === undefined) return item.json;
  return encodeAttributeMap(project(projection, decodeStoredItem(item.json)));
}
