import type { DataMachine, Shard } from '../../store/index.ts';
import { InvariantError } from './raft-invariants.ts';

/** In the order in which an epoch passes through them; while `receiving` a group has no part in it yet. */
const PHASES = { serving: 0, fenced: 1, purging: 2 } as const;
/** Others have come in its place, by a split or a merge. */
const REPLACED = 3;

/** The furthest that was ever seen of a shard. */
interface Seen {
  readonly shard: Pick<Shard, 'id' | 'table' | 'hashStart' | 'hashEnd'>;
  readonly epoch: number;
  readonly group: number;
  readonly phase: number;
}

/**
 * At most one group serves a hash of a table (C2): an epoch of a shard begins only after the one before it was fenced, and what comes of
 * a split or a merge begins where, and when, that ends of which it is made.
 */
export class Ownership {
  readonly #seen = new Map<number, Seen>();
  /** How many times a shard came to another group. */
  moves = 0;
  /** How many shards came of splits and merges. */
  splits = 0;
  merges = 0;
  /** Shards that were seen on their way: group, shard and epoch. */
  readonly #copies = new Set<string>();

  /** To be called when a replica of a data group has applied something. Throws what is wrong. */
  look(group: number, machine: DataMachine): void {
    for (const shard of machine.shards()) {
      const { id, epoch, state, table, hashStart, hashEnd } = shard;
      const seen = this.#seen.get(id);
      if (state === 'receiving') {
        this.#copies.add(copyOf(group, shard));
        continue;
      }
      const phase = PHASES[state];
      if (seen && (epoch < seen.epoch || (epoch === seen.epoch && phase <= seen.phase))) continue;
      // A copy that begins anew: nobody was served from it. A replica that is late empties it when others serve it already; what
      // was served is emptied only after somebody was seen to have fenced it.
      if (state === 'purging' && seen && (seen.epoch < epoch || seen.phase === PHASES.serving)) {
        if (this.#copies.has(copyOf(group, shard))) continue;
      }
      if (!seen) this.#begins(group, shard);
      else if (epoch !== seen.epoch) {
        const isFree = seen.phase === PHASES.fenced || seen.phase === PHASES.purging;
        if (seen.epoch !== epoch - 1 || !isFree) throw doubled(group, shard, seen);
        this.moves++;
      }
      this.#seen.set(id, { shard: { id, table, hashStart, hashEnd }, epoch, group, phase });
    }
  }

  /** A shard that nobody had: of a new table, or in the place of others. */
  #begins(group: number, shard: Readonly<Shard>): void {
    const before = [...this.#seen.values()].filter((seen) => overlaps(seen.shard, shard));
    const live = before.filter(({ phase }) => phase !== REPLACED);
    for (const seen of live) {
      const isMade = seen.group === group && seen.phase === PHASES.serving;
      if (!isMade || seen.epoch >= shard.epoch) throw doubled(group, shard, seen);
      this.#seen.set(seen.shard.id, { ...seen, phase: REPLACED });
    }
    if (before.some(({ epoch }) => epoch === shard.epoch - 1) !== shard.epoch > 1) {
      throw doubled(group, shard, before.at(-1));
    }
    if (live.length === 1) this.splits++;
    else if (live.length > 1) this.merges++;
  }
}

function copyOf(group: number, { id, epoch }: Readonly<Shard>): string {
  return `${group}/${id}/${epoch}`;
}

function overlaps(a: Seen['shard'], b: Seen['shard']): boolean {
  const startsBefore = (one: Seen['shard'], other: Seen['shard']) =>
    other.hashEnd === '' || one.hashStart < other.hashEnd;
  return a.table === b.table && startsBefore(a, b) && startsBefore(b, a);
}

function doubled(group: number, shard: Readonly<Shard>, seen: Seen | undefined): InvariantError {
  const before = seen
    ? `group ${seen.group} has shard ${seen.shard.id} in epoch ${seen.epoch}, in phase ${seen.phase}`
    : 'nobody had it';
  return new InvariantError(
    `[C2] group ${group} has shard ${shard.id} ${shard.state} in epoch ${shard.epoch}; ${before}`,
  );
}
