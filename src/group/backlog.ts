import type { ReplicaState } from '../engine/index.ts';
import { type Entry, entryBytes } from '../raft/index.ts';

/** What is committed and not applied yet, in order. All backlogs of a node share a budget (S4). */
export class Backlog {
  readonly #budget: Pick<ReplicaState, 'waits'>;
  #entries: readonly Entry[] = [];
  #at = 0;
  #bytes = 0;

  constructor(budget: Pick<ReplicaState, 'waits'>) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#at === this.#entries.length;
  }

  add(entries: readonly Entry[]): void {
    const rest = this.#entries.slice(this.#at);
    this.#entries = rest.length > 0 ? [...rest, ...entries] : entries;
    this.#at = 0;
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    this.#count(bytes);
  }

  /** The first one, which is none of them any more; undefined when there is none. */
  take(): Entry | undefined {
    const entry = this.#entries[this.#at];
    if (!entry) return undefined;
    this.#at++;
    this.#count(-entryBytes(entry));
    return entry;
  }

  /** None of it need be applied: a snapshot has it all. */
  clear(): void {
    this.#entries = [];
    this.#at = 0;
    this.#count(-this.#bytes);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.waits(bytes);
  }
}
