import type { AttributeType, AttributeValue, Condition, Path } from '../../item/index.ts';
import { compareValues } from '../../item/index.ts';
import { accept } from '../decode/attributes.ts';
import { validationError } from '../errors.ts';
import type { KeyCondition, KeyConditions } from '../plan/key-conditions.ts';
import type {
  ComparisonOperator,
  ConditionalOperator,
  ConditionMap,
  ExpectedMap,
} from './shapes.ts';

// The parameters from before there were expressions, translated into the same trees. Source: DynamoDB Developer Guide,
// "Legacy conditional parameters". Each name is one whole attribute name, dots and brackets included.

const INVALID = 'One or more parameter values were invalid: ';

/** How many values an operator takes, and of which types. */
interface Rule {
  readonly count: readonly [least: number, most: number];
  readonly types?: readonly AttributeType[];
}

const SCALARS: readonly AttributeType[] = ['S', 'N', 'B'];
const SOME = Number.POSITIVE_INFINITY;

const RULES: Readonly<Record<ComparisonOperator, Rule>> = {
  EQ: { count: [1, 1] },
  NE: { count: [1, 1] },
  LE: { count: [1, 1], types: SCALARS },
  LT: { count: [1, 1], types: SCALARS },
  GE: { count: [1, 1], types: SCALARS },
  GT: { count: [1, 1], types: SCALARS },
  CONTAINS: { count: [1, 1], types: SCALARS },
  NOT_CONTAINS: { count: [1, 1], types: SCALARS },
  BEGINS_WITH: { count: [1, 1], types: ['S', 'B'] },
  BETWEEN: { count: [2, 2], types: SCALARS },
  IN: { count: [1, SOME], types: SCALARS },
  NULL: { count: [0, 0] },
  NOT_NULL: { count: [0, 0] },
};

/** QueryFilter and ScanFilter. Throws ValidationException. */
export function filterOf(
  conditions: ConditionMap | undefined,
  operator: ConditionalOperator | undefined,
): Condition | undefined {
  if (conditions === undefined) return combine([], operator);
  const terms = Array.from(conditions, ([name, condition]) => {
    const values = (condition.AttributeValueList ?? []).map((value) => accept(value));
    checkValues(condition.ComparisonOperator, values);
    return translate(condition.ComparisonOperator, [name], values);
  });
  return combine(terms, operator);
}

/** Expected. Throws ValidationException. */
export function conditionOf(
  expected: ExpectedMap | undefined,
  operator: ConditionalOperator | undefined,
): Condition | undefined {
  if (expected === undefined) return combine([], operator);
  const terms = Array.from(expected, ([name, one]) => expectation(name, one));
  return combine(terms, operator);
}

type Expectation = ExpectedMap extends ReadonlyMap<string, infer E> ? E : never;

function expectation(name: string, expected: Expectation): Condition {
  const { ComparisonOperator: operator, AttributeValueList: list, Exists, Value } = expected;
  if (list !== undefined && Value !== undefined) {
    throw invalid(`Value and AttributeValueList cannot be used together for Attribute: ${name}`);
  }
  if (operator === undefined) {
    if (list !== undefined) {
      throw invalid(
        `AttributeValueList can only be used with a ComparisonOperator for Attribute: ${name}`,
      );
    }
    return existence(name, Exists, Value && accept(Value));
  }
  if (Exists !== undefined) {
    throw invalid(`Exists and ComparisonOperator cannot be used together for Attribute: ${name}`);
  }
  const given = list ?? (Value === undefined ? undefined : [Value]);
  if (given === undefined && operator !== 'NULL' && operator !== 'NOT_NULL') {
    throw invalid(
      `Value or AttributeValueList must be used with ComparisonOperator: ${operator} for Attribute: ${name}`,
    );
  }
  const values = (given ?? []).map((value) => accept(value));
  checkValues(operator, values);
  return translate(operator, [name], values);
}

function existence(
  name: string,
  exists: boolean | undefined,
  value: AttributeValue | undefined,
): Condition {
  if (exists === false) {
    if (value === undefined) return { kind: 'attribute_not_exists', path: [name] };
    throw invalid(`Value cannot be used when Exists is false for Attribute: ${name}`);
  }
  if (value !== undefined) return translate('EQ', [name], [value]);
  throw invalid(`Value must be provided when Exists is ${exists ?? 'null'} for Attribute: ${name}`);
}

/** KeyConditions. Throws ValidationException. */
export function keyConditionsOf(conditions: ConditionMap): KeyConditions {
  return new Map(
    Array.from(conditions, ([name, condition]) => {
      const values = (condition.AttributeValueList ?? []).map((value) => accept(value));
      checkValues(condition.ComparisonOperator, values);
      const operator = KEY_OPERATORS.get(condition.ComparisonOperator);
      const [first, ...others] = values;
      if (operator === undefined || first === undefined) {
        throw validationError('Attempted conditional constraint is not an indexable operation');
      }
      return [name, { operator, values: [first, ...others] }];
    }),
  );
}

const KEY_OPERATORS: ReadonlyMap<ComparisonOperator, KeyCondition['operator']> = new Map([
  ['EQ', '='],
  ['LT', '<'],
  ['LE', '<='],
  ['GT', '>'],
  ['GE', '>='],
  ['BETWEEN', 'between'],
  ['BEGINS_WITH', 'begins_with'],
]);

function checkValues(operator: ComparisonOperator, values: readonly AttributeValue[]): void {
  const { count, types } = RULES[operator];
  if (values.length < count[0] || values.length > count[1]) {
    throw invalid(`Invalid number of argument(s) for the ${operator} ComparisonOperator`);
  }
  const [first, second] = values;
  if (first === undefined) return;
  if (values.some(({ type }) => type !== first.type)) {
    throw invalid('AttributeValues inside AttributeValueList must be of same type');
  }
  if (types !== undefined && !types.includes(first.type)) {
    throw invalid(
      `ComparisonOperator ${operator} is not valid for ${first.type} AttributeValue type`,
    );
  }
  if (operator === 'BETWEEN' && second !== undefined && (compareValues(first, second) ?? 0) > 0) {
    throw validationError(
      'The BETWEEN condition was provided a range where the lower bound is greater than the upper bound',
    );
  }
}

function translate(
  operator: ComparisonOperator,
  path: Path,
  values: readonly AttributeValue[],
): Condition {
  const left = { kind: 'path', path } as const;
  const [first = NOTHING, second = NOTHING] = values.map(
    (value) => ({ kind: 'value', value }) as const,
  );
  switch (operator) {
    case 'EQ':
      return { kind: 'compare', comparator: '=', left, right: first };
    case 'NE':
      return { kind: 'compare', comparator: '<>', left, right: first };
    case 'LT':
      return { kind: 'compare', comparator: '<', left, right: first };
    case 'LE':
      return { kind: 'compare', comparator: '<=', left, right: first };
    case 'GT':
      return { kind: 'compare', comparator: '>', left, right: first };
    case 'GE':
      return { kind: 'compare', comparator: '>=', left, right: first };
    case 'BETWEEN':
      return { kind: 'between', operand: left, low: first, high: second };
    case 'IN':
      return {
        kind: 'in',
        operand: left,
        candidates: values.map((value) => ({ kind: 'value', value })),
      };
    case 'BEGINS_WITH':
      return { kind: 'begins_with', operand: left, prefix: first };
    case 'CONTAINS':
      return { kind: 'contains', operand: left, member: first };
    case 'NOT_CONTAINS':
      return { kind: 'not', term: { kind: 'contains', operand: left, member: first } };
    case 'NULL':
      return { kind: 'attribute_not_exists', path };
    case 'NOT_NULL':
      return { kind: 'attribute_exists', path };
  }
}

const NOTHING = { kind: 'value', value: { type: 'NULL' } } as const;

function combine(
  terms: readonly Condition[],
  operator: ConditionalOperator | undefined,
): Condition | undefined {
  if (operator !== undefined && terms.length < 2) {
    throw validationError(
      terms.length === 0
        ? 'ConditionalOperator cannot be used without Filter or Expected'
        : 'ConditionalOperator can only be used when Filter or Expected has two or more elements',
    );
  }
  if (terms.length < 2) return terms[0];
  return { kind: operator === 'OR' ? 'or' : 'and', terms };
}

function invalid(problem: string): Error {
  return validationError(INVALID + problem);
}
