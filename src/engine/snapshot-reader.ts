import { ByteReader, compareBytes, crc32c, MalformedError } from '../bytes/index.ts';
import type { Disk, DiskFile } from '../ports/index.ts';
import type { Pair } from './engine.ts';
import {
  CHUNK_BYTES_MAX,
  CHUNK_HEADER_BYTES,
  decodeChunkHeader,
  decodeHead,
  HEAD_BYTES,
  headLength,
  SnapshotDamagedError,
  type SnapshotHead,
} from './snapshot-format.ts';

/** Reads a snapshot file chunk by chunk and checks everything that it returns. */
export class SnapshotReader {
  readonly head: SnapshotHead;
  readonly #path: string;
  readonly #file: DiskFile;
  #position: number;
  #chain: number;
  #pairs = 0;
  #lastKey: Uint8Array | undefined;
  #checksum: number | undefined;

  private constructor(
    path: string,
    file: DiskFile,
    head: SnapshotHead,
    position: number,
    chain: number,
  ) {
    this.#path = path;
    this.#file = file;
    this.head = head;
    this.#position = position;
    this.#chain = chain;
  }

  /** Rejects with {@link SnapshotDamagedError} or DiskError. */
  static async open(disk: Disk, path: string): Promise<SnapshotReader> {
    const file = await disk.open(path);
    try {
      const length = headLength(await file.read(0, HEAD_BYTES));
      const bytes = length === undefined ? undefined : await file.read(0, length);
      const decoded = bytes?.length === length && bytes ? decodeHead(bytes) : undefined;
      if (!decoded || !length) throw new SnapshotDamagedError(path, 0, 'bad head');
      return new SnapshotReader(path, file, decoded.head, length, decoded.chain);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Of the whole file; known once `next` has returned undefined. */
  get checksum(): number | undefined {
    return this.#checksum;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /**
   * The pairs of the next chunk, whose bytes are views of it; undefined at the end.
   *
   * Rejects with {@link SnapshotDamagedError} or DiskError.
   */
  async next(): Promise<readonly Pair[] | undefined> {
    if (this.#checksum !== undefined) return undefined;
    const at = this.#position;
    const header = decodeChunkHeader(await this.#file.read(at, CHUNK_HEADER_BYTES), this.#chain);
    if (!header || header.length > CHUNK_BYTES_MAX) throw this.#damaged(at, 'bad chunk header');
    const start = at + CHUNK_HEADER_BYTES;
    const bytes = await this.#file.read(start, header.length);
    if (bytes.length < header.length || crc32c(bytes) !== header.checksum) {
      throw this.#damaged(start, 'bad chunk');
    }
    this.#chain = header.chain;
    this.#position = start + header.length;
    if (header.length === 0) {
      if (header.pairs !== this.#pairs) throw this.#damaged(at, `${this.#pairs} pairs`);
      this.#checksum = header.chain;
      return undefined;
    }
    return this.#decode(bytes, header.pairs, start);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #decode(bytes: Uint8Array, count: number, start: number): readonly Pair[] {
    const reader = new ByteReader(bytes);
    const pairs: Pair[] = [];
    try {
      for (let i = 0; i < count; i++) {
        const pair = { key: reader.bytes(), value: reader.bytes() };
        if (this.#lastKey && compareBytes(this.#lastKey, pair.key) >= 0) {
          throw new MalformedError('keys do not ascend');
        }
        this.#lastKey = pair.key;
        pairs.push(pair);
      }
      reader.end();
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      throw this.#damaged(start + reader.position, error.message);
    }
    this.#pairs += count;
    return pairs;
  }

  #damaged(offset: number, reason: string): SnapshotDamagedError {
    return new SnapshotDamagedError(this.#path, offset, reason);
  }
}

/** What the file says about itself. Rejects with {@link SnapshotDamagedError} or DiskError. */
export async function readSnapshotHead(disk: Disk, path: string): Promise<SnapshotHead> {
  const reader = await SnapshotReader.open(disk, path);
  await reader.close();
  return reader.head;
}

/**
 * Reads the whole file and checks it, before it is sent or installed.
 *
 * Rejects with {@link SnapshotDamagedError} or DiskError.
 */
export async function verifySnapshot(
  disk: Disk,
  path: string,
): Promise<SnapshotHead & { readonly bytes: number; readonly checksum: number }> {
  const reader = await SnapshotReader.open(disk, path);
  try {
    while (await reader.next());
    return { ...reader.head, bytes: reader.position, checksum: reader.checksum as number };
  } finally {
    await reader.close();
  }
}
