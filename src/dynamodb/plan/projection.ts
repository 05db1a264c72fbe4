import type { Projection } from '../../item/index.ts';
import type { Placeholders } from '../expression/placeholders.ts';
import { parseProjection } from '../expression/projection.ts';
import { projectionOf } from '../legacy/updates.ts';

interface ProjectionParameters {
  readonly ProjectionExpression: string | undefined;
  readonly AttributesToGet: readonly string[] | undefined;
}

export interface PlannedProjection {
  readonly projection: Projection | undefined;
  readonly nestedHeads: ReadonlySet<string>;
}

const NO_HEADS: ReadonlySet<string> = new Set();
const WHOLE_ITEM: PlannedProjection = { projection: undefined, nestedHeads: NO_HEADS };

/** What a read returns, from whichever parameter says it. Throws ValidationException. */
export function planProjection(
  input: ProjectionParameters,
  placeholders: Placeholders,
): PlannedProjection {
  const { ProjectionExpression: expression, AttributesToGet: names } = input;
  if (expression !== undefined) return parseProjection(expression, placeholders);
  return names ? { projection: projectionOf(names), nestedHeads: NO_HEADS } : WHOLE_ITEM;
}
