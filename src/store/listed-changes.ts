import type { Write } from '../engine/index.ts';
import { changeKey } from './keys.ts';
import type { MoveCursor } from './shard-part.ts';
import type { Shard } from './shards.ts';

/** How many changes of a shard are listed at most: so many, or so many for each of its items, whichever is more. */
export interface ListLimits {
  readonly min: number;
  readonly perItem: number;
}

/**
 * A group that does not come for what it fetches must not fill the disk of the one that serves (S4). Before a list is as long as this the
 * items could have been copied several times.
 */
const LIMITS: ListLimits = { min: 1_000_000, perItem: 4 };
/** The oldest ones go, two for one that comes: a list gets shorter, too, when its shard has lost items. */
const DROPPED_AT_ONCE = 2;

/** Which changes of a shard that moves are kept for the group that fetches it: the same on every replica, from the state alone. */
export class ListedChanges {
  readonly #limits: ListLimits;

  constructor(limits = LIMITS) {
    this.#limits = limits;
  }

  /** Adds to the writes of the shard's newest effect, which was on the item with this storage key. */
  list(shard: Shard, key: Uint8Array, writes: Write[]): void {
    const { id, sequence, items, listedFrom } = shard;
    if (listedFrom === undefined) return;
    writes.push({ key: changeKey(id, sequence), value: key });
    const listedMax = Math.max(this.#limits.min, this.#limits.perItem * items);
    const dropped = Math.min(DROPPED_AT_ONCE, Math.max(0, sequence - listedFrom - listedMax));
    for (let i = 1; i <= dropped; i++) {
      writes.push({ key: changeKey(id, listedFrom + i), value: undefined });
    }
    shard.listedFrom = listedFrom + dropped;
  }
}

/**
 * Where a copy goes on that has come to the cursor: at its start it takes note of where the list begins. Undefined: changes that it would
 * need are listed no more.
 */
export function placeInList(listedFrom: number, cursor: MoveCursor): MoveCursor | undefined {
  // Before every key: nothing was copied yet.
  if (cursor.from?.length === 0) return { ...cursor, changes: listedFrom };
  return cursor.changes < listedFrom ? undefined : cursor;
}
