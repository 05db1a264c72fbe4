import type { ShardId } from '../controller/index.ts';
import type { Shard } from '../store/index.ts';

/** The part of the newest measurement in a rate: a burst shows, and does not decide. */
const NEWEST = 0.3;

interface Rate {
  /** Counts the effects on the shard (S5). */
  sequence: number;
  perSecond: number;
}

/** How many reads and writes a second the shards of this node's groups have: at the leader, all writes and the reads that come here. */
export class ShardRates {
  #rates = new Map<ShardId, Rate>();
  #reads = new Map<ShardId, number>();
  #measuredAt: number;

  constructor(now: number) {
    this.#measuredAt = now;
  }

  countRead(shard: ShardId): void {
    this.#reads.set(shard, (this.#reads.get(shard) ?? 0) + 1);
  }

  /** To be called now and then, with all shards that this node leads. `now`: milliseconds. */
  measure(shards: Iterable<Readonly<Shard>>, now: number): void {
    const seconds = (now - this.#measuredAt) / 1000;
    if (seconds <= 0) return;
    const before = this.#rates;
    this.#rates = new Map();
    for (const { id, sequence } of shards) {
      const known = before.get(id);
      const writes = known ? Math.max(0, sequence - known.sequence) : 0;
      const newest = (writes + (this.#reads.get(id) ?? 0)) / seconds;
      const perSecond = (1 - NEWEST) * (known?.perSecond ?? 0) + NEWEST * newest;
      this.#rates.set(id, { sequence, perSecond });
    }
    this.#reads.clear();
    this.#measuredAt = now;
  }

  perSecond(shard: ShardId): number {
    return this.#rates.get(shard)?.perSecond ?? 0;
  }
}
