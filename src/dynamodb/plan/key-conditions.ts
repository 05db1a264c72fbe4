import type { Table } from '../../controller/index.ts';
import {
  type AttributeValue,
  type Condition,
  type ItemKey,
  makeItemKey,
  type Operand,
  partitionPrefix,
  successor,
} from '../../item/index.ts';
import { validationError } from '../errors.ts';
import { encodePartition, encodeSort } from './key.ts';

/** What a Query asks of one key attribute. */
export interface KeyCondition {
  readonly operator: '=' | '<' | '<=' | '>' | '>=' | 'between' | 'begins_with';
  /** Two for `between`, else one. */
  readonly values: readonly [AttributeValue, ...AttributeValue[]];
}

/** By the attribute's name. */
export type KeyConditions = ReadonlyMap<string, KeyCondition>;

/** Takes a parsed KeyConditionExpression apart: an AND of simple conditions, one for each attribute. */
export function keyConditionsOf(condition: Condition): KeyConditions {
  const conditions = new Map<string, KeyCondition>();
  const pending: Condition[] = [condition];
  for (let term = pending.shift(); term !== undefined; term = pending.shift()) {
    if (term.kind === 'and') {
      pending.unshift(...term.terms);
      continue;
    }
    const [name, keyCondition] = simpleCondition(term);
    if (conditions.has(name)) {
      throw validationError('KeyConditionExpressions must only contain one condition per key');
    }
    conditions.set(name, keyCondition);
  }
  return conditions;
}

function simpleCondition(condition: Condition): [string, KeyCondition] {
  switch (condition.kind) {
    case 'compare': {
      const { comparator, left, right } = condition;
      if (comparator === '<>') throw invalidOperator('<>');
      if (left.kind === 'size' || right.kind === 'size') throw nestedOperation();
      if (left.kind === 'path' && right.kind === 'path') {
        throw invalidCondition('Multiple attribute names used in one condition');
      }
      if (left.kind === 'path') {
        return [keyName(left), { operator: comparator, values: [constant(right)] }];
      }
      return [keyName(right), { operator: REVERSED[comparator], values: [constant(left)] }];
    }
    case 'between': {
      const { operand, low, high } = condition;
      if (operand.kind !== 'path') throw mustBeFirst('BETWEEN');
      return [keyName(operand), { operator: 'between', values: [constant(low), constant(high)] }];
    }
    case 'begins_with': {
      const { operand, prefix } = condition;
      if (operand.kind !== 'path') throw mustBeFirst('begins_with');
      return [keyName(operand), { operator: 'begins_with', values: [constant(prefix)] }];
    }
    case 'or':
    case 'not':
    case 'in':
      throw invalidOperator(condition.kind.toUpperCase());
    default:
      throw invalidOperator(condition.kind);
  }
}

const REVERSED = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;

function keyName(operand: Operand): string {
  if (operand.kind === 'size') throw nestedOperation();
  if (operand.kind !== 'path') throw invalidCondition('No key attribute specified');
  if (operand.path.length > 1) {
    throw validationError('KeyConditionExpressions cannot have conditions on nested attributes');
  }
  return operand.path[0];
}

function constant(operand: Operand): AttributeValue {
  if (operand.kind === 'size') throw nestedOperation();
  if (operand.kind === 'value') return operand.value;
  throw invalidCondition('Multiple attribute names used in one condition');
}

function nestedOperation(): Error {
  return validationError('KeyConditionExpressions cannot contain nested operations');
}

function invalidOperator(operator: string): Error {
  return validationError(`Invalid operator used in KeyConditionExpression: ${operator}`);
}

function invalidCondition(problem: string): Error {
  return validationError(`Invalid condition in KeyConditionExpression: ${problem}`);
}

function mustBeFirst(operator: string): Error {
  return invalidCondition(`${operator} operator must have the key attribute as its first operand`);
}

export interface KeyRange {
  /** Storage keys: inclusive, exclusive. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export interface QueryRange extends KeyRange {
  readonly partition: ItemKey;
}

/** Where the items of a Query stand. Throws ValidationException when the conditions do not fit the table's key. */
export function queryRange(table: Table, conditions: KeyConditions): QueryRange {
  const { partitionKey, sortKey } = table.spec;
  if (conditions.size > (sortKey ? 2 : 1)) throw notSupported(conditions);
  const onPartition = conditions.get(partitionKey.name);
  if (onPartition === undefined) throw missed(partitionKey.name);
  const onSort = sortKey && conditions.get(sortKey.name);
  if (sortKey && onSort === undefined && conditions.size === 2) throw missed(sortKey.name);

  requireType(partitionKey.type, onPartition);
  if (onPartition.operator !== '=') throw validationError('Query key condition not supported');
  const partition = makeItemKey(encodePartition(partitionKey, onPartition.values[0]));
  const prefix = partitionPrefix(table.id, partition);
  if (sortKey === undefined || onSort === undefined) {
    return { partition, from: prefix, to: successor(prefix) };
  }
  requireType(sortKey.type, onSort);
  const bounds = onSort.values.map((value) => join(prefix, encodeSort(sortKey, value)));
  return { partition, ...sortRange(prefix, onSort.operator, bounds) };
}

function sortRange(
  prefix: Uint8Array,
  operator: KeyCondition['operator'],
  bounds: readonly Uint8Array[],
): KeyRange {
  const bound = bounds[0] as Uint8Array;
  const end = successor(prefix);
  switch (operator) {
    case '=':
      return { from: bound, to: justAfter(bound) };
    case '<':
      return { from: prefix, to: bound };
    case '<=':
      return { from: prefix, to: justAfter(bound) };
    case '>':
      return { from: justAfter(bound), to: end };
    case '>=':
      return { from: bound, to: end };
    case 'begins_with':
      return { from: bound, to: successor(bound) };
    case 'between':
      return { from: bound, to: justAfter(bounds[1] as Uint8Array) };
  }
}

/** The smallest key after this one. */
export function justAfter(key: Uint8Array): Uint8Array {
  return join(key, Uint8Array.of(0));
}

function join(start: Uint8Array, end: Uint8Array): Uint8Array {
  const joined = new Uint8Array(start.length + end.length);
  joined.set(start);
  joined.set(end, start.length);
  return joined;
}

function requireType(type: string, { values }: KeyCondition): void {
  if (values.every((value) => value.type === type)) return;
  throw validationError(
    'One or more parameter values were invalid: Condition parameter type does not match schema type',
  );
}

function missed(name: string): Error {
  return validationError(`Query condition missed key schema element: ${name}`);
}

function notSupported(conditions: KeyConditions): Error {
  return validationError(
    conditions.size > 2
      ? 'Conditions can be of length 1 or 2 only'
      : 'Query key condition not supported',
  );
}
