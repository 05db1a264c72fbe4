import { allocateBytes } from '../../bytes/index.ts';
import { CHECKSUM_BYTES } from './options.ts';

/** A buffer of lmdb-js that is used again, so what is read must be copied out of it. Its `length` may be that of the value. */
type Reused = Uint8Array<ArrayBuffer> & {
  readonly isGlobal?: boolean;
  readonly maxLength?: number;
};

const NO_VALUE = new Uint8Array(0);

/**
 * Takes keys and values out of the buffers of lmdb-js, which would otherwise make a Buffer with memory of its own for each:
 * that cost more than the search in the tree.
 */
export class RecordCopies {
  /** Of the value that was taken last; -1 when it was too short to have one. */
  lastChecksum = -1;
  #reused: Reused | undefined;
  #view = NO_VALUE;

  /** For a database of lmdb-js. */
  readonly options = {
    encoder: {
      encode: (value: Uint8Array) => value,
      decode: (bytes: Reused, length: number) => this.value(bytes, length),
    },
    keyEncoder: {
      writeKey: (key: Uint8Array, target: Uint8Array, start: number) => {
        target.set(key, start);
        return start + key.length;
      },
      readKey: (source: Uint8Array, start: number, end: number) => {
        const key = allocateBytes(end - start);
        // Keys are short: a loop beats making a view for `set`.
        for (let i = start; i < end; i++) key[i - start] = source[i] as number;
        return key;
      },
    },
  };

  /** Without its checksum, which is in `lastChecksum`. */
  value(bytes: Reused, length: number): Uint8Array {
    const view = this.#plain(bytes);
    const end = length - CHECKSUM_BYTES;
    if (end < 0) {
      this.lastChecksum = -1;
      return NO_VALUE;
    }
    this.lastChecksum =
      (((view[end] as number) << 24) |
        ((view[end + 1] as number) << 16) |
        ((view[end + 2] as number) << 8) |
        (view[end + 3] as number)) >>>
      0;
    const value = allocateBytes(end);
    value.set(view.subarray(0, end));
    return value;
  }

  /** A Buffer's views are Buffers, which are slow to make. */
  #plain(bytes: Reused): Uint8Array<ArrayBuffer> {
    if (bytes === this.#reused) return this.#view;
    const view = new Uint8Array(
      bytes.buffer,
      bytes.byteOffset,
      bytes.maxLength ?? bytes.byteLength,
    );
    if (bytes.isGlobal) {
      this.#reused = bytes;
      this.#view = view;
    }
    return view;
  }
}
