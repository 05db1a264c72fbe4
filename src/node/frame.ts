import { ByteReader, ByteWriter, crc32c, MalformedError } from '../bytes/index.ts';

/**
 * Frames: what goes over the connection between two nodes, one a turn with everything for all groups in it.
 *
 *     magic f107, u16 · protocol version, u8 · 0, u8 · body length, u32 · cluster id, 8 bytes
 *     · crc32c of the body, u32 · crc32c of the 20 bytes before, u32 · body
 *
 * Two checksums: the header's is checked before its length is believed, so that a flipped bit never makes a node wait for
 * gigabytes; the length is capped before anything is allocated (N1).
 */
const MAGIC = 0xf107;
export const PROTOCOL_VERSION = 5;
export const FRAME_HEADER_BYTES = 24;
/** A frame never exceeds this; senders close one well before (see {@link FrameWriter.isFull}). */
export const FRAME_BODY_BYTES_MAX = 32 * 1024 * 1024;
const FULL_BYTES = 4 * 1024 * 1024;

/** 16 hex digits; the nodes of a cluster that is not formed yet use zeros. */
export const NO_CLUSTER = '0000000000000000';

/** Collects messages and makes one frame of them. */
export class FrameWriter {
  readonly #writer = new ByteWriter(64 * 1024);
  /** Of the message that was begun last. */
  #start = 0;
  // The id in the two words that the header has for it.
  #clusterId = NO_CLUSTER;
  #clusterHigh = 0;
  #clusterLow = 0;

  constructor() {
    this.#clear();
  }

  /** Bytes of the frame so far. */
  get length(): number {
    return this.#writer.length;
  }

  get isEmpty(): boolean {
    return this.#writer.length === FRAME_HEADER_BYTES;
  }

  /** Large enough to be sent before the turn ends. */
  get isFull(): boolean {
    return this.#writer.length >= FULL_BYTES;
  }

  /** Begins a message, which is what is written until {@link end}; readers get exactly its bytes back. */
  begin(): ByteWriter {
    this.#start = this.#writer.length;
    return this.#writer.u32(0);
  }

  end(): void {
    this.#writer.patchU32(this.#start, this.#writer.length - this.#start - 4);
  }

  /** The frame, in bytes of its own; the writer is empty afterwards. */
  take(clusterId: string): Uint8Array {
    this.#setClusterId(clusterId);
    const writer = this.#writer;
    const checksum = writer.crc32c(FRAME_HEADER_BYTES);
    writer
      .patchU32(0, ((MAGIC << 16) | (PROTOCOL_VERSION << 8)) >>> 0)
      .patchU32(4, writer.length - FRAME_HEADER_BYTES)
      .patchU32(8, this.#clusterHigh)
      .patchU32(12, this.#clusterLow)
      .patchU32(16, checksum);
    writer.patchU32(20, writer.crc32c(0, FRAME_HEADER_BYTES - 4));
    const frame = writer.take();
    this.#clear();
    return frame;
  }

  #setClusterId(clusterId: string): void {
    if (clusterId === this.#clusterId) return;
    this.#clusterId = clusterId;
    this.#clusterHigh = Number.parseInt(clusterId.slice(0, 8), 16);
    this.#clusterLow = Number.parseInt(clusterId.slice(8), 16);
  }

  #clear(): void {
    this.#writer.reset();
    for (let i = 0; i < FRAME_HEADER_BYTES; i += 4) this.#writer.u32(0);
  }
}

/** Somebody of another build, with whom nothing can be exchanged. */
export class OtherProtocolError extends MalformedError {
  readonly version: number;
  constructor(version: number) {
    super(`protocol version ${version}`);
    this.version = version;
  }
}

export interface Frame {
  readonly clusterId: string;
  /** One for each message, which read memory that is valid until the next chunk. */
  readonly messages: readonly ByteReader[];
}

/** Cuts a byte stream into frames. Throws {@link MalformedError}: the connection is of no use afterwards. */
export class FrameReader {
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #length = 0;
  #clusterId = NO_CLUSTER;
  #clusterHigh = 0;
  #clusterLow = 0;
  #checksum = 0;
  /** A body that did not come in one chunk. */
  #body: Uint8Array | undefined;
  #bodyFilled = 0;

  read(chunk: Uint8Array, onFrame: (frame: Frame) => void): void {
    let at = 0;
    while (at < chunk.length || (this.#headerFilled === FRAME_HEADER_BYTES && this.#length === 0)) {
      if (this.#headerFilled === 0 && at + FRAME_HEADER_BYTES <= chunk.length) {
        this.#parseHeader(chunk, at);
        at += FRAME_HEADER_BYTES;
      } else if (this.#headerFilled < FRAME_HEADER_BYTES) {
        const part = chunk.subarray(at, at + FRAME_HEADER_BYTES - this.#headerFilled);
        this.#header.set(part, this.#headerFilled);
        this.#headerFilled += part.length;
        at += part.length;
        if (this.#headerFilled < FRAME_HEADER_BYTES) return;
        this.#parseHeader(this.#header, 0);
      }
      const end = at + this.#length - this.#bodyFilled;
      if (end <= chunk.length && this.#bodyFilled === 0) {
        this.#emit(chunk, at, end, onFrame);
        at = end;
        continue;
      }
      const part = chunk.subarray(at, end);
      at += part.length;
      this.#body ??= new Uint8Array(this.#length);
      this.#body.set(part, this.#bodyFilled);
      this.#bodyFilled += part.length;
      if (this.#bodyFilled === this.#length) this.#emit(this.#body, 0, this.#length, onFrame);
    }
  }

  #parseHeader(bytes: Uint8Array, at: number): void {
    const reader = new ByteReader(bytes, at);
    const magic = reader.u16();
    const version = reader.u8();
    reader.u8();
    const length = reader.u32();
    const clusterHigh = reader.u32();
    const clusterLow = reader.u32();
    const checksum = reader.u32();
    if (magic !== MAGIC) throw new MalformedError('not a flotilla node');
    if (reader.u32() !== crc32c(bytes, 0, at, at + FRAME_HEADER_BYTES - 4)) {
      throw new MalformedError('frame header fails its checksum');
    }
    if (version !== PROTOCOL_VERSION) throw new OtherProtocolError(version);
    if (length > FRAME_BODY_BYTES_MAX) throw new MalformedError(`frame of ${length} bytes`);
    this.#headerFilled = FRAME_HEADER_BYTES;
    this.#length = length;
    this.#checksum = checksum;
    if (clusterHigh === this.#clusterHigh && clusterLow === this.#clusterLow) return;
    this.#clusterHigh = clusterHigh;
    this.#clusterLow = clusterLow;
    this.#clusterId = hex(clusterHigh) + hex(clusterLow);
  }

  /** The body is bytes[start, end). */
  #emit(bytes: Uint8Array, start: number, end: number, onFrame: (frame: Frame) => void): void {
    this.#headerFilled = 0;
    this.#bodyFilled = 0;
    this.#body = undefined;
    if (crc32c(bytes, 0, start, end) !== this.#checksum) {
      throw new MalformedError('frame fails its checksum');
    }
    const messages = messagesOf(new ByteReader(bytes, start, end));
    onFrame({ clusterId: this.#clusterId, messages });
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}

function messagesOf(body: ByteReader): ByteReader[] {
  if (body.remaining === 0) return [];
  // Most frames have one: an array that grows from nothing has room for seventeen.
  const messages = [body.part(body.u32())];
  while (body.remaining > 0) messages.push(body.part(body.u32()));
  return messages;
}
