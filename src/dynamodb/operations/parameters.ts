import { attributeMap, attributeValue } from '../decode/attributes.ts';
import { map, optional, required } from '../decode/collections.ts';
import { boolean, integer, oneOf, string } from '../decode/shape.ts';
import { tableName } from '../decode/table-name.ts';
import { validationError } from '../errors.ts';
import { attributesToGet, conditionalOperator, expectedMap } from '../legacy/shapes.ts';

// Parameters that several operations have.

export const returnConsumedCapacity = oneOf('INDEXES', 'TOTAL', 'NONE');

export const returnItemCollectionMetrics = oneOf('SIZE', 'NONE');

export const expressionNames = {
  ExpressionAttributeNames: optional(map(string())),
};

export const expressionPlaceholders = {
  ...expressionNames,
  ExpressionAttributeValues: optional(map(attributeValue())),
};

/** Of PutItem, UpdateItem and DeleteItem. */
export const writeParameters = {
  Expected: optional(expectedMap),
  ConditionalOperator: optional(conditionalOperator),
  ConditionExpression: optional(string()),
  ...expressionPlaceholders,
  ReturnValues: optional(oneOf('ALL_NEW', 'UPDATED_OLD', 'ALL_OLD', 'NONE', 'UPDATED_NEW')),
  ReturnConsumedCapacity: optional(returnConsumedCapacity),
  ReturnItemCollectionMetrics: optional(returnItemCollectionMetrics),
  ReturnValuesOnConditionCheckFailure: optional(oneOf('ALL_OLD', 'NONE')),
};

export const keyParameters = {
  TableName: required(tableName()),
  Key: required(attributeMap()),
};

const indexName = string({ min: 3, max: 255 });

/** Of Query and Scan. */
export const pageParameters = {
  TableName: required(tableName()),
  IndexName: optional(indexName),
  Select: optional(
    oneOf('SPECIFIC_ATTRIBUTES', 'COUNT', 'ALL_ATTRIBUTES', 'ALL_PROJECTED_ATTRIBUTES'),
  ),
  AttributesToGet: optional(attributesToGet),
  Limit: optional(integer({ min: 1 })),
  ConsistentRead: optional(boolean()),
  ConditionalOperator: optional(conditionalOperator),
  ExclusiveStartKey: optional(attributeMap()),
  ReturnConsumedCapacity: optional(returnConsumedCapacity),
  ProjectionExpression: optional(string()),
  FilterExpression: optional(string()),
  ...expressionPlaceholders,
};

/** Operations on tables say in their own words that the name is missing. */
export function requireTableName(name: string | undefined): string {
  if (name !== undefined) return name;
  throw validationError("The parameter 'TableName' is required but was not present in the request");
}
