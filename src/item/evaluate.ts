import { equalBytes, startsWith } from '../bytes/index.ts';
import { compareValues, equalValues } from './compare.ts';
import type { Comparator, Condition, Operand, Path } from './expression.ts';
import { valueAt } from './path.ts';
import { includesBytes, includesText } from './search.ts';
import type { AttributeValue, Item } from './value.ts';

/**
 * Whether an item meets a condition; an item that is not there is one without attributes. Never fails: an operand that is
 * missing or of a type without the operation makes its comparison false, except that `<>` is true of what is missing.
 *
 * Conditions nest at most {@link MAX_EXPRESSION_LEVELS} deep, which their parser and their decoder see to.
 */
export function evaluateCondition(condition: Condition, item: Item | undefined): boolean {
  return meets(condition, item ?? NOTHING);
}

/**
 * Levels of nesting that a condition or a value of SET may have. DynamoDB allows 300 operators in an expression; this is
 * above what they can nest, and far below what would exhaust the stack.
 */
export const MAX_EXPRESSION_LEVELS = 512;

const NOTHING: Item = new Map();

function meets(condition: Condition, item: Item): boolean {
  switch (condition.kind) {
    case 'compare': {
      const { comparator, left, right } = condition;
      return compare(comparator, left, right, item);
    }
    case 'between': {
      const value = operandValue(condition.operand, item);
      const low = operandValue(condition.low, item);
      const high = operandValue(condition.high, item);
      return value !== undefined && low !== undefined && high !== undefined
        ? ordered('<=', low, value) && ordered('<=', value, high)
        : false;
    }
    case 'in': {
      const value = operandValue(condition.operand, item);
      if (!value) return false;
      return condition.candidates.some((candidate) => {
        const other = operandValue(candidate, item);
        return other !== undefined && equalValues(value, other);
      });
    }
    case 'attribute_exists':
      return valueAt(item, condition.path) !== undefined;
    case 'attribute_not_exists':
      return valueAt(item, condition.path) === undefined;
    case 'attribute_type':
      return valueAt(item, condition.path)?.type === condition.type;
    case 'begins_with': {
      const value = operandValue(condition.operand, item);
      const prefix = operandValue(condition.prefix, item);
      return value !== undefined && prefix !== undefined && beginsWith(value, prefix);
    }
    case 'contains': {
      const value = operandValue(condition.operand, item);
      const member = operandValue(condition.member, item);
      return value !== undefined && member !== undefined && contains(value, member);
    }
    case 'and':
      return condition.terms.every((term) => meets(term, item));
    case 'or':
      return condition.terms.some((term) => meets(term, item));
    case 'not':
      return !meets(condition.term, item);
  }
}

function operandValue(operand: Operand, item: Item): AttributeValue | undefined {
  switch (operand.kind) {
    case 'value':
      return operand.value;
    case 'path':
      return valueAt(item, operand.path);
    case 'size':
      return sizeAt(item, operand.path);
  }
}

function compare(comparator: Comparator, left: Operand, right: Operand, item: Item): boolean {
  const a = operandValue(left, item);
  const b = operandValue(right, item);
  if (a && b) {
    if (comparator === '=') return equalValues(a, b);
    if (comparator === '<>') return !equalValues(a, b);
    return ordered(comparator, a, b);
  }
  if (comparator !== '<>') return false;
  // A missing attribute differs from everything, another missing one included; a size that does not exist from nothing.
  return (a !== undefined || left.kind !== 'size') && (b !== undefined || right.kind !== 'size');
}

function ordered(comparator: Comparator, a: AttributeValue, b: AttributeValue): boolean {
  const order = compareValues(a, b);
  if (order === undefined) return false;
  switch (comparator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '=':
      return order === 0;
    case '<>':
      return order !== 0;
  }
}

/** What `size(path)` gives: the length of a string, the bytes of a binary, the members of anything that has members. */
function sizeAt(item: Item, path: Path): AttributeValue | undefined {
  const value = valueAt(item, path);
  if (!value || value.type === 'N' || value.type === 'BOOL' || value.type === 'NULL') {
    return undefined;
  }
  return count(value.type === 'M' ? value.value.size : value.value.length);
}

function count(size: number): AttributeValue {
  return { type: 'N', value: String(size) };
}

function beginsWith(value: AttributeValue, prefix: AttributeValue): boolean {
  if (value.type === 'S') return prefix.type === 'S' && value.value.startsWith(prefix.value);
  if (value.type === 'B') return prefix.type === 'B' && startsWith(value.value, prefix.value);
  return false;
}

function contains(value: AttributeValue, member: AttributeValue): boolean {
  switch (value.type) {
    case 'S':
      return member.type === 'S' && includesText(value.value, member.value);
    case 'B':
      return member.type === 'B' && includesBytes(value.value, member.value);
    case 'SS':
      return member.type === 'S' && value.value.includes(member.value);
    case 'NS':
      return member.type === 'N' && value.value.includes(member.value);
    case 'BS':
      return member.type === 'B' && value.value.some((one) => equalBytes(one, member.value));
    case 'L':
      return value.value.some((element) => equalValues(element, member));
    default:
      return false;
  }
}
