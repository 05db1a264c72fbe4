import type { Path } from './expression.ts';
import type { AttributeValue, Item } from './value.ts';

/** What stands at a document path, or undefined. Names lead into maps and positions into lists, and nothing else does. */
export function valueAt(item: Item, path: Path): AttributeValue | undefined {
  let value = item.get(path[0]);
  for (let i = 1; value && i < path.length; i++) value = child(value, path[i] as string | number);
  return value;
}

function child(value: AttributeValue, step: string | number): AttributeValue | undefined {
  if (typeof step === 'string') return value.type === 'M' ? value.value.get(step) : undefined;
  return value.type === 'L' ? value.value[step] : undefined;
}

/**
 * Paths that do not overlap, as a tree: `leaf` at the end of each path, branches elsewhere. Whoever follows it through a
 * value stops where the value ends, so the walk is as deep as the value at most.
 */
export interface PathTree<T> {
  leaf: T | undefined;
  readonly branches: Map<string | number, PathTree<T>>;
}

export function makePathTree<T>(leaves: Iterable<readonly [path: Path, leaf: T]>): PathTree<T> {
  const root: PathTree<T> = { leaf: undefined, branches: new Map() };
  for (const [path, leaf] of leaves) {
    let node = root;
    for (const step of path) {
      let next = node.branches.get(step);
      if (!next) {
        next = { leaf: undefined, branches: new Map() };
        node.branches.set(step, next);
      }
      node = next;
    }
    node.leaf = leaf;
  }
  return root;
}

/** The branches into a list, in ascending order of the positions. */
export function positions<T>(tree: PathTree<T>): [position: number, branch: PathTree<T>][] {
  const found: [number, PathTree<T>][] = [];
  for (const [step, branch] of tree.branches)
    if (typeof step === 'number') found.push([step, branch]);
  return found.sort((a, b) => a[0] - b[0]);
}
