import type { GroupId } from '../../controller/index.ts';
import type { Replica } from '../../group/index.ts';
import type { Term } from '../../raft/index.ts';
import type { World } from '../world.ts';
import { InvariantError } from './raft-invariants.ts';

/** A leader without a quorum knows it after an election timeout, and after another second if it slept. Milliseconds. */
const KNOWN_MS = 5_000;

/** Watches that nobody leads on for long when the others have another leader: it hears no quorum any more (R3, G8). */
export class Deposed {
  readonly #world: World;
  readonly #newestTerm: (group: GroupId) => Term;
  /** Since when each has led beside another one. */
  #since = new Map<Replica, number>();

  /** `newestTerm`: the last one in which a group had a leader. */
  constructor(world: World, newestTerm: (group: GroupId) => Term) {
    this.#world = world;
    this.#newestTerm = newestTerm;
  }

  /** To be called often. Throws {@link InvariantError}. */
  look(): void {
    const { now } = this.#world.time;
    const since = new Map<Replica, number>();
    for (const { name, isRunning, process, created } of this.#world.machines) {
      if (!isRunning || process?.isPaused || !created) continue;
      for (const replica of created.replicas.all()) {
        const { role, term } = replica.raft;
        if (role !== 'leader' || replica.isClosed) continue;
        const newest = this.#newestTerm(replica.group);
        if (term >= newest) continue;
        const from = this.#since.get(replica) ?? now;
        since.set(replica, from);
        if (now - from < KNOWN_MS) continue;
        throw new InvariantError(
          `[G8] ${name}: the replica of group ${replica.group} has led in term ${term} for ${now - from} ms beside the leader of term ${newest}`,
        );
      }
    }
    this.#since = since;
  }
}
