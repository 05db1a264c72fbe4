import { broken } from './invariant.ts';
import type { HardState, Index, Message } from './types.ts';

interface Write {
  readonly number: number;
  readonly hardState: HardState | undefined;
  /** The highest index that this write makes durable and that still stands; 0 for none. */
  lastIndex: Index;
  readonly bytes: number;
  /** What came after the write was handed out and must not leave before it is durable. */
  readonly messages: Message[];
}

/** What a completed write, with every earlier one, has made durable. */
export interface Completed {
  readonly hardState: HardState | undefined;
  readonly lastIndex: Index;
  /** Free to leave now. */
  readonly messages: readonly Message[];
}

/**
 * The writes that the host has taken and not yet reported durable, oldest first.
 *
 * A write counts only for entries that still stand when it completes (L5). Comparing index and term at completion would
 * not do: an entry may be written, truncated by one leader and written again for the next, and the first write would
 * then vouch for what the second has just removed from the disk. So a truncation lowers every write in flight, and
 * nothing raises it again.
 */
export class Writes {
  readonly #inFlight: Write[] = [];
  #issued = 0;
  #completed = 0;
  #bytes = 0;

  get inFlight(): number {
    return this.#inFlight.length;
  }

  /** Of the entries on their way to the disk, each with its overhead. */
  get bytes(): number {
    return this.#bytes;
  }

  issue(hardState: HardState | undefined, lastIndex: Index, bytes: number): number {
    this.#issued++;
    this.#bytes += bytes;
    this.#inFlight.push({ number: this.#issued, hardState, lastIndex, bytes, messages: [] });
    return this.#issued;
  }

  /** Keeps messages until the newest write in flight is durable. */
  hold(messages: readonly Message[]): void {
    const newest = this.#inFlight.at(-1);
    if (newest === undefined) throw broken('no write to wait for', { messages: messages.length });
    for (const message of messages) newest.messages.push(message);
  }

  truncateFrom(index: Index): void {
    for (const write of this.#inFlight) write.lastIndex = Math.min(write.lastIndex, index - 1);
  }

  complete(number: number): Completed {
    if (!(number > this.#completed && number <= this.#issued)) {
      throw broken('write completed that is not in flight', {
        number,
        completed: this.#completed,
        issued: this.#issued,
      });
    }
    this.#completed = number;
    let hardState: HardState | undefined;
    let lastIndex = 0;
    const messages: Message[] = [];
    while (this.#inFlight.length > 0 && (this.#inFlight[0] as Write).number <= number) {
      const write = this.#inFlight.shift() as Write;
      this.#bytes -= write.bytes;
      hardState = write.hardState ?? hardState;
      lastIndex = Math.max(lastIndex, write.lastIndex);
      messages.push(...write.messages);
    }
    return { hardState, lastIndex, messages };
  }
}
