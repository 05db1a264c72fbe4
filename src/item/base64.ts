import { utf8, utf8Text } from '../bytes/index.ts';

// RFC 4648 section 4, with padding.
const ALPHABET = utf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const PADDING = 0x3d;
const INVALID = 0xff;
const VALUES = new Uint8Array(128).fill(INVALID);
for (let i = 0; i < 64; i++) VALUES[ALPHABET[i] as number] = i;

export function encodeBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  let to = 0;
  for (let from = 0; from < bytes.length; from += 3) {
    const present = bytes.length - from;
    const group =
      ((bytes[from] as number) << 16) |
      (present > 1 ? (bytes[from + 1] as number) << 8 : 0) |
      (present > 2 ? (bytes[from + 2] as number) : 0);
    text[to] = ALPHABET[group >> 18] as number;
    text[to + 1] = ALPHABET[(group >> 12) & 63] as number;
    text[to + 2] = present > 1 ? (ALPHABET[(group >> 6) & 63] as number) : PADDING;
    text[to + 3] = present > 2 ? (ALPHABET[group & 63] as number) : PADDING;
    to += 4;
  }
  return utf8Text(text);
}

export type Base64Result =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly message: string };

/** Strict: whole groups of four, padding only at the end, the unused bits zero. One text for each sequence of bytes. */
export function decodeBase64(text: string): Base64Result {
  const length = text.length;
  if (length % 4 !== 0) {
    return refuse(`Base64 encoded length is expected a multiple of 4 bytes but found: ${length}`);
  }
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((length / 4) * 3 - padding);
  const end = length - padding;
  let bits = 0;
  let to = 0;
  for (let i = 0; i < end; i++) {
    const unit = text.charCodeAt(i);
    const value = unit < 128 ? (VALUES[unit] as number) : INVALID;
    if (value === INVALID) return refuse(`Invalid Base64 character: '${text.charAt(i)}'`);
    bits = ((bits << 6) | value) & 0xffffff;
    const phase = i & 3;
    if (phase !== 0) bytes[to++] = bits >> (6 - 2 * phase);
  }
  const unused = padding === 2 ? 0xf : padding === 1 ? 0x3 : 0;
  if ((bits & unused) !== 0) return refuse('Invalid last non-pad Base64 character dectected');
  return { ok: true, bytes };
}

function refuse(message: string): Base64Result {
  return { ok: false, message };
}
