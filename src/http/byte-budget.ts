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

  /** More than half is taken. */
  get isTight(): boolean {
    return this.#used > this.#limit / 2;
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

/** What one request has taken, of the budget and of its connection's. */
export class ByteLease {
  readonly #budget: ByteBudget;
  readonly #connection: ByteBudget;
  #bytes = 0;
  #isEnded = false;

  constructor(budget: ByteBudget, connection: ByteBudget) {
    this.#budget = budget;
    this.#connection = connection;
  }

  take(bytes: number): boolean {
    if (this.#isEnded || !this.#budget.take(bytes)) return false;
    this.#connection.force(bytes);
    this.#bytes += bytes;
    return true;
  }

  /** Takes nothing once the lease has ended: the client may go while its answer is made. */
  force(bytes: number): void {
    if (this.#isEnded) return;
    this.#budget.force(bytes);
    this.#connection.force(bytes);
    this.#bytes += bytes;
  }

  /** Gives everything back, for good. */
  end(): void {
    this.#isEnded = true;
    this.#budget.give(this.#bytes);
    this.#connection.give(this.#bytes);
    this.#bytes = 0;
  }
}
