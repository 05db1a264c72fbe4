import { Decimal } from 'decimal.js';
import {
  type AttributeType,
  type AttributeValue,
  attributeMapText,
  type Condition,
  type Item,
  type Operand,
  type Path,
} from '../../src/item/index.ts';

/**
 * A second evaluator, written from DynamoDB's documentation over plain JSON with no regard for speed: what it shares with
 * the real one is only the form of the trees.
 */
type Type = AttributeType | 'none';
type Json = { readonly [type in Type]?: unknown };

const Exact = Decimal.clone({ precision: 400 });

export function naivelyMeets(condition: Condition, item: Item): boolean {
  const attributes = JSON.parse(attributeMapText(item)) as Record<string, Json>;
  const get = (operand: Operand) => resolve(operand, attributes);
  switch (condition.kind) {
    case 'compare': {
      const left = get(condition.left);
      const right = get(condition.right);
      const direction = order(left, right);
      const outcomes = {
        '=': same(left, right),
        '<>':
          !same(left, right) &&
          (left !== undefined || condition.left.kind !== 'size') &&
          (right !== undefined || condition.right.kind !== 'size'),
        '<': direction === -1,
        '>': direction === 1,
        '<=': direction === -1 || direction === 0,
        '>=': direction === 1 || direction === 0,
      };
      return outcomes[condition.comparator];
    }
    case 'between': {
      const value = get(condition.operand);
      const low = order(get(condition.low), value);
      const high = order(value, get(condition.high));
      return low !== undefined && high !== undefined && low <= 0 && high <= 0;
    }
    case 'in':
      return condition.candidates.some((candidate) => same(get(condition.operand), get(candidate)));
    case 'attribute_exists':
      return follow(condition.path, attributes) !== undefined;
    case 'attribute_not_exists':
      return follow(condition.path, attributes) === undefined;
    case 'attribute_type':
      return Object.keys(follow(condition.path, attributes) ?? {})[0] === condition.type;
    case 'begins_with': {
      const whole = get(condition.operand);
      const prefix = get(condition.prefix);
      if (typeOf(whole) !== typeOf(prefix)) return false;
      const part = bytesOf(prefix);
      return part !== undefined && bytesOf(whole)?.indexOf(part) === 0;
    }
    case 'contains': {
      const whole = get(condition.operand);
      const member = get(condition.member);
      if (!whole || !member) return false;
      const type = typeOf(whole);
      const content = whole[type];
      if (type === 'S' || type === 'B') {
        const part = bytesOf(member);
        return typeOf(member) === type && !!part && (bytesOf(whole)?.includes(part) ?? false);
      }
      if (type === 'L') return (content as Json[]).some((element) => same(element, member));
      if (!['SS', 'NS', 'BS'].includes(type)) return false;
      return (content as string[]).some((one) => same({ [type.charAt(0)]: one }, member));
    }
    case 'and':
      return condition.terms.every((term) => naivelyMeets(term, item));
    case 'or':
      return !condition.terms.every((term) => !naivelyMeets(term, item));
    case 'not':
      return !naivelyMeets(condition.term, item);
  }
}

function resolve(operand: Operand, attributes: Record<string, Json>): Json | undefined {
  if (operand.kind === 'value') return json(operand.value);
  const found = follow(operand.path, attributes);
  if (operand.kind === 'path' || !found) return found;
  const type = typeOf(found);
  const content = found[type];
  if (type === 'S') return { N: String((content as string).length) };
  if (type === 'B') return { N: String(Buffer.from(content as string, 'base64').length) };
  if (typeof content !== 'object' || content === null) return undefined;
  return { N: String(Object.keys(content).length) };
}

function follow(path: Path, attributes: Record<string, Json>): Json | undefined {
  let container: unknown = attributes;
  let found: Json | undefined;
  for (const step of path) {
    if (typeof container !== 'object' || container === null) return undefined;
    if (Array.isArray(container) !== (typeof step === 'number')) return undefined;
    if (!Object.hasOwn(container, step)) return undefined;
    found = (container as Record<string | number, Json>)[step];
    container = found?.M ?? found?.L;
  }
  return found;
}

function json(value: AttributeValue): Json {
  return (JSON.parse(attributeMapText(new Map([['v', value]]))) as { v: Json }).v;
}

function typeOf(value: Json | undefined): Type {
  return (Object.keys(value ?? {}) as AttributeType[])[0] ?? 'none';
}

function bytesOf(value: Json | undefined): Buffer | undefined {
  const type = typeOf(value);
  if (type === 'S') return Buffer.from(value?.S as string);
  return type === 'B' ? Buffer.from(value?.B as string, 'base64') : undefined;
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  if (!a || !b || typeOf(a) !== typeOf(b)) return false;
  const type = typeOf(a);
  if (type === 'N') return new Exact(a.N as string).equals(b.N as string);
  if (type === 'L') {
    const [left, right] = [a.L as Json[], b.L as Json[]];
    return left.length === right.length && left.every((element, i) => same(element, right[i]));
  }
  if (type === 'M') {
    const [left, right] = [a.M as Record<string, Json>, b.M as Record<string, Json>];
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => Object.hasOwn(right, name) && same(left[name], right[name]))
    );
  }
  if (['SS', 'NS', 'BS'].includes(type)) {
    const [left, right] = [new Set(a[type] as string[]), new Set(b[type] as string[])];
    return left.size === right.size && [...left].every((member) => right.has(member));
  }
  return a[type] === b[type];
}

function order(a: Json | undefined, b: Json | undefined): number | undefined {
  if (!a || !b || typeOf(a) !== typeOf(b)) return undefined;
  if (typeOf(a) === 'N') return new Exact(a.N as string).comparedTo(b.N as string);
  const [left, right] = [bytesOf(a), bytesOf(b)];
  return left && right ? Buffer.compare(left, right) : undefined;
}
