import type { NodeName } from '../controller/index.ts';
import type { Replica } from '../group/index.ts';
import type { Replicas } from './replicas.ts';

/** A sleeper's memory and log are looked at once in so many ticks: a second. */
const UPKEEP_TICKS = 10;

/**
 * Which replicas of a node are awake, so that a tick costs what they cost and no more, and what wakes the others: whatever happens
 * to one of them, and any change of the connection to a node on which a leader is, or a follower of a leader here (G19).
 */
export class Wakes {
  readonly #replicas: Replicas;
  readonly #awake = new Set<Replica>();
  #ticks = 0;

  constructor(replicas: Replicas) {
    this.#replicas = replicas;
  }

  /** Something happened to it: it gets ticks until it is at rest. */
  add(replica: Replica): void {
    this.#awake.add(replica);
  }

  tick(): void {
    this.#ticks++;
    for (const replica of [...this.#awake]) {
      replica.tick();
      if (replica.isAtRest) this.#awake.delete(replica);
    }
    let number = this.#ticks;
    for (const replica of this.#replicas.all()) {
      if (number++ % UPKEEP_TICKS === 0 && !this.#awake.has(replica)) replica.tickUpkeep();
    }
  }

  /** The connection to a node is lost, or could not be had. `refused`: its process is gone (R10). */
  onDown(node: NodeName, refused: boolean): void {
    this.#eachBetween(node, (replica, there) => replica.reportUnreachable(there, refused));
  }

  /** A node says nothing, or it is there again and may have forgotten everything. */
  onChange(node: NodeName): void {
    this.#eachBetween(node, (replica) => replica.wake());
  }

  /** The replicas that lead one on the node, or follow one there, which is `there`. */
  #eachBetween(node: NodeName, act: (replica: Replica, there: number) => void): void {
    for (const replica of this.#replicas.all()) {
      const there = this.#replicas.replicaOn(replica.group, node);
      if (there === undefined) continue;
      if (replica.isLeader || replica.leader === there) act(replica, there);
    }
  }
}
