import { crc32c } from '../bytes/index.ts';
import {
  aligned,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  CARRY,
  ENTRIES,
  ENTRY_HEADER_BYTES,
  ENTRY_KINDS,
  HARD_STATE,
  RANGE,
  RECORD_HEADER_BYTES,
  setUint64,
} from './format.ts';
import type { LogEntry, LogHardState, LogPosition } from './types.ts';

/** Where an ENTRIES or CARRY record stands in the batch, with its header. */
export interface Placed {
  readonly first: number;
  readonly count: number;
  readonly term: number;
  readonly offset: number;
  readonly length: number;
}

/** Encodes one batch at a time into one buffer, which the next batch reuses. */
export class BatchWriter {
  #bytes = new Uint8Array(64 * 1024);
  #view = new DataView(this.#bytes.buffer);
  #length = BATCH_HEADER_BYTES;
  #seed = 0;
  #records = 0;
  #headersChecksum = 0;
  #placed: Placed[] = [];

  /** The ENTRIES and CARRY records of the batch, in order. */
  get placed(): readonly Placed[] {
    return this.#placed;
  }

  /** `recordBytes` is the exact length of the records that follow. */
  begin(seed: number, recordBytes: number): void {
    const capacity = aligned(BATCH_HEADER_BYTES + recordBytes);
    if (this.#bytes.length < capacity) {
      this.#bytes = new Uint8Array(Math.max(capacity, 2 * this.#bytes.length));
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#length = BATCH_HEADER_BYTES;
    this.#seed = seed;
    this.#records = 0;
    this.#headersChecksum = seed;
    this.#placed = [];
  }

  /** Entries of one term each become one record. */
  entries(replica: number, entries: readonly LogEntry[], kind = ENTRIES): void {
    for (let start = 0; start < entries.length; ) {
      const first = entries[start] as LogEntry;
      const header = this.#length;
      let at = header + RECORD_HEADER_BYTES;
      let end = start;
      for (let entry = first; entry.term === first.term; entry = entries[end] as LogEntry) {
        this.#bytes[at] = ENTRY_KINDS.indexOf(entry.kind);
        this.#view.setUint32(at + 1, entry.data.length);
        this.#bytes.set(entry.data, at + ENTRY_HEADER_BYTES);
        at += ENTRY_HEADER_BYTES + entry.data.length;
        if (++end === entries.length) break;
      }
      this.#length = at;
      const count = end - start;
      this.#finishRecord(header, kind, replica, first.index, first.term, count);
      const { index, term } = first;
      this.#placed.push({ first: index, count, term, offset: header, length: at - header });
      start = end;
    }
  }

  /** What stands in an older segment and is written again as it is. */
  carry(replica: number, entries: readonly LogEntry[]): void {
    this.entries(replica, entries, CARRY);
  }

  hardState(replica: number, { term, vote, commit }: LogHardState): void {
    const header = this.#length;
    setUint64(this.#view, header + RECORD_HEADER_BYTES, vote);
    this.#length += RECORD_HEADER_BYTES + 8;
    this.#finishRecord(header, HARD_STATE, replica, commit, term, 0);
  }

  range(replica: number, { index, term }: LogPosition, last: number): void {
    const header = this.#length;
    setUint64(this.#view, header + RECORD_HEADER_BYTES, last);
    this.#length += RECORD_HEADER_BYTES + 8;
    this.#finishRecord(header, RANGE, replica, index, term, 0);
  }

  /** RESET, TRIM, REMOVE or VOID. */
  position(kind: number, replica: number, { index, term }: LogPosition): void {
    const header = this.#length;
    this.#length += RECORD_HEADER_BYTES;
    this.#finishRecord(header, kind, replica, index, term, 0);
  }

  /** The whole batch, padded; a view that is valid until the next `begin`. */
  finish(generation: number, sequence: number, fileBytes: number): Uint8Array {
    const view = this.#view;
    view.setUint32(0, BATCH_MAGIC);
    view.setUint32(4, generation);
    setUint64(view, 8, sequence);
    view.setUint32(16, this.#length - BATCH_HEADER_BYTES);
    view.setUint32(20, this.#records);
    view.setUint32(24, fileBytes);
    view.setUint32(28, this.#headersChecksum);
    view.setUint32(32, crc32c(this.#bytes, this.#seed, 0, 32));
    const end = aligned(this.#length);
    this.#bytes.fill(0, this.#length, end);
    return this.#bytes.subarray(0, end);
  }

  #finishRecord(
    header: number,
    kind: number,
    replica: number,
    index: number,
    term: number,
    count: number,
  ): void {
    const view = this.#view;
    const payload = header + RECORD_HEADER_BYTES;
    view.setUint32(header, kind << 24);
    view.setUint32(header + 4, replica);
    setUint64(view, header + 8, index);
    setUint64(view, header + 16, term);
    view.setUint32(header + 24, count);
    view.setUint32(header + 28, this.#length - payload);
    view.setUint32(header + 32, crc32c(this.#bytes, this.#seed, payload, this.#length));
    view.setUint32(header + 36, crc32c(this.#bytes, this.#seed, header, header + 36));
    this.#headersChecksum = crc32c(this.#bytes, this.#headersChecksum, header, payload);
    this.#records++;
  }
}
