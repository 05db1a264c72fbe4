/**
 * The checksum of a record in LMDB: of its key and then its value, so that a record in the wrong place does not pass either.
 * MurmurHash3 x86_32 (Austin Appleby, public domain algorithm) over `bytes[start, end)` after what `previous` is of. Every
 * step of it can be inverted, so a change within four bytes never goes unnoticed, and any other passes once in 2^32.
 *
 * It names nothing else, as the writer thread gets its source.
 */
export function checksum(previous: number, bytes: Uint8Array, start: number, end: number): number {
  let h = previous;
  const blocks = start + ((end - start) & ~3);
  let k = 0;
  for (let i = start; i < blocks; i += 4) {
    k =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  k = 0;
  for (let i = end - 1; i >= blocks; i--) k = (k << 8) | (bytes[i] as number);
  k = Math.imul(k, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  h ^= Math.imul(k, 0x1b873593) ^ (end - start);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
