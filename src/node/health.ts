import type { ReplicaStates } from '../engine/index.ts';
import type { WriteAheadLog } from '../log/index.ts';

/** A write to the log that takes longer holds up everything that this node leads. Milliseconds. */
const DISK_STALL_MS = 500;
/** And so do writes that take longer than this on the average, over a window in which there always was one. */
const SLOW_WRITE_MS = 100;
const WINDOW_MS = 2_000;
/** An event loop that stood still for as long as an election timeout has most likely been missed. */
const LOOP_STALL_MS = 1_000;
/** Shorter stalls that come again and again cost those who wait as much. */
const SHORT_STALL_MS = 300;
const SHORT_STALLS_MAX = 3;
/** How long a node waits after its last trouble before it leads again. */
const RECOVERY_MS = 30_000;

/**
 * Whether this node can keep up as a leader (R8): its disk has room and writes, and its event loop turns. A follower that
 * cannot delays nobody, since the others are a majority; a leader delays everybody, or refuses what others could take (L4).
 *
 * Fed by the node's ticks; the log is looked at from outside, so a write that never returns is noticed, too.
 */
export class Health {
  readonly #log: Pick<WriteAheadLog, 'inFlight' | 'writes' | 'isFull'>;
  readonly #states: Pick<ReplicaStates, 'isDiskFull'>;
  /** Of the write that was under way at the last tick. */
  #writing = -1;
  #writingSince = 0;
  /** Undefined before the first tick: the clock's zero is none of the log's. */
  #windowFrom: number | undefined;
  #windowWrites = 0;
  #shortStalls: number[] = [];
  #troubleAt = -Infinity;
  #wasWell = true;

  constructor(
    log: Pick<WriteAheadLog, 'inFlight' | 'writes' | 'isFull'>,
    states: Pick<ReplicaStates, 'isDiskFull'>,
  ) {
    this.#log = log;
    this.#states = states;
  }

  /** As of the last tick. */
  get isWell(): boolean {
    return this.#wasWell;
  }

  /** `lateMs`: by how much the tick came later than it should have. Returns what is wrong when that is news. */
  tick(now: number, lateMs: number): string | undefined {
    const trouble = this.#loopTrouble(now, lateMs) ?? this.#diskTrouble(now, lateMs);
    if (trouble !== undefined) this.#troubleAt = now;
    const isWell = now - this.#troubleAt >= RECOVERY_MS;
    const isNews = this.#wasWell && !isWell;
    this.#wasWell = isWell;
    return isNews ? trouble : undefined;
  }

  #loopTrouble(now: number, lateMs: number): string | undefined {
    if (lateMs < SHORT_STALL_MS) return undefined;
    const stall = `the event loop stood still for ${Math.round(lateMs)} ms`;
    if (lateMs >= LOOP_STALL_MS) return stall;
    this.#shortStalls = this.#shortStalls.filter((at) => now - at < RECOVERY_MS);
    this.#shortStalls.push(now);
    const { length } = this.#shortStalls;
    return length >= SHORT_STALLS_MAX
      ? `${stall}, ${length} times within half a minute`
      : undefined;
  }

  #diskTrouble(now: number, lateMs: number): string | undefined {
    const { inFlight, writes, isFull } = this.#log;
    if (isFull || this.#states.isDiskFull) return 'the disk is full';
    // A write that ended during a stall of the loop is not known to have.
    if (!inFlight || writes !== this.#writing || lateMs >= SHORT_STALL_MS) {
      this.#writing = inFlight ? writes : -1;
      this.#writingSince = now;
    } else if (now - this.#writingSince >= DISK_STALL_MS) {
      return `the log has been writing for ${Math.round(now - this.#writingSince)} ms`;
    }
    if (!inFlight || lateMs >= SHORT_STALL_MS || this.#windowFrom === undefined) {
      this.#windowFrom = now;
      this.#windowWrites = writes;
      return undefined;
    }
    const elapsed = now - this.#windowFrom;
    if (elapsed < WINDOW_MS) return undefined;
    const perWrite = elapsed / Math.max(1, writes - this.#windowWrites);
    this.#windowFrom = now;
    this.#windowWrites = writes;
    if (perWrite < SLOW_WRITE_MS) return undefined;
    return `a write to the log takes ${Math.round(perWrite)} ms`;
  }
}
