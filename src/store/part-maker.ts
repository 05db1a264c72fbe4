import { compareBytes, toHex } from '../bytes/index.ts';
import type { Reader } from '../engine/index.ts';
import type { StoragePlace } from '../item/index.ts';
import { afterKey, changesAfter, itemKey, sequenceIn, storageKeyOf } from './keys.ts';
import type { Retries } from './retries.ts';
import type { RetryEntry } from './retry-generation.ts';
import type { Sessions } from './sessions.ts';
import type { MoveCursor, PartItem, ShardPart } from './shard-part.ts';
import type { Shard } from './shards.ts';
import { decodeStoredValue } from './stored-value.ts';

// One part is made and taken in within 5 ms (E7), and is an entry of the log.
const PART_ITEMS = 200;
const PART_BYTES = 128 * 1024;
/** What is remembered for other shards is looked at, too. */
const PART_RETRIES = 2_000;

/** A shard that this group lists changes of. */
export interface MovingShard {
  readonly shard: Readonly<Shard>;
  /** Engine keys of its items: `from` inclusive, `to` exclusive. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly covers: (place: StoragePlace) => boolean;
}

/**
 * The part of a shard that begins at the cursor, of the state as it is. `caughtUp`: for now there is no more, and the shard is not
 * fenced yet.
 */
export function makePart(
  moving: MovingShard,
  cursor: MoveCursor,
  state: Reader,
  retries: Retries,
  sessions: Sessions,
): { readonly part: ShardPart; readonly caughtUp: boolean } {
  const items = new PartItems();
  let next = copyItems(moving, cursor, state, items);
  if (next.from === undefined) next = copyChanges(moving, next, state, items);
  if (items.isFull) return { part: partOf(items, next), caughtUp: false };

  const remembered: RetryEntry[] = [];
  let seen = 0;
  for (const { entry, generation, position } of retries.entries(state, next)) {
    if (seen++ === PART_RETRIES) return { part: partOf(items, next, remembered), caughtUp: false };
    next = { ...next, generation, position };
    if (moving.covers(entry)) remembered.push(entry);
  }
  const { shard } = moving;
  if (shard.state !== 'fenced') return { part: partOf(items, next, remembered), caughtUp: true };
  const answers = [...sessions.answersFor(moving.covers)];
  const { sequence, items: count, bytes, digestHigh, digestLow } = shard;
  const end = { sequence, items: count, bytes, digestHigh, digestLow, answers };
  return { part: { ...partOf(items, next, remembered), end }, caughtUp: false };
}

function partOf(
  { items }: PartItems,
  next: MoveCursor,
  retries: readonly RetryEntry[] = [],
): ShardPart {
  return { items: [...items.values()], retries, next, end: undefined };
}

function copyItems(
  { from: start, to }: MovingShard,
  cursor: MoveCursor,
  state: Reader,
  items: PartItems,
): MoveCursor {
  if (cursor.from === undefined) return cursor;
  const begin = itemKey(cursor.from);
  const pairs = state.range({ from: compareBytes(begin, start) < 0 ? start : begin, to });
  let { from }: MoveCursor = cursor;
  try {
    while (!items.isFull) {
      const pair = pairs.next();
      if (!pair) return { ...cursor, from: undefined };
      const key = storageKeyOf(pair.key);
      items.add(key, pair.value);
      from = afterKey(key);
    }
    return { ...cursor, from };
  } finally {
    pairs.close();
  }
}

function copyChanges(
  { shard }: MovingShard,
  cursor: MoveCursor,
  state: Reader,
  items: PartItems,
): MoveCursor {
  let { changes } = cursor;
  const listed = state.range(changesAfter(shard.id, changes));
  try {
    while (!items.isFull) {
      const change = listed.next();
      if (!change) break;
      items.add(change.value, state.get(itemKey(change.value)));
      changes = sequenceIn(change.key);
    }
    return { ...cursor, changes };
  } finally {
    listed.close();
  }
}

/** Of one part: each key once. */
class PartItems {
  readonly items = new Map<string, PartItem>();
  #bytes = 0;
  #looked = 0;

  get isFull(): boolean {
    return this.#looked >= PART_ITEMS || this.#bytes >= PART_BYTES;
  }

  /** Throws when the value's checksum does not match: what is damaged does not travel. */
  add(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value) decodeStoredValue(value);
    this.#looked++;
    this.#bytes += key.length + (value?.length ?? 0);
    this.items.set(toHex(key), { key, value });
  }
}
