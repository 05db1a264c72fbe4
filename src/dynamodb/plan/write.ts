import type { Table } from '../../controller/index.ts';
import type { Condition, ItemKey, WriteOperation, WriteOutcome } from '../../item/index.ts';
import type { Failure } from '../../router/index.ts';
import type { ApiContext } from '../context.ts';
import { JsonBody } from '../encode/body.ts';
import { consumedCapacity, type ReturnConsumedCapacity, writeUnits } from '../encode/capacity.ts';
import { ApiError, validationError } from '../errors.ts';
import { parseCondition } from '../expression/condition.ts';
import type { Placeholders } from '../expression/placeholders.ts';
import { conditionOf } from '../legacy/conditions.ts';
import type { ConditionalOperator, ExpectedMap } from '../legacy/shapes.ts';
import type { RetryToken } from './retry-token.ts';
import { failureError } from './table.ts';

interface ConditionParameters {
  readonly ConditionExpression: string | undefined;
  readonly Expected: ExpectedMap | undefined;
  readonly ConditionalOperator: ConditionalOperator | undefined;
}

export interface PlannedCondition {
  readonly condition: Condition | undefined;
  readonly nestedHeads: ReadonlySet<string>;
}

const NO_HEADS: ReadonlySet<string> = new Set();

/** The condition of a write, from whichever parameter has it. Throws ValidationException. */
export function planCondition(
  input: ConditionParameters,
  placeholders: Placeholders,
): PlannedCondition {
  if (input.ConditionExpression !== undefined) {
    return parseCondition('ConditionExpression', input.ConditionExpression, placeholders);
  }
  const { Expected: expected, ConditionalOperator: operator } = input;
  return { condition: conditionOf(expected, operator), nestedHeads: NO_HEADS };
}

interface WriteParameters {
  readonly TableName: string;
  readonly ReturnConsumedCapacity: ReturnConsumedCapacity | undefined;
}

/** Runs one write and puts its answer together. Rejects with an ApiError. */
export function write(
  context: ApiContext,
  input: WriteParameters,
  table: Table,
  key: ItemKey,
  operation: WriteOperation,
  retry: RetryToken | undefined,
): Promise<Uint8Array> {
  return context.database
    .write(table, key, operation, retry)
    .then((outcome) => answerOf(outcome, input));
}

function answerOf(outcome: WriteOutcome | Failure, input: WriteParameters): Uint8Array {
  switch (outcome.kind) {
    case 'written': {
      const { ReturnConsumedCapacity: asked, TableName: name } = input;
      const units = writeUnits(outcome.sizeBefore, outcome.sizeAfter);
      return new JsonBody()
        .raw('Attributes', outcome.attributes)
        .member('ConsumedCapacity', consumedCapacity(asked, name, units))
        .finish();
    }
    case 'condition-failed':
      throw new ApiError(
        'ConditionalCheckFailedException',
        'The conditional request failed',
        outcome.item,
      );
    case 'invalid':
      throw validationError(outcome.message);
    default:
      throw failureError(outcome);
  }
}
