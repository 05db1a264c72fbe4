import { open } from 'node:fs/promises';
import { ENVIRONMENT } from './options.ts';

// The two first pages of the file say where everything is, the newer one counts (mdb.c, MDB_page and MDB_meta):
//
//     0  page number, u64 · transaction, u64 · padding, u16 · flags, u16 · padding, u32
//    24  magic, u32 · version, u32 · address, u64 · size of the map, u64
//    48  two trees, of the free pages and of the named databases, 48 bytes each: page size (the first one), u32 · flags, u16 ·
//        depth, u16 · branch, leaf and overflow pages, entries, root page, u64 each
//   144  last page, u64 · transaction, u64
const META_BYTES = 160;
const FLAGS = 18;
const MAGIC = 24;
const VERSION = 28;
const PAGE_SIZE = 48;
const ROOTS = [88, 136];
const LAST_PAGE = 144;

const META_FLAG = 0x08;
const MAGIC_NUMBER = 0xbeefc0de;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * What is wrong with an LMDB file, as far as its two first pages tell; undefined when nothing is, or when there is no file.
 * LMDB trusts these pages and takes the whole process down with it when they are damaged.
 */
export async function wrongWithFile(file: string): Promise<string | undefined> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!handle) return undefined;
  try {
    const { size } = await handle.stat();
    // Made and never written: a start that was cut short.
    if (size === 0) return undefined;
    const { pageSize } = ENVIRONMENT;
    if (size < 2 * pageSize) return `it ends after ${size} bytes`;
    for (const page of [0, 1]) {
      const meta = Buffer.alloc(META_BYTES);
      await handle.read(meta, 0, META_BYTES, page * pageSize);
      const wrong = wrongWithMeta(meta, BigInt(size), pageSize);
      if (wrong) return `page ${page} is damaged: ${wrong}`;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

function wrongWithMeta(meta: Buffer, size: bigint, pageSize: number): string | undefined {
  if (meta.readUInt16LE(FLAGS) !== META_FLAG) return 'bad page flags';
  if (meta.readUInt32LE(MAGIC) !== MAGIC_NUMBER) return 'bad magic number';
  if (meta.readUInt32LE(VERSION) !== 2) return 'unknown version';
  if (meta.readUInt32LE(PAGE_SIZE) !== pageSize) return 'bad page size';
  const last = meta.readBigUInt64LE(LAST_PAGE);
  // The file need not have pages that are allocated and free, but never less than a root.
  for (const at of ROOTS) {
    const root = meta.readBigUInt64LE(at);
    if (root === NO_PAGE) continue;
    const end = (root + 1n) * BigInt(pageSize);
    if (root < 2n || root > last || end > size) return `root at page ${root} of ${last}`;
  }
  return undefined;
}
