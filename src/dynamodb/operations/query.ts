import { accept } from '../decode/attributes.ts';
import { optional, structure } from '../decode/collections.ts';
import { boolean, type Decoded, string } from '../decode/shape.ts';
import { validationError } from '../errors.ts';
import { parseCondition } from '../expression/condition.ts';
import type { Placeholders } from '../expression/placeholders.ts';
import { keyConditionsOf as legacyKeyConditionsOf } from '../legacy/conditions.ts';
import { conditionMap } from '../legacy/shapes.ts';
import { checkParameters, placeholdersOf } from '../plan/expressions.ts';
import { planFilter, refuseKeyFilter } from '../plan/filter.ts';
import { refuseNestedKeys } from '../plan/key.ts';
import { type KeyConditions, keyConditionsOf, queryRange } from '../plan/key-conditions.ts';
import { checkSelect, readPage, refuseIndex } from '../plan/page.ts';
import { planProjection } from '../plan/projection.ts';
import { restOfQuery } from '../plan/start-key.ts';
import { withTable } from '../plan/table.ts';
import { operation } from './operation.ts';
import { pageParameters } from './parameters.ts';

const input = structure('QueryInput', {
  ...pageParameters,
  KeyConditions: optional(conditionMap),
  QueryFilter: optional(conditionMap),
  KeyConditionExpression: optional(string()),
  ScanIndexForward: optional(boolean()),
});

type Parameters = Decoded<typeof input>;

export const query = operation('Query', input, (parameters, context) => {
  checkParameters(
    parameters,
    ['ProjectionExpression', 'FilterExpression', 'KeyConditionExpression'],
    ['AttributesToGet', 'QueryFilter', 'ConditionalOperator', 'KeyConditions'],
  );
  const startKey =
    parameters.ExclusiveStartKey &&
    accept(parameters.ExclusiveStartKey, 'The provided starting key is invalid: ');
  checkSelect(parameters);
  const placeholders = placeholdersOf(parameters);
  const conditions = planKeyConditions(parameters, placeholders);
  const filter = planFilter(parameters, parameters.QueryFilter, placeholders);
  const { projection, nestedHeads } = planProjection(parameters, placeholders);
  placeholders.requireAllUsed();

  return withTable(context, parameters.TableName, (table) => {
    refuseIndex(parameters.IndexName);
    const range = queryRange(table, conditions);
    refuseKeyFilter(table, filter, parameters.QueryFilter ? 'QueryFilter' : 'Filter Expression');
    refuseNestedKeys(table, nestedHeads);
    refuseNestedKeys(table, filter.nestedHeads);
    const reverse = parameters.ScanIndexForward === false;
    return readPage(context, parameters, table, {
      range: startKey ? restOfQuery(table, range, conditions.size > 1, startKey, reverse) : range,
      // One item at most, and a query that cannot be restarted: whoever asks page by page has it all.
      goesOn: table.spec.sortKey !== undefined,
      reverse,
      filter: filter.condition,
      projection,
    });
  });
});

function planKeyConditions(parameters: Parameters, placeholders: Placeholders): KeyConditions {
  const { KeyConditionExpression: expression, KeyConditions: conditions } = parameters;
  if (expression !== undefined) {
    const parsed = parseCondition('KeyConditionExpression', expression, placeholders);
    return keyConditionsOf(parsed.condition);
  }
  if (conditions === undefined) {
    throw validationError(
      'Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.',
    );
  }
  if (conditions.size !== 1 && conditions.size !== 2) {
    throw validationError('Conditions can be of length 1 or 2 only');
  }
  return legacyKeyConditionsOf(conditions);
}
