import type { Clock } from '../ports/index.ts';

/** Whoever wants to know of changes: called once for all that a turn brings, since a node may begin to lead thousands of groups in one. */
export class Listeners {
  readonly #clock: Clock;
  readonly #all = new Set<() => void>();
  #isDue = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(listener: () => void): void {
    this.#all.add(listener);
  }

  /** Calls them back at the end of the turn. */
  tell(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#clock.endOfTurn(() => {
      this.#isDue = false;
      for (const listener of this.#all) listener();
    });
  }
}
