import type { ByteBudget } from './byte-budget.ts';
import { Collector } from './collector.ts';

/** The beginning of a request whose rest has not come. What has come is counted, not what was announced (B2). */
export class PartialRequest {
  /** Milliseconds, on the clock of the sweep. */
  readonly since: number;
  /** Length of the whole request in bytes; 0 while its head is not whole. */
  wanted = 0;
  readonly #budget: ByteBudget;
  readonly #collector = new Collector();
  #pieces = 0;
  #charge = 0;

  constructor(budget: ByteBudget, since: number) {
    this.#budget = budget;
    this.since = since;
  }

  get pieces(): number {
    return this.#pieces;
  }

  get length(): number {
    return this.#collector.length;
  }

  bytes(): Buffer {
    return this.#collector.bytes();
  }

  append(piece: Uint8Array): void {
    this.#collector.append(piece);
    this.#pieces++;
  }

  /** Takes what was appended from the budget; false when it has no room. */
  charge(): boolean {
    const more = this.#collector.length - this.#charge;
    if (!this.#budget.take(more)) return false;
    this.#charge += more;
    return true;
  }

  /** Gives everything back; harmless when repeated. */
  end(): void {
    this.#budget.give(this.#charge);
    this.#charge = 0;
  }
}
