import type { Path } from '../../item/index.ts';
import { type ExpressionReader, showPath } from './reader.ts';

interface Branch {
  /** The first path that came through or ended here. */
  readonly first: Path;
  ends: boolean;
  readonly children: Map<string | number, Branch>;
}

/**
 * The paths that one expression writes or returns, of which no two may overlap (one is the other's beginning) or conflict (one
 * sees a map where the other sees a list). Work is linear in the paths' length, however many there are.
 */
export class PathTree {
  readonly #root: Branch;
  readonly #reader: ExpressionReader;

  constructor(reader: ExpressionReader) {
    this.#reader = reader;
    this.#root = { first: [''], ends: false, children: new Map() };
  }

  /** Notes an issue when the path overlaps or conflicts with an earlier one. */
  add(path: Path): void {
    const clash = this.#insert(path);
    if (clash === undefined || !this.#reader.wants(clash.issue)) return;
    this.#reader.note(
      clash.issue,
      `Two document paths ${clash.issue} with each other; must remove or rewrite one of these paths; ` +
        `path one: ${showPath(clash.other)}, path two: ${showPath(path)}`,
    );
  }

  #insert(path: Path): Clash | undefined {
    let branch = this.#root;
    for (const part of path) {
      if (branch.ends) return { issue: 'overlap', other: branch.first };
      const [sibling] = branch.children;
      if (sibling !== undefined && typeof sibling[0] !== typeof part) {
        return { issue: 'conflict', other: sibling[1].first };
      }
      let next = branch.children.get(part);
      if (next === undefined) {
        next = { first: path, ends: false, children: new Map() };
        branch.children.set(part, next);
      }
      branch = next;
    }
    if (branch.first !== path) return { issue: 'overlap', other: branch.first };
    branch.ends = true;
    return undefined;
  }
}

interface Clash {
  readonly issue: 'overlap' | 'conflict';
  readonly other: Path;
}
