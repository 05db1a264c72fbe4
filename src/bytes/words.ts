// By hand: making a DataView costs more than the few words that are read or written through it.

/** A big-endian word at `at`; reads past the end count as zeros. */
export function readU32(bytes: Uint8Array, at: number): number {
  const value =
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number);
  return value >>> 0;
}

/** The low 32 bits of an integer, big-endian. */
export function writeU32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

/** An integer in [0, 2^53), in eight bytes. */
export function writeU64(target: Uint8Array, at: number, value: number): void {
  writeU32(target, at, Math.floor(value / 0x1_0000_0000));
  writeU32(target, at + 4, value);
}
