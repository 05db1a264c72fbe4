import type { Replica } from '../group/index.ts';
import type { WriteAheadLog } from '../log/index.ts';
import type { Clock } from '../ports/index.ts';

/** What waits for the disk waits no longer than this, or a disk that stalls would hold up the whole node. Milliseconds. */
const HOLD_MS_MAX = 1;

export interface TurnOptions {
  readonly clock: Clock;
  readonly log: WriteAheadLog;
  /** Called when these may have applied entries. */
  readonly afterApply: (replicas: readonly Replica[]) => void;
  /** Sends what was collected for the other nodes. */
  readonly flushPeers: () => void;
}

/**
 * The end of a turn: everything that a turn of the event loop brought, for all groups of the node, becomes one write to
 * the log and one frame to each peer. Applying goes on while the disk writes.
 *
 * While a write is under way, what comes is held back until it is done: it could not be written before that, and one frame
 * with everything costs the nodes at both ends much less than one a turn. For the same reason two turns are taken together:
 * under load each brings something, and a node with little to do has the second one at once.
 */
export class Turn {
  readonly #options: TurnOptions;
  readonly #due = new Set<Replica>();
  readonly #ends = () => this.#end();
  #armed = false;
  #held = false;
  #limited = false;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  schedule(replica: Replica): void {
    this.#due.add(replica);
    this.arm();
  }

  arm(): void {
    if (this.#armed || (this.#held && this.#options.log.inFlight)) return;
    this.#armed = true;
    this.#options.clock.endOfTurn(this.#ends, 2);
  }

  #end(): void {
    if (this.#options.log.inFlight) this.#hold();
    else this.#run();
  }

  #hold(): void {
    this.#armed = false;
    this.#held = true;
    if (this.#limited) return;
    this.#limited = true;
    this.#options.clock.after(HOLD_MS_MAX, () => {
      this.#limited = false;
      if (this.#held) this.#run();
    });
  }

  #run(): void {
    this.#held = false;
    // What is queued for the peers from here on leaves with the rest; a replica that has more to do needs another turn.
    this.#armed = true;
    const due = [...this.#due];
    this.#due.clear();
    for (const replica of due) replica.collect();
    this.#options.log.flush();
    for (const replica of due) replica.applyCommitted();
    if (due.length > 0) this.#options.afterApply(due);
    this.#options.flushPeers();
    this.#armed = false;
    if (this.#due.size > 0) this.arm();
  }
}
