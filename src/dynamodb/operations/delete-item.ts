import { accept } from '../decode/attributes.ts';
import { structure } from '../decode/collections.ts';
import { validationError } from '../errors.ts';
import { checkParameters, placeholdersOf } from '../plan/expressions.ts';
import { keyOfKey, refuseNestedKeys } from '../plan/key.ts';
import { withTable } from '../plan/table.ts';
import { planCondition, write } from '../plan/write.ts';
import { writeOperation } from './operation.ts';
import { keyParameters, writeParameters } from './parameters.ts';

const input = structure('DeleteItemInput', { ...keyParameters, ...writeParameters });

export const deleteItem = writeOperation('DeleteItem', input, (parameters, context, retry) => {
  checkParameters(parameters, ['ConditionExpression'], ['Expected', 'ConditionalOperator']);
  const key = accept(parameters.Key);
  const { ReturnValues: returnValues = 'NONE' } = parameters;
  if (returnValues !== 'NONE' && returnValues !== 'ALL_OLD') {
    throw validationError('ReturnValues can only be ALL_OLD or NONE');
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
      keyOfKey(table, key),
      {
        kind: 'delete',
        condition,
        returnItemOnConditionFailure: parameters.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
        returnValues,
      },
      retry,
    );
  });
});
