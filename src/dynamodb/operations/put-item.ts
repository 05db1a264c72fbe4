import { encodeStoredItem, MAX_ITEM_BYTES } from '../../item/index.ts';
import { accept, attributeMap } from '../decode/attributes.ts';
import { required, structure } from '../decode/collections.ts';
import { tableName } from '../decode/table-name.ts';
import { validationError } from '../errors.ts';
import { checkParameters, placeholdersOf } from '../plan/expressions.ts';
import { keyOfItem, refuseNestedKeys } from '../plan/key.ts';
import { withTable } from '../plan/table.ts';
import { planCondition, write } from '../plan/write.ts';
import { writeOperation } from './operation.ts';
import { writeParameters } from './parameters.ts';

const input = structure('PutItemInput', {
  TableName: required(tableName()),
  Item: required(attributeMap()),
  ...writeParameters,
});

export const putItem = writeOperation('PutItem', input, (parameters, context, retry) => {
  checkParameters(parameters, ['ConditionExpression'], ['Expected', 'ConditionalOperator']);
  const item = accept(parameters.Item);
  const { ReturnValues: returnValues = 'NONE' } = parameters;
  if (returnValues !== 'NONE' && returnValues !== 'ALL_OLD') {
    throw validationError('ReturnValues can only be ALL_OLD or NONE');
  }
  const stored = encodeStoredItem(item);
  if (stored.size > MAX_ITEM_BYTES) {
    throw validationError('Item size has exceeded the maximum allowed size');
  }
  const placeholders = placeholdersOf(parameters);
  const { condition, nestedHeads } = planCondition(parameters, placeholders);
  placeholders.requireAllUsed();

  return withTable(context, parameters.TableName, (table) => {
    refuseNestedKeys(table, nestedHeads);
    return write(
      context,
      parameters,
      table,
      keyOfItem(table, item),
      {
        kind: 'put',
        item: stored,
        condition,
        returnItemOnConditionFailure: parameters.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
        returnValues,
      },
      retry,
    );
  });
});
