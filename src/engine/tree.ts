import { compareBytes, copyBytes } from '../bytes/index.ts';
import type { Cursor, Pair, Range } from './engine.ts';

const NO_VALUE = new Uint8Array(0);

/** Entries in a leaf, children of a branch. */
const FANOUT = 32;

interface Leaf {
  readonly kind: 'leaf';
  readonly owner: object;
  readonly keys: Uint8Array[];
  readonly values: Uint8Array[];
}

interface Branch {
  readonly kind: 'branch';
  readonly owner: object;
  /** `keys[i]` is at most every key under `children[i]` and, but for i = 0, above every key under `children[i - 1]`. */
  readonly keys: Uint8Array[];
  readonly children: Node[];
}

type Node = Leaf | Branch;

/**
 * A B+ tree whose versions share nodes (Driscoll et al., "Making data structures persistent", 1989): a version never
 * changes, and a writer copies a node once, when it changes it first. Nodes may become sparse by deletes and go when empty.
 */
export class Tree {
  static readonly EMPTY = new Tree({ kind: 'leaf', owner: {}, keys: [], values: [] });
  readonly #root: Node;

  private constructor(root: Node) {
    this.#root = root;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    let node = this.#root;
    while (node.kind === 'branch') node = node.children[childOf(node, key)] as Node;
    const at = lowerBound(node.keys, key);
    const found = node.keys[at];
    return found && compareBytes(found, key) === 0 ? node.values[at] : undefined;
  }

  /** The next version; the key and value must not change any more. */
  edit(change: (put: (key: Uint8Array, value: Uint8Array | undefined) => void) => void): Tree {
    const owner = {};
    let root = this.#root;
    change((key, value) => {
      root = value === undefined ? deleted(root, key, owner) : put(root, key, value, owner);
    });
    return new Tree(root);
  }

  range(range: Range): Cursor {
    return new TreeCursor(this.#root, range);
  }
}

/** Index of the first key that is not below `key`. */
function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(keys[middle] as Uint8Array, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the child that holds `key` if it is there. */
function childOf(branch: Branch, key: Uint8Array): number {
  const at = lowerBound(branch.keys, key);
  const separator = branch.keys[at];
  return separator && compareBytes(separator, key) === 0 ? at : Math.max(0, at - 1);
}

function owned<N extends Node>(node: N, owner: object): N {
  if (node.owner === owner) return node;
  const copy: Node =
    node.kind === 'leaf'
      ? { kind: 'leaf', owner, keys: node.keys.slice(), values: node.values.slice() }
      : { kind: 'branch', owner, keys: node.keys.slice(), children: node.children.slice() };
  return copy as N;
}

function put(root: Node, key: Uint8Array, value: Uint8Array, owner: object): Node {
  const node = putInto(root, key, value, owner);
  const right = splitOff(node, owner);
  if (!right) return node;
  const keys = [firstKey(node), firstKey(right)];
  return { kind: 'branch', owner, keys, children: [node, right] };
}

function putInto(shared: Node, key: Uint8Array, value: Uint8Array, owner: object): Node {
  const node = owned(shared, owner);
  if (node.kind === 'leaf') {
    const at = lowerBound(node.keys, key);
    const found = node.keys[at];
    if (found && compareBytes(found, key) === 0) {
      node.values[at] = value;
    } else {
      node.keys.splice(at, 0, key);
      node.values.splice(at, 0, value);
    }
    return node;
  }
  const at = childOf(node, key);
  const child = putInto(node.children[at] as Node, key, value, owner);
  node.children[at] = child;
  if (compareBytes(key, node.keys[at] as Uint8Array) < 0) node.keys[at] = key;
  const right = splitOff(child, owner);
  if (right) {
    node.keys.splice(at + 1, 0, firstKey(right));
    node.children.splice(at + 1, 0, right);
  }
  return node;
}

/** Takes the right half out of a node that is too large. */
function splitOff(node: Node, owner: object): Node | undefined {
  if (node.keys.length <= FANOUT) return undefined;
  const at = node.keys.length >>> 1;
  return node.kind === 'leaf'
    ? { kind: 'leaf', owner, keys: node.keys.splice(at), values: node.values.splice(at) }
    : { kind: 'branch', owner, keys: node.keys.splice(at), children: node.children.splice(at) };
}

function firstKey(node: Node): Uint8Array {
  return node.keys[0] as Uint8Array;
}

function deleted(root: Node, key: Uint8Array, owner: object): Node {
  let node = deleteFrom(root, key, owner);
  while (node.kind === 'branch' && node.children.length <= 1) {
    node = node.children[0] ?? { kind: 'leaf', owner, keys: [], values: [] };
  }
  return node;
}

function deleteFrom(shared: Node, key: Uint8Array, owner: object): Node {
  if (shared.kind === 'leaf') {
    const at = lowerBound(shared.keys, key);
    const found = shared.keys[at];
    if (!found || compareBytes(found, key) !== 0) return shared;
    const node = owned(shared, owner);
    node.keys.splice(at, 1);
    node.values.splice(at, 1);
    return node;
  }
  const at = childOf(shared, key);
  const before = shared.children[at] as Node;
  const child = deleteFrom(before, key, owner);
  if (child === before && child.keys.length > 0) return shared;
  const node = owned(shared, owner);
  if (child.keys.length === 0) {
    node.keys.splice(at, 1);
    node.children.splice(at, 1);
  } else {
    node.children[at] = child;
  }
  return node;
}

/** Walks the leaves of one version. `#path` holds the branches above the current leaf and which child was taken. */
class TreeCursor implements Cursor {
  readonly #range: Range;
  readonly #path: { readonly branch: Branch; at: number }[] = [];
  #leaf: Leaf | undefined;
  #at = 0;

  constructor(root: Node, range: Range) {
    this.#range = range;
    const bound = range.reverse ? range.to : range.from;
    let node = root;
    while (node.kind === 'branch') {
      const at = childOf(node, bound);
      this.#path.push({ branch: node, at });
      node = node.children[at] as Node;
    }
    this.#leaf = node;
    this.#at = lowerBound(node.keys, bound) - (range.reverse ? 1 : 0);
  }

  next(): Pair | undefined {
    const { from, to, reverse } = this.#range;
    while (this.#leaf && this.#leaf.keys[this.#at] === undefined) this.#turnPage();
    const leaf = this.#leaf;
    const key = leaf?.keys[this.#at];
    if (!leaf || !key) return undefined;
    if (reverse ? compareBytes(key, from) < 0 : compareBytes(key, to) >= 0) {
      this.close();
      return undefined;
    }
    const value = leaf.values[this.#at] as Uint8Array;
    this.#at += reverse ? -1 : 1;
    return { key: copyBytes(key), value: this.#range.keysOnly ? NO_VALUE : copyBytes(value) };
  }

  close(): void {
    this.#leaf = undefined;
    this.#path.length = 0;
  }

  #turnPage(): void {
    const step = this.#range.reverse ? -1 : 1;
    let node: Node | undefined;
    for (let top = this.#path.at(-1); top; top = this.#path.at(-1)) {
      top.at += step;
      node = top.branch.children[top.at];
      if (node) break;
      this.#path.pop();
    }
    while (node?.kind === 'branch') {
      const at = step > 0 ? 0 : node.children.length - 1;
      this.#path.push({ branch: node, at });
      node = node.children[at];
    }
    this.#leaf = node;
    this.#at = !node || step > 0 ? 0 : node.keys.length - 1;
  }
}
