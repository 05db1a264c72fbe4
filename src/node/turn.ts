import type { Replica } from '../group/index.ts';
import type { WriteAheadLog } from '../log/index.ts';
import type { Clock } from '../ports/index.ts';

export interface TurnOptions {
  readonly clock: Clock;
  readonly log: WriteAheadLog;
  /** Called when entries may have been applied. */
  readonly afterApply: () => void;
  /** Sends what was collected for the other nodes. */
  readonly flushPeers: () => void;
}

/**
 * The end of a turn: everything that a turn of the event loop brought, for all groups of the node, becomes one write to
 * the log and one frame to each peer. Applying goes on while the disk writes.
 */
export class Turn {
  readonly #options: TurnOptions;
  readonly #due = new Set<Replica>();
  #armed = false;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  schedule(replica: Replica): void {
    this.#due.add(replica);
    this.arm();
  }

  arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#options.clock.endOfTurn(() => this.#run());
  }

  #run(): void {
    this.#armed = false;
    const due = [...this.#due];
    this.#due.clear();
    for (const replica of due) replica.collect();
    this.#options.log.flush();
    for (const replica of due) replica.applyCommitted();
    if (due.length > 0) this.#options.afterApply();
    this.#options.flushPeers();
  }
}
