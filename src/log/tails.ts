import { ENTRY_HEADER_BYTES, HARD_STATE_BYTES, RECORD_HEADER_BYTES } from './format.ts';
import type { LogAppend, LogEntry } from './types.ts';

/** The end of a replica's log with everything queued. */
interface Tail {
  compacted: number;
  last: number;
}

/** What the next step of each replica must fit to; throws with the values where one does not. */
export class Tails {
  readonly #tails = new Map<number, Tail>();

  set(replica: number, compacted: number, last: number): void {
    this.#tails.set(replica, { compacted, last });
  }

  /** Returns the length of the step's records. */
  append(replica: number, step: LogAppend): number {
    const tail = this.#tail(replica);
    let bytes = 0;
    if (step.reset) {
      if (step.reset.index < tail.compacted) {
        throw new Error(`replica ${replica}: reset to ${step.reset.index} < ${tail.compacted}`);
      }
      tail.compacted = step.reset.index;
      tail.last = step.reset.index;
      bytes += RECORD_HEADER_BYTES;
    }
    if (step.entries) bytes += addEntries(replica, tail, step.entries);
    if (step.hardState) bytes += HARD_STATE_BYTES;
    return bytes;
  }

  /** False when nothing is left to trim. */
  trim(replica: number, index: number): boolean {
    const tail = this.#tail(replica);
    if (index <= tail.compacted) return false;
    if (index > tail.last) {
      throw new Error(`replica ${replica}: trim to ${index} > last index ${tail.last}`);
    }
    tail.compacted = index;
    return true;
  }

  /** False when there is nothing of it. */
  remove(replica: number): boolean {
    return this.#tails.delete(replica);
  }

  #tail(replica: number): Tail {
    let tail = this.#tails.get(replica);
    if (!tail) {
      tail = { compacted: 0, last: 0 };
      this.#tails.set(replica, tail);
    }
    return tail;
  }
}

function addEntries(replica: number, tail: Tail, entries: readonly LogEntry[]): number {
  const first = entries[0];
  if (!first) return 0;
  if (first.index <= tail.compacted || first.index > tail.last + 1) {
    const range = `${tail.compacted + 1} to ${tail.last + 1}`;
    throw new Error(`replica ${replica}: entry ${first.index} is outside ${range}`);
  }
  let { index, term } = first;
  let bytes = RECORD_HEADER_BYTES;
  for (const entry of entries) {
    if (entry.index !== index || entry.term < term) {
      const found = `{${entry.index}, ${entry.term}}`;
      throw new Error(`replica ${replica}: entry ${found} after {${index - 1}, ${term}}`);
    }
    if (entry.term !== term) bytes += RECORD_HEADER_BYTES;
    bytes += ENTRY_HEADER_BYTES + entry.data.length;
    term = entry.term;
    index++;
  }
  tail.last = index - 1;
  return bytes;
}
