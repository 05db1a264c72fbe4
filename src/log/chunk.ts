import { copyBytes, crc32c } from '../bytes/index.ts';
import {
  aligned,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  ENTRY_HEADER_BYTES,
  ENTRY_KINDS,
  getUint64,
  RECORD_HEADER_BYTES,
} from './format.ts';
import type { LogEntry } from './types.ts';

/** A record whose header holds. `offset`, `payload` and `end` are places in the file. */
export interface LogRecord {
  readonly kind: number;
  readonly replica: number;
  readonly index: number;
  readonly term: number;
  readonly count: number;
  readonly offset: number;
  readonly payload: number;
  readonly end: number;
}

/** The header of a batch, when it holds; the records may not. */
export interface BatchHeader {
  readonly sequence: number;
  readonly records: number;
  readonly fileBytes: number;
  readonly headersChecksum: number;
  /** Of the records, in the file. */
  readonly start: number;
  readonly end: number;
  /** Where the next batch of the segment starts. */
  readonly next: number;
}

/** What stands in a part of a segment. Whatever fails a check is undefined; the caller judges what that means (L2). */
export class Chunk {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where in the file the bytes begin. */
  readonly base: number;
  readonly #seed: number;

  constructor(bytes: Uint8Array, base: number, seed: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.base = base;
    this.#seed = seed;
  }

  /** Behind its last byte, in the file. */
  get limit(): number {
    return this.base + this.#bytes.length;
  }

  covers(from: number, to: number): boolean {
    return from >= this.base && to <= this.limit;
  }

  hasMagic(offset: number): boolean {
    return this.#view.getUint32(offset - this.base) === BATCH_MAGIC;
  }

  isBegun(offset: number, generation: number): boolean {
    if (!this.covers(offset, offset + BATCH_HEADER_BYTES)) return false;
    return this.hasMagic(offset) && this.#view.getUint32(offset - this.base + 4) === generation;
  }

  batchHeader(offset: number, generation: number): BatchHeader | undefined {
    if (!this.isBegun(offset, generation)) return undefined;
    const view = this.#view;
    const at = offset - this.base;
    if (view.getUint32(at + 32) !== crc32c(this.#bytes, this.#seed, at, at + 32)) return undefined;
    const start = offset + BATCH_HEADER_BYTES;
    const end = start + view.getUint32(at + 16);
    return {
      sequence: getUint64(view, at + 8),
      records: view.getUint32(at + 20),
      fileBytes: view.getUint32(at + 24),
      headersChecksum: view.getUint32(at + 28),
      start,
      end,
      next: aligned(end),
    };
  }

  /** The records of a batch, whose payloads may not hold; undefined when one of the headers does not. */
  records(header: BatchHeader): LogRecord[] | undefined {
    if (header.end > this.limit) return undefined;
    const records: LogRecord[] = [];
    let checksum = this.#seed;
    for (let at = header.start; at < header.end; ) {
      const record = this.record(at, header.end);
      if (!record) return undefined;
      checksum = crc32c(this.#bytes, checksum, at - this.base, record.payload - this.base);
      records.push(record);
      at = record.end;
    }
    const whole = records.length === header.records && checksum === header.headersChecksum;
    return whole ? records : undefined;
  }

  record(offset: number, limit: number): LogRecord | undefined {
    const view = this.#view;
    const payload = offset + RECORD_HEADER_BYTES;
    if (payload > limit || !this.covers(offset, payload)) return undefined;
    const at = offset - this.base;
    if (view.getUint32(at + 36) !== crc32c(this.#bytes, this.#seed, at, at + 36)) return undefined;
    const end = payload + view.getUint32(at + 28);
    if (end > limit || end > this.limit) return undefined;
    return {
      kind: view.getUint8(at),
      replica: view.getUint32(at + 4),
      index: getUint64(view, at + 8),
      term: getUint64(view, at + 16),
      count: view.getUint32(at + 24),
      offset,
      payload,
      end,
    };
  }

  payloadHolds({ payload, end }: LogRecord): boolean {
    const [from, to] = [payload - this.base, end - this.base];
    return this.#view.getUint32(from - 8) === crc32c(this.#bytes, this.#seed, from, to);
  }

  /** The vote of a HARD_STATE record, the last index of a RANGE record. */
  number(record: LogRecord): number {
    return getUint64(this.#view, record.payload - this.base);
  }

  /** Those entries of an ENTRIES or CARRY record that are in [from, to); their data is copied and pins nothing. */
  entries(record: LogRecord, from: number, to: number): LogEntry[] {
    const entries: LogEntry[] = [];
    const end = Math.min(to, record.index + record.count);
    let at = record.payload - this.base;
    for (let index = record.index; index < end; index++) {
      const kind = ENTRY_KINDS[this.#bytes[at] as number];
      const start = at + ENTRY_HEADER_BYTES;
      at = start + this.#view.getUint32(at + 1);
      if (kind === undefined || at + this.base > record.end) {
        throw new Error(`log record of replica ${record.replica} is malformed at entry ${index}`);
      }
      if (index < from) continue;
      entries.push({
        index,
        term: record.term,
        kind,
        data: copyBytes(this.#bytes.subarray(start, at)),
      });
    }
    return entries;
  }
}
