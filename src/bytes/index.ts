/**
 * Bytes: the bottom room, which imports nothing and which every room that keeps or sends data may use.
 *
 * Numbers are big-endian, so that encoded keys sort as their values. Readers bound-check everything and throw
 * {@link MalformedError}; whoever decoded a value trusts it from there on.
 */
export { compareBytes, concatBytes, equalBytes, fromHex, startsWith, toHex } from './compare.ts';
export { crc32c } from './crc32c.ts';
export { type Hash64, hash32, hash64, mix128, state128 } from './hash.ts';
export { ByteReader, MalformedError } from './reader.ts';
export { allocateBytes, copyBytes } from './slab.ts';
export { byteLengthUtf8, utf8, utf8Into, utf8Text } from './utf8.ts';
export { readU32, writeU32, writeU64 } from './words.ts';
export { ByteWriter } from './writer.ts';
