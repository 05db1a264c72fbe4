import {
  type ClusterMap,
  encodeControllerCommand,
  type NodeName,
  nextSteps,
} from '../controller/index.ts';
import type { Replica } from '../group/index.ts';
import type { Clock } from '../ports/index.ts';
import type { NodeOptions } from './options.ts';
import type { Peers } from './peers.ts';
import type { ControllerReplica, Replicas } from './replicas.ts';

/** How long a node may be away before its replicas are given to others, unless told (`--replace-after`). Milliseconds. */
const REPLACE_AFTER_MS = 5 * 60_000;
/** How often the controller's leader looks around. Milliseconds. */
const LOOK_MS = 500;
/** A look that comes this late tells of a stall of our own, in which nobody could be heard (R10). */
const STALL_MS = 2_000;

export interface PlacerOptions {
  readonly node: Pick<NodeOptions, 'identity' | 'clock' | 'replaceAfterMs' | 'fatal'>;
  readonly replicas: Pick<Replicas, 'controller'>;
  readonly peers: Pick<Peers, 'isUp'>;
  /** Whether a node is there, as far as any node can tell. */
  readonly isHeard: (node: NodeName) => Promise<boolean>;
}

/**
 * On the controller's leader: sees which nodes are away, and has the next steps taken that the placement of replicas needs (C5).
 *
 * A node is away while the connection to it is, and dead when this lasts and nobody else hears it either (F11). Only a leader judges
 * that could hear it all the time: whoever begins to lead, or has stalled, waits the whole time again. The steps are decided when the
 * command is applied, so that a leader that follows goes on.
 */
export class Placer {
  readonly #replicas: Pick<Replicas, 'controller'>;
  readonly #clock: Clock;
  readonly #isUp: (node: NodeName) => boolean;
  readonly #isHeard: (node: NodeName) => Promise<boolean>;
  readonly #fatal: (error: unknown) => void;
  readonly #replaceAfterMs: number;
  readonly #heardAt = new Map<NodeName, number>();
  #lookedAt = -Infinity;
  #term = 0;
  #isBusy = false;
  /** Where nothing is to be done while every node is there: most of the time, and thousands of groups are not asked again. */
  #evenMap: ClusterMap | undefined;

  constructor({ node, replicas, peers, isHeard }: PlacerOptions) {
    const { identity, clock, fatal, replaceAfterMs = REPLACE_AFTER_MS } = node;
    this.#replicas = replicas;
    this.#clock = clock;
    this.#isUp = (name) => name === identity.name || peers.isUp(name);
    this.#isHeard = isHeard;
    this.#fatal = fatal;
    this.#replaceAfterMs = replaceAfterMs;
  }

  /** To be called with each tick of the node. */
  tick(): void {
    const now = this.#clock.monotonic();
    const held = this.#replicas.controller;
    if (!held?.replica.isCurrent || held.machine.map.number === 0) {
      this.#term = 0;
      return;
    }
    if (now - this.#lookedAt < LOOK_MS) return;
    if (this.#term !== held.replica.term || now - this.#lookedAt > STALL_MS) this.#heardAt.clear();
    this.#term = held.replica.term;
    this.#lookedAt = now;
    this.#look(held, now);
  }

  #look({ replica, machine }: ControllerReplica, now: number): void {
    const { map } = machine;
    const names = map.nodes.map(({ name }) => name);
    for (const name of this.#heardAt.keys()) if (!names.includes(name)) this.#heardAt.delete(name);
    for (const name of names) {
      if (this.#isUp(name) || !this.#heardAt.has(name)) this.#heardAt.set(name, now);
    }
    const down = names.filter((name) => !this.#isUp(name));
    const dead = down.filter(
      (name) => now - (this.#heardAt.get(name) ?? now) >= this.#replaceAfterMs,
    );
    if (this.#isBusy || (down.length === 0 && map === this.#evenMap)) return;
    if (nextSteps(map, { down, dead }).length === 0) {
      if (down.length === 0) this.#evenMap = map;
      return;
    }
    this.#isBusy = true;
    this.#place(replica, down, dead).catch(this.#fatal);
  }

  async #place(
    replica: Replica,
    down: readonly NodeName[],
    dead: readonly NodeName[],
  ): Promise<void> {
    const { term } = replica;
    const isThere = await Promise.all(dead.map((name) => this.#isHeard(name)));
    const now = this.#clock.monotonic();
    for (const [i, name] of dead.entries()) if (isThere[i]) this.#heardAt.set(name, now);
    if (isThere.includes(true) || replica.term !== term) {
      this.#isBusy = false;
      return;
    }
    replica.propose(encodeControllerCommand({ kind: 'place', down, dead }), () => {
      this.#isBusy = false;
    });
  }
}
