/** The numbers of a router's commands, and which of them may still be sent again (S1). */
export class CommandSequence {
  #next = 1;
  // Insertion order is ascending, so the first is the lowest.
  readonly #underWay = new Set<number>();

  begin(): number {
    const sequence = this.#next++;
    this.#underWay.add(sequence);
    return sequence;
  }

  /** The command has its answer, or was given up: it is never sent again. */
  end(sequence: number): void {
    this.#underWay.delete(sequence);
  }

  /** Everything below is answered. */
  get lowestUnanswered(): number {
    for (const sequence of this.#underWay) return sequence;
    return this.#next;
  }
}
