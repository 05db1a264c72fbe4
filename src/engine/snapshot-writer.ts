import { ByteWriter, crc32c } from '../bytes/index.ts';
import type { Disk } from '../ports/index.ts';
import type { Cursor } from './engine.ts';
import type { ReplicaView } from './replica-state.ts';
import { CHUNK_BYTES, encodeChunkHeader, encodeHead } from './snapshot-format.ts';

/**
 * Copies a view into a file (E3), which is there under `path` only when it is whole and durable; an older file of that name
 * is replaced. Yields after every chunk. The caller closes the view.
 *
 * Resolves to the file's length in bytes and its checksum. Rejects with DiskError.
 */
export async function writeSnapshot(
  view: ReplicaView,
  disk: Disk,
  path: string,
  meta: Uint8Array,
): Promise<{ bytes: number; checksum: number }> {
  const unfinished = `${path}.unfinished`;
  await disk.remove(unfinished);
  const file = await disk.open(unfinished, { create: true });
  const cursor = view.all();
  try {
    const head = encodeHead({ index: view.appliedIndex, term: view.appliedTerm, meta });
    let { chain } = head;
    let position = 0;
    let total = 0;
    const write = async (bytes: Uint8Array) => {
      await file.write(position, bytes);
      position += bytes.length;
    };
    const writeChunk = async (chunk: Uint8Array, pairs: number) => {
      const header = encodeChunkHeader(chunk.length, pairs, crc32c(chunk), chain);
      chain = header.chain;
      await write(header.bytes);
      if (chunk.length > 0) await write(chunk);
    };
    await write(head.bytes);
    const chunk = new ByteWriter(CHUNK_BYTES + 4096);
    for (;;) {
      const pairs = fillChunk(chunk.reset(), cursor);
      if (pairs === 0) break;
      total += pairs;
      await writeChunk(chunk.view(), pairs);
    }
    await writeChunk(new Uint8Array(0), total);
    await file.sync();
    await file.close();
    await disk.rename(unfinished, path);
    await disk.syncDirectory(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    return { bytes: position, checksum: chain };
  } catch (error) {
    await file.close().catch(() => {});
    await disk.remove(unfinished).catch(() => {});
    throw error;
  } finally {
    cursor.close();
  }
}

/** Returns the number of pairs. */
function fillChunk(chunk: ByteWriter, cursor: Cursor): number {
  let pairs = 0;
  while (chunk.length < CHUNK_BYTES) {
    const pair = cursor.next();
    if (!pair) break;
    chunk.bytes(pair.key).bytes(pair.value);
    pairs++;
  }
  return pairs;
}
