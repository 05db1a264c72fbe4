/**
 * Is a history linearizable: can its operations be put into one order, each somewhere between its call and its return, so that
 * a model gives all the answers that were given? Wing and Gong, "Testing and Verifying Concurrent Objects" (1993), with Lowe's
 * memory of what was tried, "Testing for Linearizability" (2016).
 *
 * A history is of one object: a history of many keys is checked key by key, for linearizability is local (Herlihy and Wing,
 * 1990, theorem 1).
 */

/** What one client did, and what it saw. */
export interface Operation<Input, Output> {
  readonly client: string;
  readonly input: Input;
  /** Undefined: it is not known how it ended, so that it may have taken effect at any time after its call, or never. */
  readonly output: Output | undefined;
  /** Numbers that grow with time, no two alike unless the order of the two is not known. */
  readonly calledAt: number;
  /** Infinity when there was no answer. */
  readonly returnedAt: number;
}

export interface Model<State, Input, Output> {
  readonly initial: State;
  /** The state after the operation; undefined when the answer cannot be had in this state. Without an answer any will do. */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** Equal for states that are alike, and for no others. */
  keyOf(state: State): string;
  /** Whether, with this answer, it leaves every state as it is: a read, or something that was refused. */
  isRead(input: Input, output: Output | undefined): boolean;
  print(input: Input, output: Output | undefined): string;
  /**
   * Prunes: whether a read with this answer may still come after this state when nothing that `restarts` towards it comes before it.
   * Without it a search may have to try every order of a crowd of writes.
   */
  leadsTo?(state: State, output: Output): boolean;
  restarts?(input: Input, output: Output): boolean;
  /**
   * Prunes, with `leadsTo`: no answer but those of reads depends on the state. Then all states that no read of the history may come
   * after are alike, since nothing will be seen of them.
   */
  readonly onlyReadsSee?: boolean;
}

export type CheckResult =
  | { readonly kind: 'linearizable'; readonly states: number }
  /** `window`: where it breaks, for a reader. */
  | { readonly kind: 'illegal'; readonly window: string }
  /** More states than the budget allows were visited. Who takes this for a pass deceives himself. */
  | { readonly kind: 'unknown'; readonly states: number };

/** So many states take a second or two. */
const STATES_MAX = 2_000_000;
const STATES_SHOWN_MAX = 20_000;
const WINDOW_OPERATIONS = 24;

/** `statesMax` bounds the search. */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  statesMax = STATES_MAX,
): CheckResult {
  const operations = relevant(model, history);
  const found = search(model, operations, statesMax);
  if (found.kind !== 'illegal') return found;
  return { kind: 'illegal', window: describe(model, smallest(model, operations, statesMax)) };
}

/** Reads without an answer say nothing. Those with an answer by their calls, then those without. */
function relevant<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
): Operation<Input, Output>[] {
  return history
    .filter(({ input, output }) => output !== undefined || !model.isRead(input, output))
    .toSorted(
      (a, b) =>
        Number(a.output === undefined) - Number(b.output === undefined) ||
        a.calledAt - b.calledAt ||
        a.returnedAt - b.returnedAt,
    );
}

type Found<State> =
  | { readonly kind: 'linearizable'; readonly states: number }
  | { readonly kind: 'unknown'; readonly states: number }
  /** The longest order that was found, as indexes, and the state after it. */
  | { readonly kind: 'illegal'; readonly order: readonly number[]; readonly state: State };

/**
 * Those with an answer come first, those without after them, each in the order of their calls. Goes forward while some operation
 * that is called before the first return of those that are left fits, and back where none does. What is left of operations
 * without an answer need not have happened.
 */
function search<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  statesMax: number,
): Found<State> {
  const { length } = operations;
  let answered = operations.findIndex(({ output }) => output === undefined);
  if (answered < 0) answered = length;
  const isDone = new Uint8Array(length);
  const calledBy = (i: number, time: number) =>
    (operations[i] as Operation<Input, Output>).calledAt <= time;
  const visited = new Set<string>();
  const stateKey = keysOf(model, operations);
  const order: number[] = [];
  /** Of each place in the order: no other operation was worth a try there. */
  const forced: boolean[] = [];
  const states: State[] = [model.initial];
  let [bestOrder, bestState]: [readonly number[], State] = [[], model.initial];
  /** Of those with an answer the first that has no place yet. */
  let first = 0;
  /** None of them has a place behind this one. */
  let high = 0;
  /** Where to look next on this level. */
  let at = 0;
  for (;;) {
    while (first < answered && isDone[first]) first++;
    if (first === answered) return { kind: 'linearizable', states: visited.size };
    const firstReturn = firstReturnOf(operations, isDone, first, answered);
    const state = states.at(-1) as State;
    const goal = model.leadsTo && nextRead(model, operations, isDone, first, answered);
    const candidate = (i: number): State | undefined => {
      const { input, output } = operations[i] as Operation<Input, Output>;
      if (isDone[i]) return undefined;
      const after = model.step(state, input, output);
      const isLost = after !== undefined && goal !== undefined && !model.leadsTo?.(after, goal);
      return isLost ? undefined : after;
    };
    let next: State | undefined;
    let isForced = false;
    // What leaves every state as it is, and fits now, may as well come now: nothing else depends on its place.
    for (let i = first; at <= first && i < answered && calledBy(i, firstReturn); i++) {
      const { input, output } = operations[i] as Operation<Input, Output>;
      if (!model.isRead(input, output) || candidate(i) === undefined) continue;
      [at, next, isForced] = [i, state, true];
      break;
    }
    for (at = Math.max(at, first); next === undefined && at < length; at++) {
      if (!calledBy(at, firstReturn)) {
        if (at >= answered) break;
        at = answered - 1; // none of those with an answer; one without may still fit
        continue;
      }
      next = candidate(at);
      if (next !== undefined) break;
    }
    if (next !== undefined) {
      isDone[at] = 1;
      if (at < answered) high = Math.max(high, at + 1);
      const key = memoryKey(isDone, first, high, answered, stateKey(next));
      if (!visited.has(key)) {
        visited.add(key);
        if (visited.size > statesMax) return { kind: 'unknown', states: visited.size };
        order.push(at);
        forced.push(isForced);
        states.push(next);
        if (order.length > bestOrder.length) [bestOrder, bestState] = [[...order], next];
        at = 0;
        continue;
      }
      isDone[at] = 0;
      if (!isForced) {
        at++;
        continue;
      }
    }
    let last: number | undefined;
    do {
      last = order.pop();
      if (last === undefined) return { kind: 'illegal', order: bestOrder, state: bestState };
      states.pop();
      isDone[last] = 0;
      if (last < answered) first = Math.min(first, last);
    } while (forced.pop());
    at = last + 1;
  }
}

/** Names states: alike those that make no difference any more. */
function keysOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): (state: State) => string {
  const { keyOf, leadsTo, onlyReadsSee, isRead } = model;
  if (!onlyReadsSee || !leadsTo) return keyOf;
  const outputs = new Set<Output>();
  for (const { input, output } of operations) {
    if (output !== undefined && isRead(input, output)) outputs.add(output);
  }
  const known = new Map<string, string>();
  return (state) => {
    const key = keyOf(state);
    let name = known.get(key);
    if (name === undefined) {
      name = [...outputs].some((output) => leadsTo(state, output)) ? `=${key}` : '';
      known.set(key, name);
    }
    return name;
  };
}

/** The answer of the first read that has no place yet, unless something may come before it that begins anew. */
function nextRead<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  isDone: Uint8Array,
  first: number,
  answered: number,
): Output | undefined {
  let read: Operation<Input, Output> | undefined;
  for (let i = first; i < answered; i++) {
    const operation = operations[i] as Operation<Input, Output>;
    if (read && operation.calledAt > read.returnedAt) break;
    if (isDone[i] || !model.isRead(operation.input, operation.output)) continue;
    if (!read || operation.returnedAt < read.returnedAt) read = operation;
  }
  if (!read) return undefined;
  const { returnedAt, output } = read;
  for (let i = first; i < operations.length; i++) {
    const operation = operations[i] as Operation<Input, Output>;
    if (operation.calledAt > returnedAt) {
      if (i >= answered) break;
      i = answered - 1;
      continue;
    }
    const restarts = output !== undefined && model.restarts?.(operation.input, output);
    if (!isDone[i] && restarts) return undefined;
  }
  return output;
}

function firstReturnOf(
  operations: readonly Operation<unknown, unknown>[],
  isDone: Uint8Array,
  first: number,
  answered: number,
): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = first; i < answered; i++) {
    const { calledAt, returnedAt } = operations[i] as Operation<unknown, unknown>;
    // Later ones are called after the least return, so they return later still.
    if (calledAt > least) break;
    if (!isDone[i] && returnedAt < least) least = returnedAt;
  }
  return least;
}

/** Which operations have their place, and the state. */
function memoryKey(
  isDone: Uint8Array,
  from: number,
  high: number,
  answered: number,
  state: string,
): string {
  let first = from;
  while (first < answered && isDone[first]) first++;
  let last = high;
  while (last > first && !isDone[last - 1]) last--;
  return `${first};${bits(isDone, first, last)};${bits(isDone, answered, isDone.length)};${state}`;
}

function bits(isDone: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; ) {
    let word = 1;
    for (let n = 0; n < 30 && i < to; n++, i++) word = (word << 1) | (isDone[i] as number);
    text += word.toString(36);
  }
  return text;
}

/** The shortest beginning that is illegal already, without the reads that it is illegal without. */
function smallest<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  statesMax: number,
): readonly Operation<Input, Output>[] {
  const isIllegal = (part: readonly Operation<Input, Output>[]) =>
    search(model, part, statesMax).kind === 'illegal';
  const ends = operations.map(({ returnedAt }) => returnedAt).toSorted((a, b) => a - b);
  let [low, high] = [0, ends.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isIllegal(until(model, operations, ends[middle] as number))) high = middle;
    else low = middle + 1;
  }
  let part = until(model, operations, ends[low] as number);
  for (let i = part.length - 1; i >= 0; i--) {
    const { input, output } = part[i] as Operation<Input, Output>;
    if (!model.isRead(input, output)) continue;
    const without = part.toSpliced(i, 1);
    if (isIllegal(without)) part = without;
  }
  return part;
}

/** The history as of a moment: what had not returned has no answer yet. */
function until<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  end: number,
): Operation<Input, Output>[] {
  const part = operations
    .filter(({ calledAt }) => calledAt <= end)
    .map((operation) =>
      operation.returnedAt <= end
        ? operation
        : { ...operation, output: undefined, returnedAt: Number.POSITIVE_INFINITY },
    );
  return relevant(model, part);
}

/** The last operations of a history that is illegal, with the order that got furthest and the state that it came to. */
function describe<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): string {
  // Without pruning, as a reader would try; where that takes too long, with it.
  const { initial, step, keyOf, isRead, print } = model;
  const plain = search({ initial, step, keyOf, isRead, print }, operations, STATES_SHOWN_MAX);
  const found = plain.kind === 'illegal' ? plain : search(model, operations, STATES_MAX);
  if (found.kind !== 'illegal') return 'no window';
  const place = new Map(found.order.map((index, i) => [index, i + 1]));
  const from = Math.max(0, operations.length - WINDOW_OPERATIONS);
  const byCall = operations.map((operation, i) => ({ operation, order: place.get(i) }));
  byCall.sort((a, b) => a.operation.calledAt - b.operation.calledAt);
  const lines = byCall.slice(from).map(({ operation, order }) => {
    const { client, input, output, calledAt, returnedAt } = operation;
    const when = `${calledAt.toFixed(1)} to ${returnedAt === Number.POSITIVE_INFINITY ? '?' : returnedAt.toFixed(1)}`;
    const fits = order === undefined ? 'does not fit' : `place ${order}`;
    return `  ${when.padEnd(24)} ${client.padEnd(10)} ${model.print(input, output)}   (${fits})`;
  });
  const before = from > 0 ? `  … ${from} operations before\n` : '';
  const state = model.keyOf(found.state);
  const shown = state.length > 200 ? `…${state.slice(-200)}` : state;
  return `${before}${lines.join('\n')}\n  the longest order that fits ends in the state ${JSON.stringify(shown)}`;
}
