/** Of what may wait to be applied while apply pauses, as a part of the reserve: its effects must fit into what is left. */
const WAITING_DIVISOR = 4;

/**
 * What the memtables of all replicas of a node may take together, in bytes (S4).
 *
 * Ordinarily `limit`: there apply pauses until a flush is done. On a full disk no flush is done for a long time, and what is
 * committed must be applied all the same, or nobody could read it consistently (L4). So from the flush that finds the disk
 * full to the one that finds room again there is a reserve, for what was under way:
 *
 * - leaders begin nothing new at all (`mayPropose`);
 * - followers cannot know what their leaders have begun, and a disk of a leader may have room: they take entries until half
 *   of the reserve is used (`mayAppend`), and what they have taken by then is applied into the other half;
 * - apply pauses at `limit + reserve`, whatever the entries are: memtables never take more than that, the effects of the
 *   last entry, and once for each replica what a flush adds to its memtable (the caches of the state machine).
 *
 * What a leader has begun before it knows the disk to be full finds room as long as it changes no more than `reserve`. A
 * slow flush does not spoil that: while apply pauses at `limit`, no more than a quarter of the reserve may wait in entries,
 * and a put changes at most twice as much as its entry has. Only updates that are far smaller than their items can go
 * beyond, by the hundred at one moment and at 400 KB each; then consistent reads are sent to other replicas until there
 * is room.
 */
export class MemtableBudget {
  readonly #limit: number;
  readonly #reserve: number;
  #bytes = 0;
  #waitingBytes = 0;
  /** Those whose last flush found no room. */
  readonly #withoutRoom = new Set<object>();

  constructor(limit: number, reserve: number) {
    this.#limit = limit;
    this.#reserve = reserve;
  }

  grew(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Entries came that are to be applied, or, with less than 0, were. */
  waits(bytes: number): void {
    this.#waitingBytes += bytes;
  }

  /** How the last flush of a replica's state ended. */
  found(state: object, hasRoom: boolean): void {
    if (hasRoom) this.#withoutRoom.delete(state);
    else this.#withoutRoom.add(state);
  }

  /** It is time to flush: what is in memory is applied again after a crash, and flushing takes its time. */
  get isFilling(): boolean {
    return 8 * this.#bytes >= 3 * this.#limit;
  }

  /** How urgent that is: from 0, when it is time, to 1 at five eighths of the limit. */
  get pressure(): number {
    return Math.min(1, Math.max(0, (8 * this.#bytes) / this.#limit - 3) / 2);
  }

  /** Apply must pause. */
  get isFull(): boolean {
    return this.#bytes >= (this.isDiskFull ? this.#limit + this.#reserve : this.#limit);
  }

  /** The last flush of some replica found no room on the disk. */
  get isDiskFull(): boolean {
    return this.#withoutRoom.size > 0;
  }

  /** As a leader. */
  get mayPropose(): boolean {
    return !this.isDiskFull;
  }

  /** As a follower. */
  get mayAppend(): boolean {
    return !this.isDiskFull || this.#bytes < this.#limit + this.#reserve / 2;
  }

  /** As much waits as may while apply pauses. */
  get isBacklogFull(): boolean {
    return WAITING_DIVISOR * this.#waitingBytes >= this.#reserve;
  }
}
