import { ByteReader, ByteWriter, crc32c, MalformedError, utf8, utf8Text } from '../bytes/index.ts';
import type { Disk } from '../ports/index.ts';

/** Small records of a node: one file each, replaced whole, so that a crash leaves the old or the new one. */
export async function writeRecord(disk: Disk, path: string, record: unknown): Promise<void> {
  const json = utf8(JSON.stringify(record));
  const temporary = `${path}.new`;
  await disk.remove(temporary);
  const file = await disk.open(temporary, { create: true });
  try {
    await file.write(0, new ByteWriter().u32(crc32c(json)).raw(json).take());
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
  await disk.syncDirectory('');
}

/** Undefined when there is none. Rejects with MalformedError when it is damaged. */
export async function readRecord(disk: Disk, path: string): Promise<unknown> {
  if (!(await disk.exists(path))) return undefined;
  const file = await disk.open(path);
  let bytes: Uint8Array;
  try {
    bytes = await file.read(0, await file.size());
  } finally {
    await file.close();
  }
  const reader = new ByteReader(bytes);
  const checksum = reader.u32();
  const json = reader.raw(reader.remaining);
  if (crc32c(json) !== checksum) throw new MalformedError(`${path} fails its checksum`);
  return JSON.parse(utf8Text(json));
}
