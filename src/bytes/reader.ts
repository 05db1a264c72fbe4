import { utf8Text } from './utf8.ts';
import { readU32 } from './words.ts';

/** Bytes that are not what their format says. Outside input: refuse it. Own data: it is damaged. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** Reads what {@link ByteWriter} wrote. Every method throws {@link MalformedError} past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #position: number;
  readonly #end: number;

  /** Reads bytes[position, end). */
  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#position = position;
    this.#end = end;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  u8(): number {
    return this.#bytes[this.#advance(1)] as number;
  }

  u16(): number {
    const at = this.#advance(2);
    return ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number);
  }

  u32(): number {
    return readU32(this.#bytes, this.#advance(4));
  }

  u64(): number {
    const at = this.#advance(8);
    const value = readU32(this.#bytes, at) * 0x1_0000_0000 + readU32(this.#bytes, at + 4);
    if (!Number.isSafeInteger(value)) throw new MalformedError('integer above 2^53');
    return value;
  }

  f64(): number {
    const at = this.#advance(8);
    const { buffer, byteOffset } = this.#bytes;
    return new DataView(buffer, byteOffset + at, 8).getFloat64(0);
  }

  varint(): number {
    const first = this.#bytes[this.#position] as number;
    if (first < 0x80 && this.#position < this.#end) {
      this.#position++;
      return first;
    }
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new MalformedError('varint above 2^53');
  }

  boolean(): boolean {
    const value = this.u8();
    if (value > 1) throw new MalformedError(`boolean ${value}`);
    return value === 1;
  }

  /** A view, not a copy: copy what is kept longer than the buffer it came in. */
  raw(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A view of bytes that were written with their length. */
  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  /** A reader of the next `length` bytes alone: cheaper than one of a view of them. */
  part(length: number): ByteReader {
    const at = this.#advance(length);
    return new ByteReader(this.#bytes, at, at + length);
  }

  text(): string {
    return utf8Text(this.bytes());
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.remaining !== 0) throw new MalformedError(`${this.remaining} bytes too many`);
  }

  #advance(length: number): number {
    const at = this.#position;
    if (at + length > this.#end) {
      throw new MalformedError(`${length} bytes wanted at ${at} of ${this.#end}`);
    }
    this.#position = at + length;
    return at;
  }
}
