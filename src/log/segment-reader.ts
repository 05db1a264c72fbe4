import type { Disk, DiskFile } from '../ports/index.ts';
import { Chunk, type LogRecord } from './chunk.ts';
import {
  ALIGNMENT,
  aligned,
  BATCH_HEADER_BYTES,
  type SegmentName,
  segmentFile,
  segmentSeed,
} from './format.ts';

/** A batch whose every checksum holds. */
export interface Batch {
  readonly offset: number;
  readonly sequence: number;
  readonly fileBytes: number;
  readonly records: readonly LogRecord[];
  /** Where the next batch of the segment starts. */
  readonly next: number;
  /** To read the records with; the next call may take another one. */
  readonly chunk: Chunk;
}

/** A batch with readable headers, of which some payloads do not hold. */
export interface DamagedBatch extends Batch {
  /** `records` are the others. */
  readonly damaged: readonly LogRecord[];
}

const CHUNK_BYTES = 2 * 1024 * 1024;

/** Reads a segment from the disk in chunks, so that no log is ever in memory as a whole. */
export class SegmentReader {
  readonly path: string;
  readonly size: number;
  readonly #file: DiskFile;
  readonly #generation: number;
  readonly #seed: number;
  #chunk: Chunk;

  private constructor(path: string, file: DiskFile, size: number, name: SegmentName) {
    this.path = path;
    this.size = size;
    this.#file = file;
    this.#generation = name.generation;
    this.#seed = segmentSeed(name);
    this.#chunk = new Chunk(new Uint8Array(0), 0, this.#seed);
  }

  static async open(disk: Disk, directory: string, name: SegmentName): Promise<SegmentReader> {
    const path = `${directory}/${segmentFile(name)}`;
    const file = await disk.open(path);
    return new SegmentReader(path, file, await file.size(), name);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** The batch at `offset`; undefined when none stands there whole. */
  async batch(offset: number): Promise<Batch | undefined> {
    const found = await this.damagedBatch(offset);
    return found?.damaged.length === 0 ? found : undefined;
  }

  /** Undefined when a header does not hold, so that nobody knows what stood there. */
  async damagedBatch(offset: number): Promise<DamagedBatch | undefined> {
    await this.#cover(offset, offset + BATCH_HEADER_BYTES);
    const header = this.#chunk.batchHeader(offset, this.#generation);
    if (!header || header.end > this.size) return undefined;
    await this.#cover(offset, header.end);
    const chunk = this.#chunk;
    const all = chunk.records(header);
    if (!all) return undefined;
    const damaged = all.filter((record) => !chunk.payloadHolds(record));
    const records = damaged.length === 0 ? all : all.filter((record) => !damaged.includes(record));
    const { sequence, fileBytes, next } = header;
    return { offset, sequence, fileBytes, records, next, chunk, damaged };
  }

  /** A batch of this segment was begun at `offset`, whole or not: an old one has another generation. */
  async isBegun(offset: number): Promise<boolean> {
    await this.#cover(offset, offset + BATCH_HEADER_BYTES);
    return this.#chunk.isBegun(offset, this.#generation);
  }

  /** The first whole batch at or after `offset`. */
  async find(offset: number): Promise<Batch | undefined> {
    for (let at = aligned(offset); at + BATCH_HEADER_BYTES <= this.size; at += ALIGNMENT) {
      if (!this.#chunk.covers(at, at + BATCH_HEADER_BYTES)) {
        await this.#cover(at, at + BATCH_HEADER_BYTES);
      }
      if (!this.#chunk.hasMagic(at)) continue;
      const batch = await this.batch(at);
      if (batch) return batch;
    }
    return undefined;
  }

  async #cover(from: number, to: number): Promise<void> {
    if (this.#chunk.covers(from, Math.min(to, this.size))) return;
    const length = Math.max(to - from, CHUNK_BYTES);
    this.#chunk = new Chunk(await this.#file.read(from, length), from, this.#seed);
  }
}
