import type { Timer } from '../ports/index.ts';
import { type EventKind, EventQueue, type SimEvent } from './event-queue.ts';
import { SimProcess, type SimProcessOptions } from './process.ts';
import { Trace } from './trace.ts';

/** Resolves when every microtask that can run has run. Only a host can do that: on Node.js by awaiting a `setImmediate`. */
export type Drain = () => Promise<void>;

/** So many events at one moment mean that something goes round in circles without letting time pass. */
const EVENTS_PER_MOMENT_MAX = 50_000;

const KIND_NUMBERS: Readonly<Record<EventKind, number>> = { timer: 1, io: 2, turn: 3 };

/**
 * Time that passes only from one event to the next, the same for a whole world. Between two events all microtasks run, so
 * that code with promises is simulated too. The order is by time and then by the sequence in which events were scheduled.
 */
export class VirtualTime {
  readonly trace = new Trace();
  /** Called after each event and all that followed from it at once, with the process whose it was. What it throws ends the run. */
  onEvent: ((owner: SimProcess | undefined, kind: EventKind) => void) | undefined;
  readonly #drain: Drain;
  readonly #queue = new EventQueue();
  #now = 0;
  #processes = 0;
  #sequence = 0;
  #events = 0;
  #eventsNow = 0;

  constructor(drain: Drain) {
    this.#drain = drain;
  }

  /** Milliseconds since the beginning of the world. */
  get now(): number {
    return this.#now;
  }

  /** Handled so far. */
  get events(): number {
    return this.#events;
  }

  process(name: string, options: SimProcessOptions = {}): SimProcess {
    return new SimProcess(this, ++this.#processes, name, options);
  }

  /** Something that happens in the world and in no process: a fault, a packet on its way. */
  after(delayMs: number, run: () => void): Timer {
    return this.schedule('timer', delayMs, run, undefined);
  }

  /** See `SimProcess.schedule` and {@link after}. */
  schedule(
    kind: EventKind,
    delayMs: number,
    run: () => void,
    owner: SimProcess | undefined,
  ): Timer {
    const at = this.#now + Math.max(0, delayMs);
    const sequence = this.#sequence++;
    const event: SimEvent = { at, sequence, kind, owner, run, cancelled: false };
    this.#queue.push(event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** For SimProcess: an event that came due during a pause is due now. */
  again(event: SimEvent): void {
    event.at = this.#now;
    event.sequence = this.#sequence++;
    this.#queue.push(event);
  }

  /** Lets time pass until `untilMs`, that moment included. */
  async run(untilMs: number): Promise<void> {
    await this.#drain();
    while (await this.#step(untilMs));
    this.#advance(untilMs);
  }

  /** Lets `durationMs` pass. */
  pass(durationMs: number): Promise<void> {
    return this.run(this.#now + durationMs);
  }

  /** Lets time pass until the condition holds between two events; false when `limitMs` have passed without. */
  async runUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
    const until = this.#now + limitMs;
    await this.#drain();
    while (!condition()) {
      if (await this.#step(until)) continue;
      this.#advance(until);
      return condition();
    }
    return true;
  }

  /** Lets time pass until the promise settles; rejects when `limitMs` have passed without. */
  async settle<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    if (!(await this.runUntil(() => settled, limitMs))) {
      throw new Error(`nothing came of it within ${limitMs} ms`);
    }
    return promise;
  }

  /** Handles the next event up to `untilMs`; false when there is none. */
  async #step(untilMs: number): Promise<boolean> {
    const event = this.#queue.first;
    if (event === undefined || event.at > untilMs) return false;
    this.#queue.pop();
    if (event.cancelled) return true;
    this.#advance(event.at);
    this.#events++;
    if (++this.#eventsNow > EVENTS_PER_MOMENT_MAX) {
      throw new Error(
        `time stands still at ${this.#now} ms: ${event.kind} of ${event.owner?.name ?? 'the world'}`,
      );
    }
    const { owner } = event;
    this.trace.add(this.#now, KIND_NUMBERS[event.kind], owner?.id ?? 0, 0);
    if (owner === undefined) event.run();
    else owner.take(event);
    await this.#drain();
    this.onEvent?.(owner, event.kind);
    return true;
  }

  #advance(to: number): void {
    if (to <= this.#now) return;
    this.#now = to;
    this.#eventsNow = 0;
  }
}
