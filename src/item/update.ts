import { MAX_VALUE_LEVELS } from './compare.ts';
import type { Path, SetValue, Update, UpdateAction } from './expression.ts';
import { addNumbers, subtractNumbers } from './number.ts';
import type { KeyAttributes } from './operation.ts';
import { makePathTree, type PathTree, positions, valueAt } from './path.ts';
import { project } from './project.ts';
import { differenceOfSets, isSet, unionOfSets } from './sets.ts';
import { fitsItemLimit, MAX_ITEM_BYTES } from './size.ts';
import type { AttributeMap, AttributeValue, Item } from './value.ts';

export type UpdateResult =
  /** `item` is undefined when there was none and the update only takes away: then none is made. */
  | { readonly ok: true; readonly item: Item | undefined }
  | { readonly ok: false; readonly message: string };

/**
 * The item after an update; `item` itself stays as it is. Every action reads the item as it was before, and positions in
 * lists are those of before too: elements that REMOVE takes away leave at the end, elements that SET puts past the end are
 * appended in the order of their positions.
 */
export function applyUpdate(
  update: Update,
  item: Item | undefined,
  key: KeyAttributes,
): UpdateResult {
  if (!item && update.length > 0 && update.every(onlyTakesAway))
    return { ok: true, item: undefined };
  const changes: [Path, Change][] = [];
  for (const action of update) {
    // Where there is no item there is no path to remove, valid or not, and DynamoDB says nothing.
    if (!item && action.kind === 'remove') continue;
    const change = changeOf(action, item ?? NOTHING);
    if (typeof change === 'string') return { ok: false, message: change };
    if (change) changes.push([action.path, change]);
  }
  const attributes = changeMap(makePathTree(changes), item ?? key, 1);
  if (typeof attributes === 'string') return { ok: false, message: attributes };
  if (!fitsItemLimit(attributes)) return { ok: false, message: TOO_LARGE };
  return { ok: true, item: attributes };
}

/**
 * What UPDATED_OLD and UPDATED_NEW return: the paths of the update in the item of before or after, by the positions that
 * the update names. Undefined when nothing is there.
 */
export function touched(
  update: Update,
  before: Item | undefined,
  after: Item | undefined,
  which: 'UPDATED_OLD' | 'UPDATED_NEW',
): Item | undefined {
  const item = which === 'UPDATED_OLD' ? before : after;
  if (!item) return undefined;
  const attributes = project(
    update.map((action) => action.path),
    item,
  );
  return attributes.size > 0 ? attributes : undefined;
}

const NOTHING: Item = new Map();

const WRONG_TYPE = 'An operand in the update expression has an incorrect data type';
const MISSING_ATTRIBUTE =
  'The provided expression refers to an attribute that does not exist in the item';
const INVALID_PATH = 'The document path provided in the update expression is invalid for update';
const TOO_LARGE = 'Item size to update has exceeded the maximum allowed size';
const TOO_DEEP = 'Nesting Levels have exceeded supported limits';

/** In this file a string as a result is the message of a ValidationException: the item makes the update impossible. */
type Message = string;

/** What happens at the end of a path. */
type Change =
  | { readonly kind: 'put'; readonly value: AttributeValue }
  | { readonly kind: 'remove' };

const REMOVE: Change = { kind: 'remove' };

function onlyTakesAway(action: UpdateAction): boolean {
  return action.kind === 'remove' || action.kind === 'delete';
}

function changeOf(action: UpdateAction, before: Item): Change | Message | undefined {
  switch (action.kind) {
    case 'set':
      return put(setValue(action.value, before));
    case 'remove':
      return REMOVE;
    case 'add':
      return put(sumOrUnion(valueAt(before, action.path), action.value));
    case 'delete':
      return deletion(valueAt(before, action.path), action.value);
  }
}

function put(value: AttributeValue | Message): Change | Message {
  return typeof value === 'string' ? value : { kind: 'put', value };
}

function setValue(expression: SetValue, before: Item): AttributeValue | Message {
  switch (expression.kind) {
    case 'value':
      return expression.value;
    case 'path':
      return valueAt(before, expression.path) ?? MISSING_ATTRIBUTE;
    case 'size':
      return WRONG_TYPE;
    case 'if_not_exists':
      return valueAt(before, expression.path) ?? setValue(expression.otherwise, before);
    case 'list_append': {
      const first = setValue(expression.first, before);
      if (typeof first === 'string') return first;
      const second = setValue(expression.second, before);
      if (typeof second === 'string') return second;
      if (first.type !== 'L' || second.type !== 'L') return WRONG_TYPE;
      // Nested appends could double a list at every level: stop at what no item can hold.
      if (first.value.length + second.value.length > MAX_ITEM_BYTES) return TOO_LARGE;
      return { type: 'L', value: [...first.value, ...second.value] };
    }
    case 'plus':
    case 'minus': {
      const left = setValue(expression.left, before);
      if (typeof left === 'string') return left;
      const right = setValue(expression.right, before);
      if (typeof right === 'string') return right;
      return arithmetic(expression.kind, left, right);
    }
  }
}

function arithmetic(
  kind: 'plus' | 'minus',
  left: AttributeValue,
  right: AttributeValue,
): AttributeValue | Message {
  if (left.type !== 'N' || right.type !== 'N') return WRONG_TYPE;
  const combine = kind === 'plus' ? addNumbers : subtractNumbers;
  const result = combine(left.value, right.value);
  return result.ok ? { type: 'N', value: result.canonical } : result.message;
}

function sumOrUnion(
  current: AttributeValue | undefined,
  operand: AttributeValue,
): AttributeValue | Message {
  if (operand.type !== 'N' && !isSet(operand)) return WRONG_TYPE;
  if (!current) return operand;
  if (operand.type === 'N') return arithmetic('plus', current, operand);
  return (isSet(current) && unionOfSets(current, operand)) || WRONG_TYPE;
}

function deletion(
  current: AttributeValue | undefined,
  operand: AttributeValue,
): Change | Message | undefined {
  if (!isSet(operand)) return WRONG_TYPE;
  if (!current) return undefined;
  const left = isSet(current) ? differenceOfSets(current, operand) : undefined;
  if (!left) return WRONG_TYPE;
  return left === 'empty' ? REMOVE : { kind: 'put', value: left };
}

// The three below go as deep as the item does, which is MAX_VALUE_LEVELS: where the item ends, so does the path.

type Changes = PathTree<Change>;

function changeValue(
  changes: Changes,
  value: AttributeValue | undefined,
  level: number,
): AttributeValue | Message {
  if (changes.leaf?.kind === 'put') {
    const { value: replacement } = changes.leaf;
    return levelsFit(replacement, level) ? replacement : TOO_DEEP;
  }
  if (value?.type === 'M') {
    const changed = changeMap(changes, value.value, level + 1);
    return typeof changed === 'string' ? changed : { type: 'M', value: changed };
  }
  if (value?.type === 'L') {
    const changed = changeList(changes, value.value, level + 1);
    return typeof changed === 'string' ? changed : { type: 'L', value: changed };
  }
  return INVALID_PATH;
}

function changeMap(changes: Changes, map: AttributeMap, level: number): AttributeMap | Message {
  const changed = new Map(map);
  for (const [name, branch] of changes.branches) {
    if (typeof name !== 'string') return INVALID_PATH;
    if (branch.leaf?.kind === 'remove') {
      changed.delete(name);
      continue;
    }
    const value = changeValue(branch, map.get(name), level);
    if (typeof value === 'string') return value;
    changed.set(name, value);
  }
  return changed;
}

function changeList(
  changes: Changes,
  list: readonly AttributeValue[],
  level: number,
): readonly AttributeValue[] | Message {
  const ascending = positions(changes);
  if (ascending.length < changes.branches.size) return INVALID_PATH;
  const changed = [...list];
  const removed = new Set<number>();
  for (const [position, branch] of ascending) {
    if (branch.leaf?.kind === 'remove') {
      if (position < list.length) removed.add(position);
      continue;
    }
    const value = changeValue(branch, list[position], level);
    if (typeof value === 'string') return value;
    if (position < list.length) changed[position] = value;
    else changed.push(value);
  }
  return removed.size > 0 ? changed.filter((_, position) => !removed.has(position)) : changed;
}

/** Whether a value may stand at this level, counted from 1. */
function levelsFit(value: AttributeValue, level: number): boolean {
  if (level > MAX_VALUE_LEVELS) return false;
  if (value.type === 'L') return value.value.every((element) => levelsFit(element, level + 1));
  if (value.type !== 'M') return true;
  for (const element of value.value.values()) if (!levelsFit(element, level + 1)) return false;
  return true;
}
