import { toHex } from '../bytes/index.ts';
import type { Range, Reader } from '../engine/index.ts';
import type { StoragePlace } from '../item/index.ts';
import { afterKey, changesAfter, itemKey, sequenceIn, storageKeyOf } from './keys.ts';
import type { Retries } from './retries.ts';
import type { RetryEntry } from './retry-generation.ts';
import type { Sessions } from './sessions.ts';
import type { MoveCursor, MovedAnswer, PartItem, ShardEnd, ShardPart } from './shard-part.ts';
import type { Shard } from './shards.ts';
import { decodeStoredValue } from './stored-value.ts';

/** One part is made and taken in within 5 ms (E7). */
const PART_ITEMS = 200;
/** What is remembered for other shards is looked at, too. */
const PART_RETRIES = 2_000;
/** What a remembered outcome takes besides its bytes, at most. */
const REMEMBERED_BYTES = 48;

/** A shard that this group lists changes of. */
export interface MovingShard {
  readonly shard: Readonly<Shard>;
  /** Engine keys of its items from this storage key on. */
  readonly range: (first: Uint8Array) => Range;
  readonly covers: (place: StoragePlace) => boolean;
}

export interface MadePart {
  readonly part: ShardPart;
  /** For now there is no more, and the shard is not fenced yet. */
  readonly caughtUp: boolean;
}

/** The part of a shard that begins at the cursor, of the state as it is: about so many bytes, and one item more. */
export function makePart(
  moving: MovingShard,
  cursor: MoveCursor,
  bytesMax: number,
  state: Reader,
  retries: Retries,
  sessions: Sessions,
): MadePart {
  const { shard } = moving;
  const items = new PartItems(bytesMax);
  let next = copyItems(moving, cursor, state, items);
  if (next.from === undefined) next = copyChanges(moving, next, state, items);
  const tokens: RetryEntry[] = [];
  const answers: MovedAnswer[] = [];
  const partOf = (end?: ShardEnd): ShardPart => ({
    items: [...items.items.values()],
    retries: tokens,
    answers,
    next,
    end,
  });
  const more = () => ({ part: partOf(), caughtUp: false });
  if (items.isFull) return more();

  let seen = 0;
  for (const { entry, generation, position } of retries.entries(state, next)) {
    if (items.isFull || seen++ === PART_RETRIES) return more();
    next = { ...next, generation, position };
    if (!moving.covers(entry)) continue;
    tokens.push(entry);
    items.count(REMEMBERED_BYTES + entry.outcome.length);
  }
  if (shard.state !== 'fenced') return { part: partOf(), caughtUp: true };

  for (const answer of sessions.answersFor(moving.covers, next)) {
    if (items.isFull) return more();
    next = { ...next, router: answer.router, sequence: answer.sequence };
    answers.push(answer);
    items.count(REMEMBERED_BYTES + answer.result.length);
  }
  const { sequence, items: count, bytes, digestHigh, digestLow } = shard;
  const end = { sequence, items: count, bytes, digestHigh, digestLow };
  return { part: partOf(end), caughtUp: false };
}

function copyItems(
  { range }: MovingShard,
  cursor: MoveCursor,
  state: Reader,
  items: PartItems,
): MoveCursor {
  if (cursor.from === undefined) return cursor;
  const pairs = state.range(range(cursor.from));
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
  readonly #bytesMax: number;
  #bytes = 0;
  #looked = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isFull(): boolean {
    return this.#looked >= PART_ITEMS || this.#bytes >= this.#bytesMax;
  }

  /** What else is in the part. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Throws when the value's checksum does not match: what is damaged does not travel. */
  add(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value) decodeStoredValue(value);
    this.#looked++;
    this.count(key.length + (value?.length ?? 0));
    this.items.set(toHex(key), { key, value });
  }
}
