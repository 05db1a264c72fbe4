import type { Disk } from '../ports/index.ts';
import type { Engine, Write } from './engine.ts';
import { AT_ONCE, type Pace } from './pace.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import { inSpace, spacePrefix } from './space.ts';

/** Bytes put by one commit: small, so that neither the commits of flushes nor the log's writes wait long for the disk. */
const COMMIT_BYTES = 256 * 1024;

/**
 * Puts a snapshot's pairs into an empty space, in small commits at that pace, and resolves when all of it is durable.
 *
 * Rejects with SnapshotDamagedError or DiskError; the space then holds anything.
 */
export async function fillSpace(
  engine: Engine,
  space: number,
  disk: Disk,
  path: string,
  pace: Pace = AT_ONCE,
): Promise<{ index: number; term: number }> {
  const prefix = spacePrefix(space);
  const reader = await SnapshotReader.open(disk, path);
  try {
    let writes: Write[] = [];
    let bytes = 0;
    for (let pairs = await reader.next(); pairs; pairs = await reader.next()) {
      for (const { key, value } of pairs) {
        writes.push({ key: inSpace(prefix, key), value });
        bytes += key.length + value.length;
      }
      if (bytes < COMMIT_BYTES) continue;
      await engine.commit(writes).durable;
      await pace(bytes);
      writes = [];
      bytes = 0;
    }
    if (writes.length > 0) await engine.commit(writes).durable;
    return { index: reader.head.index, term: reader.head.term };
  } finally {
    await reader.close();
  }
}
