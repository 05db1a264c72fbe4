import type { ByteReader, ByteWriter } from '../bytes/index.ts';
import type { Pace } from '../engine/index.ts';
import { type Clock, type Disk, wait } from '../ports/index.ts';
import type { Replicas } from './replicas.ts';

/** The file travels in pieces of this many bytes, one request each, one at a time. */
const CHUNK_BYTES = 64 * 1024;
/** A piece that is not answered is asked for again this often, with a pause: the file goes on where it stopped. */
const TRIES = 40;
const PAUSE_MS = 250;

export interface SnapshotPiece {
  readonly group: number;
  readonly index: number;
  readonly offset: number;
}

export function writeSnapshotPiece(writer: ByteWriter, piece: SnapshotPiece): void {
  writer.varint(piece.group).varint(piece.index).varint(piece.offset);
}

export function readSnapshotPiece(reader: ByteReader): SnapshotPiece {
  return { group: reader.varint(), index: reader.varint(), offset: reader.varint() };
}

/**
 * Calls `use` with the bytes of a piece, fewer at the end of the file, which are valid within the call; with undefined when the
 * snapshot is not (or no longer) offered here.
 */
export async function serveSnapshotPiece(
  replicas: Replicas,
  { group, index, offset }: SnapshotPiece,
  use: (bytes: Uint8Array | undefined) => void,
): Promise<void> {
  const replica = replicas.get(group);
  if (replica) await replica.readSnapshot(index, offset, CHUNK_BYTES, use);
  else use(undefined);
}

export type AskForPiece = (piece: SnapshotPiece) => Promise<Uint8Array | 'gone' | 'unanswered'>;

/** Copies a snapshot to `path`, piece by piece at that pace; it is not synced. False when it is not to be had. */
export async function fetchSnapshot(
  ask: AskForPiece,
  from: Pick<SnapshotPiece, 'group' | 'index'>,
  disk: Disk,
  path: string,
  clock: Clock,
  pace: Pace,
): Promise<boolean> {
  const file = await disk.open(path, { create: true });
  try {
    let offset = 0;
    for (let tries = 0; tries < TRIES; ) {
      const bytes = await ask({ ...from, offset });
      if (bytes === 'gone') return false;
      if (bytes === 'unanswered') {
        tries++;
        await wait(clock, PAUSE_MS);
        continue;
      }
      tries = 0;
      if (bytes.length > 0) await file.write(offset, bytes);
      offset += bytes.length;
      if (bytes.length < CHUNK_BYTES) return true;
      await pace(bytes.length);
    }
    return false;
  } finally {
    await file.close();
  }
}
