import type { AttributeType, AttributeValue } from './value.ts';

/**
 * Expressions as trees: parsed, validated and with every placeholder replaced once per request (dynamodb/expression),
 * sent in the command, evaluated by every replica when it applies it (evaluate.ts).
 */

/** A document path: an attribute's name, then map keys (strings) and list positions (numbers). Never empty. */
export type Path = readonly [string, ...(string | number)[]];

export type Operand =
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'value'; readonly value: AttributeValue }
  | { readonly kind: 'size'; readonly path: Path };

export type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>=';

export type Condition =
  | {
      readonly kind: 'compare';
      readonly comparator: Comparator;
      readonly left: Operand;
      readonly right: Operand;
    }
  | {
      readonly kind: 'between';
      readonly operand: Operand;
      readonly low: Operand;
      readonly high: Operand;
    }
  | { readonly kind: 'in'; readonly operand: Operand; readonly candidates: readonly Operand[] }
  | { readonly kind: 'attribute_exists'; readonly path: Path }
  | { readonly kind: 'attribute_not_exists'; readonly path: Path }
  | { readonly kind: 'attribute_type'; readonly path: Path; readonly type: AttributeType }
  | { readonly kind: 'begins_with'; readonly operand: Operand; readonly prefix: Operand }
  | { readonly kind: 'contains'; readonly operand: Operand; readonly member: Operand }
  | { readonly kind: 'and'; readonly terms: readonly Condition[] }
  | { readonly kind: 'or'; readonly terms: readonly Condition[] }
  | { readonly kind: 'not'; readonly term: Condition };

/** The right side of a SET action. */
export type SetValue =
  | Operand
  | { readonly kind: 'if_not_exists'; readonly path: Path; readonly otherwise: SetValue }
  | { readonly kind: 'list_append'; readonly first: SetValue; readonly second: SetValue }
  | { readonly kind: 'plus' | 'minus'; readonly left: SetValue; readonly right: SetValue };

export type UpdateAction =
  | { readonly kind: 'set'; readonly path: Path; readonly value: SetValue }
  | { readonly kind: 'remove'; readonly path: Path }
  | { readonly kind: 'add'; readonly path: Path; readonly value: AttributeValue }
  | { readonly kind: 'delete'; readonly path: Path; readonly value: AttributeValue };

/** The actions of one update: all read the item as it was before, and no two paths overlap. */
export type Update = readonly UpdateAction[];

/** What a read returns of each item; no two paths overlap. */
export type Projection = readonly Path[];
