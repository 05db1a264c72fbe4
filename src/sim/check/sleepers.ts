import type { Replica } from '../../group/index.ts';
import type { World } from '../world.ts';
import { InvariantError } from './raft-invariants.ts';

/** A second until silence is noticed, and more than once as long, since stalls of a node's own begin it anew. Milliseconds. */
const MISSED_MS = 5_000;

/** Watches that nobody sleeps on whose leader's process is gone, or stands still (G19). */
export class Sleepers {
  readonly #world: World;
  /** Since when each has slept without a leader. */
  #since = new Map<Replica, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** To be called often. Throws {@link InvariantError}. */
  look(): void {
    const { now } = this.#world.time;
    const since = new Map<Replica, number>();
    for (const { name, replica, leader } of this.#without()) {
      const from = this.#since.get(replica) ?? now;
      since.set(replica, from);
      if (now - from < MISSED_MS) continue;
      throw new InvariantError(
        `[G19] ${name}: the replica of group ${replica.group} sleeps, and its leader's node ${leader} has been gone for ${now - from} ms`,
      );
    }
    this.#since = since;
  }

  *#without(): Iterable<{
    readonly name: string;
    readonly replica: Replica;
    readonly leader: string;
  }> {
    for (const { name, isRunning, process, created } of this.#world.machines) {
      if (!isRunning || process?.isPaused || !created) continue;
      for (const replica of created.replicas.all()) {
        if (!replica.raft.isQuiesced || replica.isLeader || replica.isClosed) continue;
        const leader = created.replicas.nodeOf(replica.group, replica.leader);
        if (leader === undefined) continue;
        const there = this.#world.machine(leader);
        if (!there.isRunning || there.process?.isPaused) yield { name, replica, leader };
      }
    }
  }
}
