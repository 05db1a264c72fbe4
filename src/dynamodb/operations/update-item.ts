import type { Table } from '../../controller/index.ts';
import type { Update } from '../../item/index.ts';
import { accept } from '../decode/attributes.ts';
import { optional, structure } from '../decode/collections.ts';
import { type Decoded, string } from '../decode/shape.ts';
import { validationError } from '../errors.ts';
import type { Placeholders } from '../expression/placeholders.ts';
import { parseUpdate } from '../expression/update.ts';
import { attributeUpdates } from '../legacy/shapes.ts';
import { updateOf } from '../legacy/updates.ts';
import { checkParameters, placeholdersOf } from '../plan/expressions.ts';
import { keyAttributes, keyOfKey, refuseNestedKeys } from '../plan/key.ts';
import { withTable } from '../plan/table.ts';
import { checkUpdateSize } from '../plan/update-size.ts';
import { planCondition, write } from '../plan/write.ts';
import { writeOperation } from './operation.ts';
import { keyParameters, writeParameters } from './parameters.ts';

const input = structure('UpdateItemInput', {
  ...keyParameters,
  AttributeUpdates: optional(attributeUpdates),
  UpdateExpression: optional(string()),
  ...writeParameters,
});

export const updateItem = writeOperation('UpdateItem', input, (parameters, context, retry) => {
  checkParameters(
    parameters,
    ['UpdateExpression', 'ConditionExpression'],
    ['AttributeUpdates', 'Expected', 'ConditionalOperator'],
  );
  const key = accept(parameters.Key);
  const placeholders = placeholdersOf(parameters);
  const update = planUpdate(parameters, placeholders);
  const { condition, nestedHeads } = planCondition(parameters, placeholders);
  placeholders.requireAllUsed();
  checkUpdateSize(update.actions);

  return withTable(context, parameters.TableName, (table) => {
    const itemKey = keyOfKey(table, key);
    refuseKeyUpdates(table, update.actions);
    refuseNestedKeys(table, update.nestedHeads);
    refuseNestedKeys(table, nestedHeads);
    return write(
      context,
      parameters,
      table,
      itemKey,
      {
        kind: 'update',
        key,
        update: update.actions,
        condition,
        returnItemOnConditionFailure: parameters.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
        returnValues: parameters.ReturnValues ?? 'NONE',
      },
      retry,
    );
  });
});

interface PlannedUpdate {
  readonly actions: Update;
  readonly nestedHeads: ReadonlySet<string>;
}

/** Without either parameter the update changes nothing, and still makes the item. */
function planUpdate(parameters: Decoded<typeof input>, placeholders: Placeholders): PlannedUpdate {
  const { UpdateExpression: expression, AttributeUpdates: updates } = parameters;
  if (expression !== undefined) return parseUpdate(expression, placeholders);
  return { actions: updates ? updateOf(updates) : [], nestedHeads: new Set() };
}

function refuseKeyUpdates(table: Table, actions: Update): void {
  for (const { name } of keyAttributes(table)) {
    if (!actions.some(({ path }) => path[0] === name)) continue;
    throw validationError(
      'One or more parameter values were invalid: ' +
        `Cannot update attribute ${name}. This attribute is part of the key`,
    );
  }
}
