import { SMALL_BYTES_MAX, writeBytes } from './slab.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

// Up to here V8 keeps an array inside its heap, and a loop beats the call out of it six times over.
const SHORT = 64;

export function utf8(text: string): Uint8Array {
  if (text.length > SHORT) return encoded(text);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encoded(text);
    bytes[i] = unit;
  }
  return bytes;
}

// `encode` makes memory of its own for every text.
function encoded(text: string): Uint8Array {
  const lengthMax = 3 * text.length;
  if (lengthMax > SMALL_BYTES_MAX) return encoder.encode(text);
  return writeBytes(lengthMax, (target) => encoder.encodeInto(text, target).written);
}

/**
 * Writes the UTF-8 form of `text` to `target` from `position` on and returns its length in bytes. There must be room for
 * three bytes a UTF-16 unit. Ten times cheaper than {@link utf8}, whose array is what costs.
 */
export function utf8Into(text: string, target: Uint8Array, position: number): number {
  if (position + 3 * text.length > target.length) {
    throw new RangeError(`no room for ${text.length} units at ${position} of ${target.length}`);
  }
  return encoder.encodeInto(text, target.subarray(position)).written;
}

export function utf8Text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Length of the UTF-8 form in bytes, without making it. A lone surrogate counts as its replacement, three bytes. */
export function byteLengthUtf8(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      length += 1;
    } else if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))) {
      length += 2; // two units, four bytes
      i++;
    } else {
      length += 2;
    }
  }
  return length;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
