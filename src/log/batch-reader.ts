import { crc32c } from '../bytes/index.ts';
import {
  ALIGNMENT,
  aligned,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  ENTRY_HEADER_BYTES,
  ENTRY_KINDS,
  getUint64,
  RECORD_HEADER_BYTES,
} from './format.ts';
import type { LogEntry } from './types.ts';

/** A record whose checksums hold; `payload` and `end` are offsets in the segment. */
export interface LogRecord {
  readonly kind: number;
  readonly replica: number;
  readonly index: number;
  readonly term: number;
  readonly count: number;
  readonly payload: number;
  readonly end: number;
}

/** A batch whose every checksum holds. */
export interface Batch {
  readonly sequence: number;
  readonly records: readonly LogRecord[];
  /** Where the next batch of the segment starts. */
  readonly end: number;
}

/** Reads the batches of one segment. What fails any check is no batch; the caller judges what that means (L2). */
export class BatchReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #generation: number;
  readonly #seed: number;

  constructor(bytes: Uint8Array, generation: number, seed: number) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#generation = generation;
    this.#seed = seed;
  }

  read(offset: number): Batch | undefined {
    const view = this.#view;
    if (!this.#headerHolds(offset)) return undefined;
    const end = offset + BATCH_HEADER_BYTES + view.getUint32(offset + 16);
    if (end > this.bytes.length) return undefined;
    const records: LogRecord[] = [];
    let headersChecksum = this.#seed;
    let at = offset + BATCH_HEADER_BYTES;
    while (at < end) {
      const record = this.#recordHeader(at, end);
      if (!record || !this.#payloadHolds(record)) return undefined;
      headersChecksum = crc32c(this.bytes, headersChecksum, at, record.payload);
      records.push(record);
      at = record.end;
    }
    if (records.length !== view.getUint32(offset + 20)) return undefined;
    if (headersChecksum !== view.getUint32(offset + 24)) return undefined;
    return { sequence: getUint64(view, offset + 8), records, end: aligned(end) };
  }

  /** The first batch at or after `offset` with at least this sequence number. */
  find(offset: number, sequence: number): { offset: number; batch: Batch } | undefined {
    for (let at = offset; at + BATCH_HEADER_BYTES <= this.bytes.length; at += ALIGNMENT) {
      const batch = this.read(at);
      if (batch && batch.sequence >= sequence) return { offset: at, batch };
    }
    return undefined;
  }

  /**
   * The replicas whose payloads are damaged in the bad batch at `offset`, or undefined when a header is damaged, so that
   * it may be anybody's.
   */
  damagedReplicas(offset: number): readonly number[] | undefined {
    if (!this.#headerHolds(offset)) return undefined;
    const end = offset + BATCH_HEADER_BYTES + this.#view.getUint32(offset + 16);
    const damaged = new Set<number>();
    let records = 0;
    let at = offset + BATCH_HEADER_BYTES;
    while (at < end) {
      const record = this.#recordHeader(at, Math.min(end, this.bytes.length));
      if (!record) return undefined;
      if (!this.#payloadHolds(record)) damaged.add(record.replica);
      records++;
      at = record.end;
    }
    if (damaged.size === 0 || records !== this.#view.getUint32(offset + 20)) return undefined;
    return [...damaged];
  }

  /** The entries of an ENTRIES record; their data is copied, so that it does not pin the segment. */
  entries(record: LogRecord): LogEntry[] {
    const entries: LogEntry[] = [];
    let at = record.payload;
    for (let i = 0; i < record.count; i++) {
      const kind = ENTRY_KINDS[this.bytes[at] as number];
      const start = at + ENTRY_HEADER_BYTES;
      at = start + this.#view.getUint32(at + 1);
      if (kind === undefined || at > record.end) {
        throw new Error(`log record of replica ${record.replica} is malformed at entry ${i}`);
      }
      entries.push({
        index: record.index + i,
        term: record.term,
        kind,
        data: this.bytes.slice(start, at),
      });
    }
    return entries;
  }

  /** The vote of a HARD_STATE record. */
  vote(record: LogRecord): number {
    return getUint64(this.#view, record.payload);
  }

  #headerHolds(offset: number): boolean {
    const view = this.#view;
    return (
      offset + BATCH_HEADER_BYTES <= this.bytes.length &&
      view.getUint32(offset) === BATCH_MAGIC &&
      view.getUint32(offset + 4) === this.#generation &&
      view.getUint32(offset + 28) === crc32c(this.bytes, this.#seed, offset, offset + 28)
    );
  }

  #recordHeader(at: number, limit: number): LogRecord | undefined {
    const view = this.#view;
    const payload = at + RECORD_HEADER_BYTES;
    if (payload > limit) return undefined;
    if (view.getUint32(at + 36) !== crc32c(this.bytes, this.#seed, at, at + 36)) return undefined;
    const end = payload + view.getUint32(at + 28);
    if (end > limit) return undefined;
    return {
      kind: view.getUint8(at),
      replica: view.getUint32(at + 4),
      index: getUint64(view, at + 8),
      term: getUint64(view, at + 16),
      count: view.getUint32(at + 24),
      payload,
      end,
    };
  }

  #payloadHolds(record: LogRecord): boolean {
    const checksum = this.#view.getUint32(record.payload - 8);
    return checksum === crc32c(this.bytes, this.#seed, record.payload, record.end);
  }
}
