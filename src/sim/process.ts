import type { Clock, Timer } from '../ports/index.ts';
import { type EventKind, SimEvent } from './event-queue.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface SimProcessOptions {
  /** What `monotonic` shows at the start of the process, in milliseconds. */
  readonly monotonicOrigin?: number;
  /** How fast the process's monotonic clock goes; 1 is right. Its timers go by it. */
  readonly rate?: number;
  /** What `wall` shows beyond the right time, in milliseconds: it may change at any time. */
  readonly wallErrorMs?: () => number;
  /** Milliseconds that a timer fires late, as timers do. */
  readonly timerDelayMs?: () => number;
  /** What the process throws ends it, as an uncaught exception does; the world hears why. */
  readonly onError?: (error: unknown) => void;
}

const KIND_ORDER: Readonly<Record<EventKind, number>> = { timer: 0, io: 1, turn: 2 };
/** The first of January 2026, midnight UTC. */
const WALL_ORIGIN = 1_767_225_600_000;

/** One operating-system process: its clock, and whether its callbacks run now, later (paused) or never again (dead). */
export class SimProcess {
  /** Counts up over all processes of a world, from 1. */
  readonly id: number;
  readonly name: string;
  readonly clock: Clock;
  readonly #time: VirtualTime;
  readonly #options: SimProcessOptions;
  readonly #startedAt: number;
  /** What came due during a pause. */
  #held: SimEvent[] = [];
  #heldCount = 0;
  #state: 'running' | 'paused' | 'dead' = 'running';

  /** Use `VirtualTime.process`. */
  constructor(time: VirtualTime, id: number, name: string, options: SimProcessOptions) {
    this.#time = time;
    this.id = id;
    this.name = name;
    this.#options = options;
    this.#startedAt = time.now;
    const {
      monotonicOrigin = 0,
      rate = 1,
      wallErrorMs = () => 0,
      timerDelayMs = () => 0,
    } = options;
    this.clock = {
      monotonic: () => rate * (time.now - this.#startedAt) + monotonicOrigin,
      wall: () => Math.floor(WALL_ORIGIN + time.now + wallErrorMs()),
      after: (delayMs, callback) =>
        this.schedule('timer', Math.max(0, delayMs) / rate + timerDelayMs(), callback),
      // What is due at a moment is handled before any turn ends, so that the next turn would bring nothing.
      endOfTurn: (callback) => time.endOfTurn(this, callback),
    };
  }

  get isAlive(): boolean {
    return this.#state !== 'dead';
  }

  get isPaused(): boolean {
    return this.#state === 'paused';
  }

  /** Runs `callback` in this process `delayMs` from now, unless it is dead by then. */
  schedule(kind: EventKind, delayMs: number, callback: () => void): Timer {
    return this.#time.schedule(kind, delayMs, callback, this);
  }

  /** Something happens to this process at this moment, or, during a pause, at its end. */
  runNow(kind: EventKind, run: () => void): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'paused') {
      this.#hold(new SimEvent(0, 0, kind, this, run));
      return;
    }
    this.#time.happensTo(this, kind);
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  /** SIGSTOP: time goes on, callbacks do not. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** SIGCONT: timers that came due fire first, then what the sockets received is read. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const held = this.#held.sort(
      (a, b) => KIND_ORDER[a.kind] - KIND_ORDER[b.kind] || a.sequence - b.sequence,
    );
    this.#held = [];
    for (const event of held) this.#time.again(event);
  }

  /** SIGKILL. */
  kill(): void {
    this.#state = 'dead';
    this.#held = [];
  }

  /** For VirtualTime: an event of this process is due. */
  take(event: SimEvent): void {
    if (this.#state === 'paused') this.#hold(event);
    else this.runNow(event.kind, event.run);
  }

  #hold(event: SimEvent): void {
    event.sequence = this.#heldCount++;
    this.#held.push(event);
  }

  /** The process dies of an error. */
  fail(error: unknown): void {
    if (!this.isAlive) return;
    this.kill();
    if (!this.#options.onError) throw error;
    this.#options.onError(error);
  }
}
