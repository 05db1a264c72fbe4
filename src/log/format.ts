import { crc32c } from '../bytes/index.ts';
import type { LogEntry } from './types.ts';

/*
 * The log's files. All numbers are big-endian.
 *
 * A segment is a file `gggggggg-ssssssss.log`: its generation, which counts up by one from segment to segment and is never
 * used again, and its salt, in hex. Every checksum starts from a seed made of both. So what an earlier use of the file left
 * behind is never valid, and what clients write cannot look like a batch to somebody who scans the file.
 *
 * A segment holds batches, each at a multiple of 512 bytes, padded with zeros. A batch is one write:
 *
 *     magic u32 · generation u32 · sequence number u64 · length of the records u32 · number of records u32 ·
 *     length of the file u32 · checksum of all record headers u32 · checksum of these 32 bytes u32 · the records
 *
 * Sequence numbers count up by one over all segments. A record is
 *
 *     kind u8, 0 u8 u16 · replica u32 · index u64 · term u64 · count u32 · length of the payload u32 ·
 *     checksum of the payload u32 · checksum of these 36 bytes u32 · the payload
 *
 * so that the checksum of the record headers covers the payloads too. Kinds:
 *
 *     ENTRIES      `count` entries of one term from `index` on; per entry: kind u8 · length u32 · data.
 *                  They replace what stands at `index` and after it.
 *     CARRY        the same, of a record in an older segment: where its entries stand now. Replaces nothing else (L3).
 *     HARD_STATE   `term`, the commit index as `index`; payload: the vote, u64
 *     RESET        the replica's log starts anew after {index, term}
 *     TRIM         what stands up to {index, term} is not needed any more
 *     REMOVE       nothing of the replica is needed any more; damage to what it had before does not matter either
 *     RANGE        the log of the replica goes from behind {index, term} to the index in the payload, u64
 *     VOID         as REMOVE, for every replica: the log was damaged so that nobody can tell what is missing (L2)
 *
 * The first batch of a segment begins with a RANGE and a HARD_STATE for every replica, so that the segments before it can go,
 * and so that entries that went with a lost one are missed.
 */

/** Batches start at multiples of this: what a disk writes whole, so that no batch can tear the one before it. */
export const ALIGNMENT = 512;
export const BATCH_MAGIC = 0x464c_5432;
export const BATCH_HEADER_BYTES = 36;
export const RECORD_HEADER_BYTES = 40;
export const ENTRY_HEADER_BYTES = 5;

export const ENTRIES = 1;
export const HARD_STATE = 2;
export const RESET = 3;
export const TRIM = 4;
export const REMOVE = 5;
export const CARRY = 6;
export const RANGE = 7;
export const VOID = 8;

export const ENTRY_KINDS: readonly LogEntry['kind'][] = ['normal', 'empty', 'config'];

export const HARD_STATE_BYTES = RECORD_HEADER_BYTES + 8;
export const RANGE_BYTES = RECORD_HEADER_BYTES + 8;

export function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

export interface SegmentName {
  readonly generation: number;
  readonly salt: number;
}

export function segmentFile({ generation, salt }: SegmentName): string {
  return `${hex(generation)}-${hex(salt)}.log`;
}

export function parseSegmentFile(file: string): SegmentName | undefined {
  const match = /^([0-9a-f]{8})-([0-9a-f]{8})\.log$/.exec(file);
  if (!match) return undefined;
  return {
    generation: Number.parseInt(match[1] as string, 16),
    salt: Number.parseInt(match[2] as string, 16),
  };
}

/** Where every checksum in the segment starts from. */
export function segmentSeed({ generation, salt }: SegmentName): number {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, generation);
  view.setUint32(4, salt);
  return crc32c(bytes);
}

export function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 0x1_0000_0000));
  view.setUint32(at + 4, value >>> 0);
}

export function getUint64(view: DataView, at: number): number {
  return view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}

/** Where an ENTRIES or CARRY record stands: its first byte and its length with the header. */
export interface RecordPlace {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
