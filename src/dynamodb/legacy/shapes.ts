import { attributeValue } from '../decode/attributes.ts';
import { list, map, optional, required, structure } from '../decode/collections.ts';
import { boolean, type Decoded, oneOf, string } from '../decode/shape.ts';

const comparisonOperator = oneOf(
  'IN',
  'NULL',
  'BETWEEN',
  'LT',
  'NOT_CONTAINS',
  'EQ',
  'GT',
  'NOT_NULL',
  'NE',
  'LE',
  'BEGINS_WITH',
  'GE',
  'CONTAINS',
);

export type ComparisonOperator = Decoded<typeof comparisonOperator>;

const condition = structure('Condition', {
  ComparisonOperator: required(comparisonOperator),
  AttributeValueList: optional(list(attributeValue())),
});

/** KeyConditions, QueryFilter and ScanFilter: conditions by attribute name. */
export const conditionMap = map(condition);
export type ConditionMap = Decoded<typeof conditionMap>;

export const expectedMap = map(
  structure('ExpectedAttributeValue', {
    ComparisonOperator: optional(comparisonOperator),
    AttributeValueList: optional(list(attributeValue())),
    Exists: optional(boolean()),
    Value: optional(attributeValue()),
  }),
);
export type ExpectedMap = Decoded<typeof expectedMap>;

export const attributeUpdates = map(
  structure('AttributeValueUpdate', {
    Action: optional(oneOf('ADD', 'PUT', 'DELETE')),
    Value: optional(attributeValue()),
  }),
);
export type AttributeUpdates = Decoded<typeof attributeUpdates>;

export const conditionalOperator = oneOf('OR', 'AND');
export type ConditionalOperator = Decoded<typeof conditionalOperator>;

export const attributesToGet = list(string({ max: 65_535 }), { min: 1, max: 255 });
