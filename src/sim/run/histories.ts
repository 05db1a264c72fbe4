import {
  type CheckResult,
  checkLinearizable,
  type Model,
  type Operation,
} from '../check/linearizability.ts';
import {
  COUNTER,
  REGISTER,
  type RegisterInput,
  VERSIONED,
  type VersionedInput,
  type VersionedOutput,
} from '../check/models.ts';
import { type Item, kindOf } from './items.ts';

/** When an operation was called and when it returned, in the order of everything. */
export type Stamp = number;

/** The call of a read that may see any state there ever was: one that is eventually consistent. */
const EVER: Stamp = 0;

/** What the clients of a world did and saw, key by key. It must be linearizable (D1, S1). */
export class Histories {
  readonly #registers = new History(REGISTER, ({ input, output }) =>
    input.kind === 'get' ? output?.slice(Math.max(0, output.lastIndexOf('('))) : input.value,
  );
  readonly #counters = new History(COUNTER, ({ output }) => output?.toString());
  readonly #versioned = new History(VERSIONED, ({ input, output }) =>
    input.kind === 'put' ? input.value : output?.kind === 'value' ? output.value : undefined,
  );
  /** Answers that no client should ever get. */
  readonly #wrong: string[] = [];
  #stamps = 0;
  #values = 0;

  stamp(): Stamp {
    return ++this.#stamps;
  }

  /** Of a read that is called now. */
  calledAt(isConsistent: boolean): Stamp {
    return isConsistent ? this.stamp() : EVER;
  }

  /** Another one each time. */
  uniqueNumber(): number {
    return ++this.#values;
  }

  isWrong(what: string): void {
    this.#wrong.push(what);
  }

  /** A read found this; undefined: there is no such item. */
  saw(client: string, key: string, item: Item | undefined, calledAt: Stamp): void {
    const called = { client, calledAt, returnedAt: this.stamp() };
    switch (kindOf(key)) {
      case 'register':
        this.#registers.add(key, { ...called, input: { kind: 'get' }, output: textOf(item) });
        break;
      case 'list': {
        const output = (item?.['l']?.L ?? []).map(({ S }) => S).join('');
        this.#registers.add(key, { ...called, input: { kind: 'get' }, output });
        break;
      }
      case 'counter': {
        const input = { kind: 'get', amount: 0 } as const;
        this.#counters.add(key, { ...called, input, output: numberOf(item) });
        break;
      }
      case 'versioned': {
        const output = { kind: 'value', value: textOf(item), version: numberOf(item) } as const;
        this.#versioned.add(key, { ...called, input: { kind: 'get' }, output });
      }
    }
  }

  /** A register or a list was written. `isKnown`: that it was done; otherwise nobody knows, or will. */
  wrote(
    client: string,
    key: string,
    input: RegisterInput,
    isKnown: boolean,
    calledAt: Stamp,
  ): void {
    const output = isKnown ? '' : undefined;
    this.#registers.add(key, { ...this.#span(client, calledAt, isKnown), input, output });
  }

  /** `sum`: what the answer told; undefined: there was none. */
  added(
    client: string,
    key: string,
    amount: number,
    sum: number | undefined,
    calledAt: Stamp,
  ): void {
    const span = this.#span(client, calledAt, sum !== undefined);
    this.#counters.add(key, { ...span, input: { kind: 'add', amount }, output: sum });
  }

  /** Undefined: there was no answer. */
  replaced(
    client: string,
    key: string,
    input: VersionedInput,
    output: VersionedOutput | undefined,
    calledAt: Stamp,
  ): void {
    const span = this.#span(client, calledAt, output !== undefined);
    this.#versioned.add(key, { ...span, input, output });
  }

  /** Of the histories that are not linearizable, or too entangled to tell: in words. */
  faults(): string[] {
    return [
      ...this.#wrong,
      ...this.#registers.faults(withoutUnseen),
      ...this.#counters.faults(),
      ...this.#versioned.faults(),
    ];
  }

  #span(client: string, calledAt: Stamp, hasReturned: boolean) {
    const returnedAt = hasReturned ? this.stamp() : Number.POSITIVE_INFINITY;
    return { client, calledAt, returnedAt };
  }
}

/** Of all keys of one model. */
class History<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #markOf: (operation: Operation<Input, Output>) => string | undefined;
  readonly #operations = new Map<string, Operation<Input, Output>[]>();

  /** `markOf` a read is the same as that of the one write without which there is nothing to read so; "" or undefined: none is known. */
  constructor(
    model: Model<State, Input, Output>,
    markOf: (operation: Operation<Input, Output>) => string | undefined,
  ) {
    this.#model = model;
    this.#markOf = markOf;
  }

  add(key: string, operation: Operation<Input, Output>): void {
    const operations = this.#operations.get(key);
    if (operations) operations.push(operation);
    else this.#operations.set(key, [operation]);
  }

  faults(
    needed = (operations: readonly Operation<Input, Output>[]) => operations,
  ): readonly string[] {
    return [...this.#operations].flatMap(([key, operations]) => {
      const called = needed(this.#withCalls(operations));
      return faultOf(key, checkLinearizable(this.#model, called)) ?? [];
    });
  }

  /**
   * A read that may be of any time is not of one before the call of the write that it saw. To say so leaves the checker far less to
   * look through.
   */
  #withCalls(operations: readonly Operation<Input, Output>[]): Operation<Input, Output>[] {
    const calls = new Map<string, Stamp>();
    for (const operation of operations) {
      const mark = this.#markOf(operation);
      const isWrite = !this.#model.isRead(operation.input, operation.output);
      if (isWrite && mark) calls.set(mark, operation.calledAt);
    }
    return operations.map((operation) => {
      if (operation.calledAt !== EVER) return operation;
      const calledAt = calls.get(this.#markOf(operation) ?? '') ?? EVER;
      return calledAt < operation.returnedAt ? { ...operation, calledAt } : operation;
    });
  }
}

function faultOf(key: string, result: CheckResult): string | undefined {
  switch (result.kind) {
    case 'illegal':
      return `[D1] ${key} is not linearizable:\n${result.window}`;
    case 'unknown':
      return `[D1] ${key}: too many states to tell`;
    default:
      return undefined;
  }
}

/**
 * Without the writes of which nobody knows whether they took effect and whose value nobody saw: wherever they would fit, all the
 * rest fits without them, too. There are many of them where nodes die.
 */
function withoutUnseen(
  history: readonly Operation<RegisterInput, string>[],
): Operation<RegisterInput, string>[] {
  const seen = history.flatMap(({ input, output }) =>
    input.kind === 'get' && output !== undefined ? output : [],
  );
  return history.filter(({ input, output }) => {
    if (output !== undefined || input.kind === 'get' || input.value === '') return true;
    const { value } = input;
    return seen.some((text) => text.includes(value));
  });
}

function textOf(item: Item | undefined): string {
  return item?.['v']?.S ?? '';
}

function numberOf(item: Item | undefined): number {
  return Number(item?.['n']?.N ?? 0);
}
