import type { Timer } from '../ports/index.ts';
import { type EventKind, EventQueue, SimEvent } from './event-queue.ts';
import { SimProcess, type SimProcessOptions } from './process.ts';
import { Trace } from './trace.ts';

/** What plain JavaScript cannot do, and whoever runs a simulation has to. */
export interface Host {
  /** Calls back a little later, not from within a promise. */
  soon(callback: () => void): void;
  /** Runs every microtask that can run, from within such a call. Without it each event takes a call of `soon`: slower. */
  readonly runMicrotasks: (() => void) | undefined;
}

interface Turn {
  readonly process: SimProcess;
  readonly run: () => void;
}

/** So many events at one moment mean that something goes round in circles without letting time pass. */
const EVENTS_PER_MOMENT_MAX = 50_000;

/** After so many whoever runs this gets a turn. */
const EVENTS_PER_CALL = 5_000;

/**
 * Time that passes only from one event to the next, the same for a whole world. Between two events all microtasks run, so
 * that code with promises is simulated too. The order is by time and then by the sequence in which events were scheduled.
 */
export class VirtualTime {
  readonly trace = new Trace();
  /** Called after each event and all that followed from it at once, with the process whose it was. What it throws ends the run. */
  onEvent: ((owner: SimProcess | undefined, kind: EventKind) => void) | undefined;
  readonly #host: Host;
  readonly #queue = new EventQueue();
  #now = 0;
  #processes = 0;
  #sequence = 0;
  #events = 0;
  #eventsNow = 0;
  #isPassing = false;
  /** Ends of turns, in the order of the calls. */
  readonly #turns: Turn[] = [];
  /** Of the last event, until that is told; and whose it was. */
  #untold: EventKind | undefined;
  #actor: SimProcess | undefined;

  constructor(host: Host) {
    this.#host = host;
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
    const event = new SimEvent(at, this.#sequence++, kind, owner, run);
    this.#queue.push(event);
    return event;
  }

  /** For SimProcess: runs when everything that is due at this moment was handled. */
  endOfTurn(process: SimProcess, run: () => void): void {
    this.#turns.push({ process, run });
  }

  /** For SimProcess: something happens to it within an event of the world. */
  happensTo(process: SimProcess, kind: EventKind): void {
    this.#actor = process;
    this.#untold = kind;
  }

  /** For SimProcess: an event that came due during a pause is due now. */
  again(event: SimEvent): void {
    event.at = this.#now;
    event.sequence = this.#sequence++;
    this.#queue.push(event);
  }

  /** Lets time pass until `untilMs`, that moment included. */
  async run(untilMs: number): Promise<void> {
    await this.#loop(untilMs, () => false);
    this.#advance(untilMs);
  }

  /** Lets `durationMs` pass. */
  pass(durationMs: number): Promise<void> {
    return this.run(this.#now + durationMs);
  }

  /** Lets time pass until the condition holds between two events; false when `limitMs` have passed without. */
  async runUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
    const until = this.#now + limitMs;
    if (await this.#loop(until, condition)) return true;
    this.#advance(until);
    return condition();
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

  /**
   * Handles events up to `untilMs`, with all microtasks after each; resolves with true once the condition holds between two, and
   * with false when there is none left.
   */
  #loop(untilMs: number, condition: () => boolean): Promise<boolean> {
    const { runMicrotasks } = this.#host;
    if (this.#isPassing) return Promise.reject(new Error('time is passing already'));
    this.#isPassing = true;
    const passed = new Promise<boolean>((resolve, reject) => {
      const go = () => {
        try {
          for (let i = 0; i < EVENTS_PER_CALL; i++) {
            // What was done outside of events, or in the last one, has had its microtasks by now.
            this.#tell();
            if (this.#turns.length === 0 && condition()) return resolve(true);
            if (!this.#step(untilMs)) return resolve(false);
            if (!runMicrotasks) break;
            runMicrotasks();
          }
        } catch (error) {
          return reject(error);
        }
        this.#host.soon(go);
      };
      this.#host.soon(go);
    });
    return passed.finally(() => {
      this.#isPassing = false;
    });
  }

  #tell(): void {
    const kind = this.#untold;
    if (!kind) return;
    this.#untold = undefined;
    this.onEvent?.(this.#actor, kind);
  }

  /** Handles what is due next; false when there is nothing up to `untilMs`. */
  #step(untilMs: number): boolean {
    const event = this.#queue.first;
    // A turn ends when what is due at this moment was handled: sockets are read before.
    if (this.#turns.length > 0 && (event === undefined || event.at > this.#now)) {
      const { process, run } = this.#turns.shift() as Turn;
      this.#count('turn', process);
      process.runNow('turn', run);
      return true;
    }
    if (event === undefined || event.at > untilMs) return false;
    this.#queue.pop();
    if (event.isCancelled) return true;
    this.#advance(event.at);
    const { owner } = event;
    this.#count(event.kind, owner);
    if (owner === undefined) event.run();
    else owner.take(event);
    return true;
  }

  #count(kind: EventKind, process: SimProcess | undefined): void {
    this.#events++;
    if (++this.#eventsNow > EVENTS_PER_MOMENT_MAX) {
      throw new Error(
        `time stands still at ${this.#now} ms: ${kind} of ${process?.name ?? 'the world'}`,
      );
    }
    this.trace.add(this.#now, numberOf(kind), process?.id ?? 0);
    this.#actor = process;
    this.#untold = kind;
  }

  #advance(to: number): void {
    if (to <= this.#now) return;
    this.#now = to;
    this.#eventsNow = 0;
  }
}

/** In the trace. */
function numberOf(kind: EventKind): number {
  switch (kind) {
    case 'timer':
      return 1;
    case 'io':
      return 2;
    case 'turn':
      return 3;
  }
}
