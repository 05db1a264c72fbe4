import { ByteWriter, crc32c } from '../../src/bytes/index.ts';
import { PROTOCOL_VERSION } from '../../src/node/frame.ts';

/** A header that is right in itself and says that so many bytes follow. */
export function headerOf(length: number, version = PROTOCOL_VERSION, magic = 0xf107): Uint8Array {
  const header = new ByteWriter().u16(magic).u8(version).u8(0).u32(length);
  header.u32(0x01234567).u32(0x89abcdef).u32(0);
  return header.u32(crc32c(header.view())).take();
}
