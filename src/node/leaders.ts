import type { NodeName } from '../controller/index.ts';
import type { ReplicaStates } from '../engine/index.ts';
import type { WriteAheadLog } from '../log/index.ts';
import { type Buggify, type Clock, wait } from '../ports/index.ts';
import { Health } from './health.ts';
import type { Peers } from './peers.ts';
import type { Replicas } from './replicas.ts';

const POLL_MS = 20;
/** How long a node that stops waits for others to take its leaderships over, in milliseconds. */
const STEP_ASIDE_MS_MAX = 2_000;
/** Whatever stalled this node may have stalled the others: they have a moment to say so. */
const STEP_DOWN_TICKS = 3;

export interface LeadersOptions {
  readonly self: NodeName;
  readonly clock: Clock;
  readonly log: WriteAheadLog;
  readonly states: ReplicaStates;
  readonly replicas: Replicas;
  readonly peers: Pick<Peers, 'canLead' | 'sendHealth'>;
  /** Of the cluster. */
  readonly nodes: () => readonly NodeName[];
  readonly notice: (text: string) => void;
  readonly buggify: Buggify;
}

/** What this node leads of its groups, and what others should: those that are preferred, and fit (R8). */
export class Leaders {
  readonly #options: LeadersOptions;
  readonly #health: Health;
  #ticks = 0;
  #stepDownAt = 0;
  #goes = false;

  constructor(options: LeadersOptions) {
    this.#options = options;
    this.#health = new Health(options.log, options.states);
  }

  /** With each tick of the node, which was at `at` and `lateMs` late. A node that cannot keep up leaves leading to others for a while. */
  tick(at: number, lateMs: number): void {
    const { peers, nodes, notice } = this.#options;
    this.#ticks++;
    const wasWell = this.#health.isWell;
    const trouble = this.#health.tick(at, lateMs);
    const { isWell } = this.#health;
    if (isWell !== wasWell) peers.sendHealth(isWell);
    if (trouble !== undefined) {
      notice(`others shall lead for a while: ${trouble}`);
      this.#stepDownAt = this.#ticks + STEP_DOWN_TICKS;
    }
    if (this.#ticks !== this.#stepDownAt || this.#goes) return;
    if (nodes().some((name) => peers.canLead(name))) this.#stepDown();
  }

  /**
   * Hands leadership to the replica that should have it, once that one follows closely: after restarts the leaders would
   * otherwise pile up on the nodes that stayed. A node that is not fit to lead leaves it to any other that is.
   */
  balance(): void {
    if (this.#goes) return;
    const { self, replicas, buggify } = this.#options;
    for (const replica of replicas.all()) {
      if (!replica.isLeader) continue;
      const preferred = replicas.preferredLeader(replica.group);
      const stays = this.#canLead(self) && !buggify('node: lead elsewhere');
      const candidates = stays ? [preferred] : replicas.members(replica.group);
      const next = candidates.find((id) => {
        const node = id === undefined ? undefined : replicas.nodeOf(replica.group, id);
        if (id === undefined || node === undefined || node === self) return false;
        return this.#canLead(node) && replica.isCaughtUp(id);
      });
      if (next !== undefined) replica.transferLeader(next);
    }
  }

  /** For good: resolves when others lead what this node led, or do not within {@link STEP_ASIDE_MS_MAX}. */
  async stepAside(): Promise<void> {
    const { replicas, clock } = this.#options;
    this.#goes = true;
    const until = clock.monotonic() + STEP_ASIDE_MS_MAX;
    const led = [...replicas.all()].filter((replica) => replica.isLeader && replica.hasPeers);
    this.#stepDown();
    while (led.some((replica) => replica.isLeader) && clock.monotonic() < until) {
      await wait(clock, POLL_MS);
    }
  }

  /** Asks followers to take over; those that have no peer to hand over to go on. */
  #stepDown(): void {
    for (const replica of this.#options.replicas.all()) {
      if (replica.isLeader && replica.hasPeers) replica.stepDown();
    }
  }

  #canLead(node: NodeName): boolean {
    const { self, peers } = this.#options;
    return node === self ? this.#health.isWell : peers.canLead(node);
  }
}
