import { broken } from './invariant.ts';
import type { Entry, Index, LogPosition, Term } from './types.ts';

/**
 * What an entry is counted as besides its data, so that empty entries are bounded too: about 150 bytes is what V8 keeps
 * for the entry object and the view on its bytes.
 */
export const ENTRY_OVERHEAD_BYTES = 128;

export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

// Stands in for compacted entries until the array is cut, so that their bytes can be collected at once.
const COMPACTED: Entry = { index: 0, term: 0, kind: 'empty', data: new Uint8Array(0) };

// The array is cut when this many slots before its first entry are free and they outweigh the rest: cutting is then
// O(1) per entry over time.
const FREE_SLOTS_MIN = 1024;

/** What of a log can be read back from the disk although it is not in memory. */
export interface StoredLog {
  /** The last position that is on the disk no more. */
  readonly compacted: LogPosition;
  /** Of the entries from there on the first one of each term. */
  readonly terms: readonly LogPosition[];
}

/**
 * The log above its compaction point, in memory, with the marks that move over it; of entries that can only be read back
 * from the disk it knows the terms:
 *
 *     stored ≤ compacted ≤ applied ≤ taken ≤ commit ≤ lastIndex      taken: handed out to be applied
 *     durable ≤ written ≤ lastIndex                         written: handed out to be made durable
 *
 * `commit` may pass `durable` (a majority without this replica has the entries), and `durable` falls when a conflict
 * truncates the log. All marks only grow otherwise.
 */
export class RaftLog {
  #entries: Entry[];
  #head = 0;
  #compacted: LogPosition;
  #stored: LogPosition;
  /** The first entry of each term in (stored, compacted]. */
  #terms: LogPosition[];
  #commit: Index;
  #applied: Index;
  #taken: Index;
  #written: Index;
  #durable: Index;
  #bytes = 0;
  #uncommittedBytes = 0;

  /** `entries` are durable and follow `compacted` without a gap; throws when they or the marks do not fit together. */
  constructor(
    compacted: LogPosition,
    entries: readonly Entry[],
    commit: Index,
    applied: Index,
    stored: StoredLog = { compacted, terms: [] },
  ) {
    this.#compacted = compacted;
    this.#stored = stored.compacted;
    this.#terms = stored.terms.filter(({ index }) => index <= compacted.index);
    if (this.#storedTermAt(compacted.index) !== compacted.term) {
      throw broken('what is stored does not reach what is in memory', {
        stored: stored.compacted.index,
        compacted: compacted.index,
        term: compacted.term,
      });
    }
    this.#entries = [];
    this.#commit = Math.max(commit, applied, compacted.index);
    this.#applied = applied;
    this.#taken = applied;
    this.append(entries);
    this.#written = this.lastIndex;
    this.#durable = this.lastIndex;
    if (applied < compacted.index || this.#commit > this.lastIndex) {
      throw broken('the log does not reach the state', {
        compacted: compacted.index,
        applied,
        commit,
        lastIndex: this.lastIndex,
      });
    }
  }

  /** The last index that is no longer in memory, with its term; {0, 0} in a whole log. */
  get compacted(): LogPosition {
    return this.#compacted;
  }

  /** The last index that cannot even be read back, with its term. */
  get stored(): LogPosition {
    return this.#stored;
  }

  get firstIndex(): Index {
    return this.#compacted.index + 1;
  }

  get lastIndex(): Index {
    return this.#compacted.index + this.#entries.length - this.#head;
  }

  get lastTerm(): Term {
    return this.#entries.length === this.#head
      ? this.#compacted.term
      : (this.#entries[this.#entries.length - 1] as Entry).term;
  }

  get commit(): Index {
    return this.#commit;
  }

  get applied(): Index {
    return this.#applied;
  }

  get taken(): Index {
    return this.#taken;
  }

  get written(): Index {
    return this.#written;
  }

  /** Every entry up to here is durable: in the log on disk, or in an installed snapshot. */
  get durable(): Index {
    return this.#durable;
  }

  /** Of all entries in memory, each with {@link ENTRY_OVERHEAD_BYTES}. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of the entries above `commit`. */
  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  /** Undefined outside [stored.index, lastIndex]. */
  termAt(index: Index): Term | undefined {
    const offset = index - this.#compacted.index;
    if (offset === 0) return this.#compacted.term;
    if (offset < 0) return this.#storedTermAt(index);
    return this.#entries[this.#head + offset - 1]?.term;
  }

  #storedTermAt(index: Index): Term | undefined {
    if (index <= this.#stored.index) {
      return index === this.#stored.index ? this.#stored.term : undefined;
    }
    return this.#terms.findLast((start) => start.index <= index)?.term;
  }

  /** The entries of [from, to), which must be in memory. */
  slice(from: Index, to: Index): readonly Entry[] {
    if (from < this.firstIndex || to > this.lastIndex + 1 || from > to) {
      throw broken('slice outside the log', {
        from,
        to,
        firstIndex: this.firstIndex,
        lastIndex: this.lastIndex,
      });
    }
    const offset = this.#head - this.firstIndex;
    return this.#entries.slice(offset + from, offset + to);
  }

  /** The end of the longest run from `from` that takes at most `bytesMax`, exclusive; at least one entry long. */
  endOfRun(from: Index, bytesMax: number): { readonly to: Index; readonly bytes: number } {
    const offset = this.#head - this.firstIndex;
    const last = this.lastIndex;
    let to = from;
    let bytes = 0;
    while (to <= last) {
      const size = entryBytes(this.#entries[offset + to] as Entry);
      if (bytes + size > bytesMax && to > from) break;
      bytes += size;
      to++;
    }
    return { to, bytes };
  }

  /** Whether a log that ends at the given position has everything this one can have committed (Raft paper §5.4.1). */
  isUpToDate(lastIndex: Index, lastTerm: Term): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /**
   * The last position at or before `index` whose term is at most `term`: up to there another log, which has `term` at
   * `index` or before, may agree with this one. Terms never fall along a log, so whole terms are skipped at once (R4).
   * Never before what can be read back.
   */
  lastPositionWithin(index: Index, term: Term): LogPosition {
    let low = this.#stored.index;
    let high = Math.max(low, Math.min(index, this.lastIndex));
    while (low < high) {
      const middle = low + Math.ceil((high - low) / 2);
      if ((this.termAt(middle) as Term) <= term) low = middle;
      else high = middle - 1;
    }
    return { index: low, term: this.termAt(low) as Term };
  }

  /** Adds entries after the last one; they must follow it without a gap and never fall in term. */
  append(entries: readonly Entry[]): void {
    let index = this.lastIndex;
    let term = this.lastTerm;
    for (const entry of entries) {
      if (entry.index !== ++index || entry.term < term) {
        throw broken('entry does not follow the log', {
          index: entry.index,
          term: entry.term,
          expectedIndex: index,
          lastTerm: term,
        });
      }
      term = entry.term;
      this.#entries.push(entry);
      const bytes = entryBytes(entry);
      this.#bytes += bytes;
      if (index > this.#commit) this.#uncommittedBytes += bytes;
    }
  }

  /** Drops `index` and everything after it, which another leader has overwritten. Never a committed entry (R2). */
  truncateFrom(index: Index): void {
    if (index <= this.#commit) {
      throw broken('a committed entry would be overwritten', { index, commit: this.#commit });
    }
    const keep = this.#head + index - this.firstIndex;
    for (let i = keep; i < this.#entries.length; i++) {
      const bytes = entryBytes(this.#entries[i] as Entry);
      this.#bytes -= bytes;
      this.#uncommittedBytes -= bytes;
    }
    this.#entries.length = keep;
    this.#written = Math.min(this.#written, index - 1);
    this.#durable = Math.min(this.#durable, index - 1);
  }

  /** Moves the commit index up; one that is behind changes nothing. False when nothing moved. */
  commitTo(index: Index): boolean {
    if (index <= this.#commit) return false;
    if (index > this.lastIndex) {
      throw broken('commit beyond the log: were acknowledged entries lost from this disk?', {
        commit: index,
        lastIndex: this.lastIndex,
      });
    }
    const offset = this.#head - this.firstIndex;
    for (let i = this.#commit + 1; i <= index; i++) {
      this.#uncommittedBytes -= entryBytes(this.#entries[offset + i] as Entry);
    }
    this.#commit = index;
    return true;
  }

  takeUnwritten(): readonly Entry[] {
    const entries = this.slice(this.#written + 1, this.lastIndex + 1);
    this.#written = this.lastIndex;
    return entries;
  }

  takeCommitted(): readonly Entry[] {
    const entries = this.slice(this.#taken + 1, this.#commit + 1);
    this.#taken = this.#commit;
    return entries;
  }

  durableTo(index: Index): boolean {
    if (index <= this.#durable) return false;
    if (index > this.#written) {
      throw broken('durable beyond what was written', { index, written: this.#written });
    }
    this.#durable = index;
    return true;
  }

  appliedTo(index: Index): void {
    if (index < this.#applied || index > this.#taken) {
      throw broken('applied out of range', { index, applied: this.#applied, taken: this.#taken });
    }
    this.#applied = index;
  }

  /** Drops everything up to `index`; what is compacted already changes nothing. Never beyond `applied`. */
  compactTo(index: Index): void {
    if (index <= this.#stored.index) return;
    this.#drop(index);
    this.#stored = { index, term: this.termAt(index) as Term };
    const isInMemory = index >= this.#compacted.index;
    const first = this.#terms.findLastIndex((start) => start.index <= index + 1);
    this.#terms = isInMemory ? [] : this.#terms.slice(first);
  }

  /** Drops everything up to `index` from memory; it can be read back. Never beyond `applied`, nor what is not durable. */
  evictTo(index: Index): void {
    if (index > this.#durable) throw broken('eviction', { index, durable: this.#durable });
    this.#drop(index);
  }

  #drop(index: Index): void {
    if (index <= this.#compacted.index) return;
    if (index > this.#applied) {
      throw broken('compaction beyond the applied index', { index, applied: this.#applied });
    }
    const term = this.termAt(index) as Term;
    const head = this.#head + index - this.#compacted.index;
    for (let i = this.#head; i < head; i++) {
      const entry = this.#entries[i] as Entry;
      this.#bytes -= entryBytes(entry);
      if (this.#terms.at(-1)?.term !== entry.term) {
        this.#terms.push({ index: entry.index, term: entry.term });
      }
    }
    this.#entries.fill(COMPACTED, this.#head, head);
    this.#head = head;
    if (head >= FREE_SLOTS_MIN && head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(head);
      this.#head = 0;
    }
    this.#compacted = { index, term };
  }

  /**
   * The state is now that of a snapshot which ends at `position`. A log that agrees with it there keeps what follows
   * (G12); any other is dropped. Returns whether the log on disk must begin anew at `position`: also when the entries
   * up to there were never handed out to be written, since what follows would leave a gap.
   */
  installed(position: LogPosition): boolean {
    const { index, term } = position;
    if (index <= this.#taken) {
      throw broken('snapshot behind the state', { index, taken: this.#taken });
    }
    const agrees = this.termAt(index) === term;
    if (!agrees && index <= this.#commit) {
      throw broken('snapshot contradicts a committed entry', { index, term, commit: this.#commit });
    }
    const reset = !agrees || this.#written < index;
    if (agrees) {
      this.commitTo(index);
    } else {
      this.#entries = [];
      this.#head = 0;
      this.#compacted = position;
      this.#stored = position;
      this.#terms = [];
      this.#commit = index;
      this.#bytes = 0;
      this.#uncommittedBytes = 0;
    }
    this.#taken = index;
    this.#applied = index;
    this.#written = reset ? index : this.#written;
    this.#durable = reset ? index : Math.max(this.#durable, index);
    this.compactTo(index);
    return reset;
  }
}
