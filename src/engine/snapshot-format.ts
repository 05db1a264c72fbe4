import { ByteReader, ByteWriter, crc32c } from '../bytes/index.ts';

/*
 * A snapshot file, which holds a replica's whole state as of one applied entry (E3). All numbers are big-endian.
 *
 *     head    magic u32 · format u32 · index u64 · term u64 · length of meta u32 · checksum of these 28 bytes u32 ·
 *             meta · checksum of meta u32
 *     chunks  length u32 · number of pairs u32 · checksum of the pairs u32 · checksum of these 12 bytes u32 · the pairs,
 *             each: length of the key as a varint · key · length of the value as a varint · value
 *     end     a chunk header with length 0 and with the number of all pairs · the file's checksum u32
 *
 * Keys ascend over the whole file. Chunk headers are chained: each checksum starts from the header's before it, the first
 * from the head's, so that no chunk can be left out, repeated or taken from another file; the last one is the file's.
 */

export const HEAD_BYTES = 32;
export const CHUNK_HEADER_BYTES = 16;
/** A chunk is closed when it has reached this; one pair more may be in it. It is filled in one go, in half a millisecond. */
export const CHUNK_BYTES = 32 * 1024;
/** No chunk is longer: a pair is an item of at most 400 KB, or one of our own records. */
export const CHUNK_BYTES_MAX = 64 * 1024 * 1024;

const MAGIC = 0x464c_534e;
const FORMAT = 1;

/** What a snapshot says about itself. */
export interface SnapshotHead {
  /** The last entry that the state contains. */
  readonly index: number;
  readonly term: number;
  /** The writer's own. */
  readonly meta: Uint8Array;
}

/** A snapshot file that does not hold what was written. */
export class SnapshotDamagedError extends Error {
  override readonly name = 'SnapshotDamagedError';
  readonly file: string;
  /** In bytes from the start of the file. */
  readonly offset: number;
  constructor(file: string, offset: number, reason: string) {
    super(`${file} is damaged at byte ${offset}: ${reason}`);
    this.file = file;
    this.offset = offset;
  }
}

/** The head, and the checksum that the chain of chunks starts from. */
export function encodeHead({ index, term, meta }: SnapshotHead): {
  bytes: Uint8Array;
  chain: number;
} {
  const writer = new ByteWriter(HEAD_BYTES + meta.length + 4);
  writer.u32(MAGIC).u32(FORMAT).u64(index).u64(term).u32(meta.length);
  const head = crc32c(writer.view());
  const chain = crc32c(meta, head);
  return { bytes: writer.u32(head).raw(meta).u32(chain).take(), chain };
}

/** Length of the head with its meta, or undefined when the first 32 bytes are damaged. */
export function headLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const reader = new ByteReader(bytes);
  const known = reader.u32() === MAGIC && reader.u32() === FORMAT;
  const metaLength = new ByteReader(bytes, 24).u32();
  const checksum = new ByteReader(bytes, 28).u32();
  if (!known || checksum !== crc32c(bytes, 0, 0, 28)) return undefined;
  return HEAD_BYTES + metaLength + 4;
}

/** Undefined when it is damaged. `bytes` are as many as `headLength` says. */
export function decodeHead(bytes: Uint8Array): { head: SnapshotHead; chain: number } | undefined {
  const reader = new ByteReader(bytes, 8);
  const index = reader.u64();
  const term = reader.u64();
  const meta = new ByteReader(bytes, HEAD_BYTES).raw(reader.u32()).slice();
  const chain = crc32c(meta, reader.u32());
  if (new ByteReader(bytes, bytes.length - 4).u32() !== chain) return undefined;
  return { head: { index, term, meta }, chain };
}

export interface ChunkHeader {
  readonly length: number;
  readonly pairs: number;
  readonly checksum: number;
  /** The header's own checksum, from which the next one's starts. */
  readonly chain: number;
}

export function encodeChunkHeader(
  length: number,
  pairs: number,
  checksum: number,
  chain: number,
): { bytes: Uint8Array; chain: number } {
  const writer = new ByteWriter(CHUNK_HEADER_BYTES).u32(length).u32(pairs).u32(checksum);
  const next = crc32c(writer.view(), chain);
  return { bytes: writer.u32(next).take(), chain: next };
}

/** Undefined when it is damaged or does not follow the header that `chain` is of. */
export function decodeChunkHeader(bytes: Uint8Array, chain: number): ChunkHeader | undefined {
  if (bytes.length < CHUNK_HEADER_BYTES) return undefined;
  const reader = new ByteReader(bytes);
  const header = {
    length: reader.u32(),
    pairs: reader.u32(),
    checksum: reader.u32(),
    chain: reader.u32(),
  };
  return header.chain === crc32c(bytes, chain, 0, 12) ? header : undefined;
}
