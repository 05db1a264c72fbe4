import type { Condition, Projection, Update } from './expression.ts';
import type { Item } from './value.ts';

/**
 * What can be done to stored items, independent of where they are: dynamodb/ makes these from requests, router/ carries
 * them to the shard, store/ runs them. codec.ts gives their bytes.
 */

/** An item as it is kept: its canonical JSON (the form inside DynamoDB's `{"Item": …}`) and its size by DynamoDB's rules. */
export interface StoredItem {
  readonly json: Uint8Array;
  readonly size: number;
}

/** The key attributes of a new item that an update makes, and for nothing else. */
export type KeyAttributes = Item;

export type ReturnValues = 'NONE' | 'ALL_OLD' | 'ALL_NEW' | 'UPDATED_OLD' | 'UPDATED_NEW';

interface Conditional {
  readonly condition: Condition | undefined;
  /** ReturnValuesOnConditionCheckFailure = ALL_OLD. */
  readonly returnItemOnConditionFailure: boolean;
}

export interface PutOperation extends Conditional {
  readonly kind: 'put';
  readonly item: StoredItem;
  readonly returnValues: 'NONE' | 'ALL_OLD';
}

export interface DeleteOperation extends Conditional {
  readonly kind: 'delete';
  readonly returnValues: 'NONE' | 'ALL_OLD';
}

export interface UpdateOperation extends Conditional {
  readonly kind: 'update';
  readonly key: KeyAttributes;
  readonly update: Update;
  readonly returnValues: ReturnValues;
}

export type WriteOperation = PutOperation | DeleteOperation | UpdateOperation;

export type WriteOutcome =
  | {
      readonly kind: 'written';
      /** JSON of what ReturnValues asks for, an attribute map; absent when there is nothing to return. */
      readonly attributes: Uint8Array | undefined;
      /** Item sizes before and after, for the consumed capacity; 0 when there was or is none. */
      readonly sizeBefore: number;
      readonly sizeAfter: number;
    }
  | {
      readonly kind: 'condition-failed';
      readonly item: Uint8Array | undefined;
      readonly sizeBefore: number;
    }
  /** The item made the update impossible (a wrong operand type, a missing path, the item too large): a ValidationException. */
  | { readonly kind: 'invalid'; readonly message: string };

export interface PageOperation {
  /** Storage keys (key.ts): `from` inclusive, `to` exclusive. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly reverse: boolean;
  /** Most items to read, before the filter. */
  readonly limit: number;
  /** Reading stops after the item that takes the sum of item sizes to this many bytes or more (1 MB). */
  readonly maxBytes: number;
  readonly filter: Condition | undefined;
  readonly projection: Projection | undefined;
  /** Select = COUNT: count what the filter lets through, return nothing. */
  readonly countOnly: boolean;
}

export interface PageOutcome {
  /** JSON of each item that passed the filter, projected, in order; empty for `countOnly`. */
  readonly items: readonly Uint8Array[];
  readonly count: number;
  readonly scannedCount: number;
  /** Sum of the sizes of the items read. */
  readonly bytesRead: number;
  /** Storage key of the last item read, when `limit` or `maxBytes` stopped the page; undefined when the range is done. */
  readonly lastKey: Uint8Array | undefined;
}
