import { equalBytes } from '../bytes/index.ts';
import { evaluateCondition } from './evaluate.ts';
import type { StoredItem, UpdateOperation, WriteOperation, WriteOutcome } from './operation.ts';
import { decodeStoredItem, encodeAttributeMap, encodeStoredItem } from './stored-item.ts';
import { applyUpdate, touched } from './update.ts';
import type { Item } from './value.ts';

/** What a write does to the stored item. */
export type WriteEffect =
  | { readonly kind: 'put'; readonly item: StoredItem }
  | { readonly kind: 'delete' };

export interface WriteResult {
  readonly outcome: WriteOutcome;
  /** Undefined when the store stays as it is: nothing was to be done, or the write was refused. */
  readonly effect: WriteEffect | undefined;
}

/**
 * Runs one write against the item as it is stored now. Pure: every replica that applies it gets the same result. The
 * current item is parsed only if a condition or an update looks into it.
 */
export function runWrite(operation: WriteOperation, current: StoredItem | undefined): WriteResult {
  const { condition } = operation;
  const needsItem = condition !== undefined || operation.kind === 'update';
  const before = needsItem && current ? decodeStoredItem(current.json) : undefined;
  if (condition && !evaluateCondition(condition, before)) {
    return {
      outcome: {
        kind: 'condition-failed',
        item: operation.returnItemOnConditionFailure ? current?.json : undefined,
        sizeBefore: current?.size ?? 0,
      },
      effect: undefined,
    };
  }
  switch (operation.kind) {
    case 'put':
      return written(oldItem(operation.returnValues, current), current, operation.item);
    case 'delete':
      return written(oldItem(operation.returnValues, current), current, undefined);
    case 'update':
      return runUpdate(operation, current, before);
  }
}

function runUpdate(
  operation: UpdateOperation,
  current: StoredItem | undefined,
  before: Item | undefined,
): WriteResult {
  const result = applyUpdate(operation.update, before, operation.key);
  if (!result.ok) {
    return { outcome: { kind: 'invalid', message: result.message }, effect: undefined };
  }
  const next = result.item && encodeStoredItem(result.item);
  return written(updateAttributes(operation, current, before, result.item, next), current, next);
}

function updateAttributes(
  { returnValues, update }: UpdateOperation,
  current: StoredItem | undefined,
  before: Item | undefined,
  after: Item | undefined,
  next: StoredItem | undefined,
): Uint8Array | undefined {
  switch (returnValues) {
    case 'NONE':
    case 'ALL_OLD':
      return oldItem(returnValues, current);
    case 'ALL_NEW':
      return next?.json;
    case 'UPDATED_OLD':
    case 'UPDATED_NEW': {
      const attributes = touched(update, before, after, returnValues);
      return attributes && encodeAttributeMap(attributes);
    }
  }
}

function oldItem(
  returnValues: 'NONE' | 'ALL_OLD',
  current: StoredItem | undefined,
): Uint8Array | undefined {
  return returnValues === 'ALL_OLD' ? current?.json : undefined;
}

function written(
  attributes: Uint8Array | undefined,
  current: StoredItem | undefined,
  next: StoredItem | undefined,
): WriteResult {
  const sizeBefore = current?.size ?? 0;
  const sizeAfter = next?.size ?? 0;
  const outcome: WriteOutcome = { kind: 'written', attributes, sizeBefore, sizeAfter };
  return { outcome, effect: effectOf(current, next) };
}

function effectOf(
  current: StoredItem | undefined,
  next: StoredItem | undefined,
): WriteEffect | undefined {
  if (!next) return current && { kind: 'delete' };
  const same = current?.size === next.size && equalBytes(current.json, next.json);
  return same ? undefined : { kind: 'put', item: next };
}
