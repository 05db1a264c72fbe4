import type { Projection } from './expression.ts';
import { makePathTree, type PathTree, positions } from './path.ts';
import type { AttributeMap, AttributeValue, Item } from './value.ts';

/**
 * The parts of an item at the given paths, each in its hierarchy: paths into one map or list give one map or list, list
 * elements come packed in ascending order, and a path that leads nowhere leaves nothing behind.
 */
export function project(projection: Projection, item: Item): Item {
  return pickFromMap(makePathTree(projection.map((path) => [path, true])), item);
}

type Picked = PathTree<true>;

function pick(tree: Picked, value: AttributeValue): AttributeValue | undefined {
  if (tree.leaf) return value;
  if (value.type === 'M') {
    const picked = pickFromMap(tree, value.value);
    return picked.size > 0 ? { type: 'M', value: picked } : undefined;
  }
  if (value.type === 'L') {
    const picked = pickFromList(tree, value.value);
    return picked.length > 0 ? { type: 'L', value: picked } : undefined;
  }
  return undefined;
}

function pickFromMap(tree: Picked, map: AttributeMap): AttributeMap {
  const picked = new Map<string, AttributeValue>();
  for (const [step, branch] of tree.branches) {
    if (typeof step !== 'string') continue;
    const value = map.get(step);
    const part = value && pick(branch, value);
    if (part) picked.set(step, part);
  }
  return picked;
}

function pickFromList(tree: Picked, list: readonly AttributeValue[]): readonly AttributeValue[] {
  const picked: AttributeValue[] = [];
  for (const [position, branch] of positions(tree)) {
    const value = list[position];
    const part = value && pick(branch, value);
    if (part) picked.push(part);
  }
  return picked;
}
