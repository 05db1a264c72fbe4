/**
 * The ten attribute types of DynamoDB. Numbers are their canonical decimal text (see number.ts), so that equal numbers
 * are equal strings. Sets hold at least one member, no member twice, in a fixed order: strings and binaries by bytes,
 * numbers by value, so that equal sets have equal forms.
 */
export type AttributeValue =
  | { readonly type: 'S'; readonly value: string }
  | { readonly type: 'N'; readonly value: string }
  | { readonly type: 'B'; readonly value: Uint8Array }
  | { readonly type: 'BOOL'; readonly value: boolean }
  | { readonly type: 'NULL' }
  | { readonly type: 'SS'; readonly value: readonly string[] }
  | { readonly type: 'NS'; readonly value: readonly string[] }
  | { readonly type: 'BS'; readonly value: readonly Uint8Array[] }
  | { readonly type: 'L'; readonly value: readonly AttributeValue[] }
  | { readonly type: 'M'; readonly value: AttributeMap };

export type AttributeType = AttributeValue['type'];

/** A Map, never an object: `__proto__` and `constructor` are ordinary attribute names. Keeps the writer's order. */
export type AttributeMap = ReadonlyMap<string, AttributeValue>;

export type Item = AttributeMap;

/** The types that a table's or an index's key attribute may have. */
export type KeyType = 'S' | 'N' | 'B';
