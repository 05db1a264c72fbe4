import { ByteWriter, crc32c } from '../bytes/index.ts';
import type { Disk } from '../ports/index.ts';
import type { Cursor } from './engine.ts';
import { AT_ONCE, type Pace } from './pace.ts';
import type { ReplicaView } from './replica-state.ts';
import { CHUNK_BYTES, encodeChunkHeader, encodeHead } from './snapshot-format.ts';

/**
 * Copies a view into a file (E3), which is there under `path` only when it is whole; an older file of that name is replaced.
 * It is not synced: snapshots do not outlive their node's process, nor its machine, and what is removed before the operating
 * system gets round to it never takes the disk's time from the log. Yields after every chunk, for as long as `pace` says. The caller closes the view.
 *
 * Resolves to the file's length in bytes and its checksum. Rejects with DiskError.
 */
export async function writeSnapshot(
  view: ReplicaView,
  disk: Disk,
  path: string,
  meta: Uint8Array,
  pace: Pace = AT_ONCE,
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
      await pace(chunk.length);
    }
    await writeChunk(new Uint8Array(0), total);
    await file.close();
    await disk.rename(unfinished, path);
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
