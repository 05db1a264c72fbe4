/** One operation on a register, with the times of its call and of its return; `Infinity`: it is not known how it ended. */
export interface RegisterOperation {
  readonly kind: 'write' | 'read';
  /** Of a read, what it saw. `undefined`: nothing was there. */
  readonly value: string | undefined;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly by: string;
}

/**
 * Whether the operations on one register can be put in an order in which each read sees the write before it, and none comes
 * before one that had returned when it was called (Wing and Gong, 1993, with Lowe's memory of visited states).
 *
 * An operation that never returned may take its place anywhere after its call, or nowhere.
 */
export function isLinearizable(operations: readonly RegisterOperation[]): boolean {
  const ordered = operations
    .filter(({ kind, returnedAt }) => kind === 'write' || returnedAt !== Infinity)
    .toSorted((a, b) => a.calledAt - b.calledAt);
  const visited = new Set<string>();
  const done: boolean[] = ordered.map(() => false);

  const search = (value: string | undefined, first: number): boolean => {
    let from = first;
    while (from < ordered.length && done[from]) from++;
    const firstReturn = Math.min(
      ...ordered
        .slice(from)
        .map((operation, i) => (done[from + i] ? Infinity : operation.returnedAt)),
    );
    if (firstReturn === Infinity) return true; // what is left need not have happened
    const ahead: number[] = [];
    for (let i = from; i < ordered.length && at(ordered, i).calledAt <= firstReturn; i++) {
      ahead.push(done[i] ? 1 : 0);
    }
    const state = `${from} ${ahead.join('')} ${value}`;
    if (visited.has(state)) return false;
    visited.add(state);
    for (let i = from; i < ordered.length; i++) {
      const operation = at(ordered, i);
      if (operation.calledAt > firstReturn) break;
      if (done[i] || (operation.kind === 'read' && operation.value !== value)) continue;
      done[i] = true;
      if (search(operation.kind === 'write' ? operation.value : value, from)) return true;
      done[i] = false;
    }
    return false;
  };
  return search(undefined, 0);
}

function at(operations: readonly RegisterOperation[], i: number): RegisterOperation {
  return operations[i] as RegisterOperation;
}
