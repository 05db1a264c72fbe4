import type { WriteAheadLog } from '../log/index.ts';
import { type Clock, wait } from '../ports/index.ts';

/** For a node that writes little: a follower takes these in with less than half a processor. */
const BYTES_PER_SECOND = 2 * 1024 * 1024;
/** Beside that, in parts of what the node's log takes: more than 1, or no follower would ever catch up. */
const WRITES_SHARE = 2;
/** The log's writes are looked at this often. Milliseconds. What is older than so long tells nothing of now. */
const SAMPLE_MS = 500;
const STALE_MS = 1_500;
/** Whoever waits looks whether it still has to. Milliseconds. */
const LOOK_MS = 100;

/**
 * How fast a node sends followers that are far behind what it reads back from its log, all of them together: they take it in as
 * fast as it comes, and where nodes share a machine or a disk others would pay for that. Lives as long as the node.
 */
export class ReadBackPace {
  readonly #clock: Clock;
  readonly #log: Pick<WriteAheadLog, 'writtenBytes'>;
  readonly #bytesPerSecond: number;
  #sampledAt: number;
  #sampledBytes: number;
  #writesPerSecond = 0;
  /** When what was sent last is over, at this pace. */
  #freeAt = 0;

  /** `bytesPerSecond`: on top of twice the log's writes; 2 MiB unless told. */
  constructor(
    clock: Clock,
    log: Pick<WriteAheadLog, 'writtenBytes'>,
    bytesPerSecond = BYTES_PER_SECOND,
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#bytesPerSecond = bytesPerSecond;
    this.#sampledAt = clock.monotonic();
    this.#sampledBytes = log.writtenBytes;
  }

  /** Resolves when so many bytes may be sent, in the order of the calls; sooner once they turn out to be urgent. */
  async turn(bytes: number, isUrgent: () => boolean): Promise<void> {
    if (isUrgent()) return;
    const now = this.#clock.monotonic();
    this.#sample(now);
    const at = Math.max(now, this.#freeAt);
    const rate = this.#bytesPerSecond + WRITES_SHARE * this.#writesPerSecond;
    this.#freeAt = at + (1000 * bytes) / rate;
    for (let waitMs = at - now; waitMs > 0 && !isUrgent(); waitMs -= LOOK_MS) {
      const delayMs = Math.min(waitMs, LOOK_MS);
      await wait(this.#clock, delayMs);
    }
  }

  #sample(now: number): void {
    const ms = now - this.#sampledAt;
    if (ms < SAMPLE_MS) return;
    const { writtenBytes } = this.#log;
    this.#writesPerSecond = ms < STALE_MS ? (1000 * (writtenBytes - this.#sampledBytes)) / ms : 0;
    this.#sampledAt = now;
    this.#sampledBytes = writtenBytes;
  }
}
