/**
 * Items: attribute values, numbers, sizes, ordered keys, expression trees and their evaluation. Pure functions that know
 * nothing of where items are kept.
 *
 * In: the attribute values of a request after JSON.parse (`parseAttributeValue`, `parseAttributeMap`), which are checked
 * here once and trusted from there on; bytes that this room wrote itself (`decodeStoredItem`, the `read…` functions).
 * Out: canonical values (equal numbers and sets have equal forms), stored items, storage keys, operations and their
 * outcomes.
 *
 * What callers see to: conditions, updates and projections come parsed, with paths that do not overlap and nesting of at
 * most `MAX_EXPRESSION_LEVELS`; keys have the types and lengths that their table wants. What they may assume: nothing here
 * throws on any item or expression that meets this, nothing recurses deeper than those bounds, and evaluation depends on
 * its arguments alone, so that every replica comes to the same result.
 *
 * Errors: problems of the client are values with DynamoDB's message. Damaged bytes of our own throw: MalformedError from
 * the codec, Error elsewhere.
 */

export { decodeBase64, encodeBase64 } from './base64.ts';
export {
  readCondition,
  readProjection,
  readUpdate,
  writeCondition,
  writeProjection,
  writeUpdate,
} from './codec-expression.ts';
export {
  readPageOperation,
  readPageOutcome,
  readWriteOperation,
  readWriteOutcome,
  writePageOperation,
  writePageOutcome,
  writeWriteOperation,
  writeWriteOutcome,
} from './codec-operation.ts';
export { readAttributeMap, readValue, writeAttributeMap, writeValue } from './codec-value.ts';
export { compareValues, equalValues, MAX_VALUE_LEVELS } from './compare.ts';
export { evaluateCondition, MAX_EXPRESSION_LEVELS } from './evaluate.ts';
export type {
  Comparator,
  Condition,
  Operand,
  Path,
  Projection,
  SetValue,
  Update,
  UpdateAction,
} from './expression.ts';
export {
  compareHash,
  decodeKeyValue,
  encodeKeyValue,
  hashBound,
  hashFromHex,
  hashToHex,
  type ItemKey,
  makeItemKey,
  partitionPrefix,
  type StorageKeyParts,
  type StoragePlace,
  sortKeyIn,
  splitStorageKey,
  storageKey,
  storagePlace,
  successor,
  tableEnd,
} from './key.ts';
export {
  addNumbers,
  compareNumbers,
  type NumberResult,
  parseNumber,
  subtractNumbers,
} from './number.ts';
export type {
  DeleteOperation,
  KeyAttributes,
  PageOperation,
  PageOutcome,
  PutOperation,
  ReturnValues,
  StoredItem,
  UpdateOperation,
  WriteOperation,
  WriteOutcome,
} from './operation.ts';
export { decodeOrderedNumber, encodeOrderedNumber } from './ordered-number.ts';
export { PageCollector } from './page.ts';
export {
  type Parsed,
  parseAttributeMap,
  parseAttributeValue,
  type ValueProblem,
} from './parse-value.ts';
export { valueAt } from './path.ts';
export { project } from './project.ts';
export {
  fitsItemLimit,
  MAX_ATTRIBUTE_NAME_BYTES,
  MAX_ITEM_BYTES,
  MAX_KEY_NAME_BYTES,
  MAX_PARTITION_KEY_BYTES,
  MAX_SORT_KEY_BYTES,
  sizeOfItem,
  sizeOfValue,
} from './size.ts';
export {
  attributeMapText,
  decodeStoredItem,
  encodeAttributeMap,
  encodeStoredItem,
} from './stored-item.ts';
export { compareText, wellFormed } from './text.ts';
export { applyUpdate, touched, type UpdateResult } from './update.ts';
export type { AttributeMap, AttributeType, AttributeValue, Item, KeyType } from './value.ts';
export { runWrite, type WriteEffect, type WriteResult } from './write.ts';
