import type { Table } from '../../controller/index.ts';
import type { Condition } from '../../item/index.ts';
import { validationError } from '../errors.ts';
import { parseCondition } from '../expression/condition.ts';
import type { Placeholders } from '../expression/placeholders.ts';
import { filterOf } from '../legacy/conditions.ts';
import type { ConditionalOperator, ConditionMap } from '../legacy/shapes.ts';
import { keyAttributes } from './key.ts';

interface FilterParameters {
  readonly FilterExpression: string | undefined;
  readonly ConditionalOperator: ConditionalOperator | undefined;
}

export interface PlannedFilter {
  readonly condition: Condition | undefined;
  /** First names of all paths, and of those that reach into an attribute. */
  readonly heads: ReadonlySet<string>;
  readonly nestedHeads: ReadonlySet<string>;
}

/** The filter of a Query or Scan, from whichever parameter has it. Throws ValidationException. */
export function planFilter(
  input: FilterParameters,
  legacyFilter: ConditionMap | undefined,
  placeholders: Placeholders,
): PlannedFilter {
  if (input.FilterExpression !== undefined) {
    return parseCondition('FilterExpression', input.FilterExpression, placeholders);
  }
  return {
    condition: filterOf(legacyFilter, input.ConditionalOperator),
    heads: new Set(legacyFilter?.keys()),
    nestedHeads: new Set(),
  };
}

/** A Query's filter may not look at the key, which its key condition is for. `parameter` stands in the message. */
export function refuseKeyFilter(
  table: Table,
  filter: PlannedFilter,
  parameter: 'Filter Expression' | 'QueryFilter',
): void {
  for (const { name } of keyAttributes(table)) {
    if (!filter.heads.has(name)) continue;
    throw validationError(
      `${parameter} can only contain non-primary key attributes: Primary key attribute: ${name}`,
    );
  }
}
