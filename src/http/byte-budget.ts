/**
 * Bytes of requests and answers that are held in memory, over all connections (H2, B2). Counted as they arrive: what a header
 * declares costs nothing, so that nobody can take the budget by promises.
 */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Whether there is room; false takes nothing. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  /** For bytes that exist already, room or not: others will be refused instead. */
  force(bytes: number): void {
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
    if (this.#used < 0) throw new Error(`${-this.#used} bytes more were given back than taken`);
  }
}

/** One request's share of the budget. */
export class ByteLease {
  readonly #budget: ByteBudget;
  #bytes = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  take(bytes: number): boolean {
    if (!this.#budget.take(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  force(bytes: number): void {
    this.#budget.force(bytes);
    this.#bytes += bytes;
  }

  /** Gives everything back; harmless when repeated. */
  end(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
  }
}
