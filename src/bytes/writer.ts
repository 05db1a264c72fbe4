import { crc32c } from './crc32c.ts';
import { allocateBytes, copyBytes } from './slab.ts';
import { utf8 } from './utf8.ts';
import { writeU32, writeU64 } from './words.ts';

const encoder = new TextEncoder();

/** Appends big-endian values to a buffer that grows. One writer may be reused by `reset`; `take` copies. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = allocateBytes(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    writeU32(this.#bytes, this.#length, value);
    this.#length += 4;
    return this;
  }

  /** An integer in [0, 2^53), in eight bytes. */
  u64(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`not an unsigned safe integer: ${value}`);
    this.#reserve(8);
    writeU64(this.#bytes, this.#length, value);
    this.#length += 8;
    return this;
  }

  f64(value: number): this {
    this.#reserve(8);
    const { buffer, byteOffset } = this.#bytes;
    new DataView(buffer, byteOffset).setFloat64(this.#length, value);
    this.#length += 8;
    return this;
  }

  /** An integer in [0, 2^53), seven bits a byte, lowest first: one byte below 128. */
  varint(value: number): this {
    if (value >= 0 && value < 0x80 && Number.isInteger(value)) return this.u8(value);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`not an unsigned safe integer: ${value}`);
    this.#reserve(8);
    let rest = value;
    // The remainder of a division is a call where the number is no 32-bit integer; to cut one to its low bits is none.
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  boolean(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** The bytes alone, without a length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Length as a varint, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** Length of the UTF-8 form as a varint, then the UTF-8 form. */
  text(text: string): this {
    if (text.length < 43) {
      // At most three bytes a unit: the length fits one varint byte, so the text can be encoded in place.
      this.#reserve(1 + 3 * text.length);
      const written = this.#ascii(text, this.#length + 1) ?? this.#encoded(text, this.#length + 1);
      this.#bytes[this.#length] = written;
      this.#length += 1 + written;
      return this;
    }
    return this.bytes(utf8(text));
  }

  /** Most texts are plain, and a loop over a short one costs less than a view and a call. Undefined: this one is not. */
  #ascii(text: string, at: number): number | undefined {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return undefined;
      this.#bytes[at + i] = unit;
    }
    return text.length;
  }

  #encoded(text: string, at: number): number {
    return encoder.encodeInto(text, this.#bytes.subarray(at)).written;
  }

  /** Overwrites four bytes at `position`, for a length or checksum that is known only later. */
  patchU32(position: number, value: number): this {
    if (position + 4 > this.#length)
      throw new RangeError(`patch at ${position} beyond ${this.#length}`);
    writeU32(this.#bytes, position, value);
    return this;
  }

  /** CRC-32C of what was written from `start` to `end`, or so far. */
  crc32c(start: number, end = this.#length): number {
    return crc32c(this.#bytes, 0, start, end);
  }

  /** A view of what was written; valid until the next write or reset. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return copyBytes(this.#bytes, 0, this.#length);
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#bytes.length) return;
    const grown = allocateBytes(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.view());
    this.#bytes = grown;
  }
}
