import type { Path, Projection } from '../../item/index.ts';
import { PathTree } from './path-tree.ts';
import type { Placeholders } from './placeholders.ts';
import { ExpressionReader } from './reader.ts';

export interface ParsedProjection {
  readonly projection: Projection;
  readonly nestedHeads: ReadonlySet<string>;
}

/** Throws ValidationException. */
export function parseProjection(source: string, placeholders: Placeholders): ParsedProjection {
  const reader = new ExpressionReader('ProjectionExpression', source, placeholders);
  const tree = new PathTree(reader);
  const projection: Path[] = [];
  do {
    const path = reader.path();
    tree.add(path);
    projection.push(path);
  } while (reader.acceptSymbol(','));
  reader.finish();
  return { projection, nestedHeads: reader.nestedHeads };
}
