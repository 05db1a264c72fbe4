import type { DataMachine } from '../../store/index.ts';
import { InvariantError } from './raft-invariants.ts';

/** In the order in which an epoch passes through them; while `receiving` a group has no part in it yet. */
const PHASES = { serving: 0, fenced: 1, purging: 2 } as const;

interface Seen {
  readonly epoch: number;
  readonly phase: number;
  readonly group: number;
}

/** At most one group serves a shard (C2): an epoch begins only after the one before it was fenced. */
export class Ownership {
  /** By shard: the furthest that was ever seen. */
  readonly #seen = new Map<number, Seen>();
  /** How many times a shard came to another group. */
  moves = 0;

  /** To be called when a replica of a data group has applied something. Throws what is wrong. */
  look(group: number, machine: DataMachine): void {
    for (const { id, epoch, state } of machine.shards()) {
      if (state === 'receiving') continue;
      const phase = PHASES[state];
      const seen = this.#seen.get(id);
      if (seen && (epoch < seen.epoch || (epoch === seen.epoch && phase <= seen.phase))) continue;
      const isNext = seen?.epoch === epoch - 1 && seen.phase >= PHASES.fenced;
      if (seen?.epoch !== epoch && (seen ? !isNext : epoch > 1)) {
        const before = seen ? `group ${seen.group} has epoch ${seen.epoch}` : 'nobody had it';
        throw new InvariantError(
          `[C2] group ${group} has shard ${id} ${state} in epoch ${epoch}; ${before}, in phase ${seen?.phase}`,
        );
      }
      if (seen && seen.epoch !== epoch) this.moves++;
      this.#seen.set(id, { epoch, phase, group });
    }
  }
}
