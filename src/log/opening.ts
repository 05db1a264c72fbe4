import type { Disk } from '../ports/index.ts';
import { aligned, type SegmentName } from './format.ts';
import { type LogOptions, SEGMENT_BYTES } from './options.ts';
import { FIRST_GENERATION, FIRST_SEGMENT_BYTES, type RecoveredLog, recover } from './recovery.ts';
import { SegmentSupply } from './segment-supply.ts';
import { type OpenSegment, SegmentFiles } from './segments.ts';
import { LogDamagedError, type RecoveredReplica } from './types.ts';
import { type OpenSegments, WriteAheadLog } from './write-ahead-log.ts';

/** The first segment is short, so that a new node is ready at once; meanwhile a whole one is prepared. */
const FIRST_SEGMENT_DIVISOR = 8;

export interface OpenedLog {
  readonly log: WriteAheadLog;
  readonly replicas: ReadonlyMap<number, RecoveredReplica>;
  /** Where a write was not finished. It was never acknowledged, and is gone. */
  readonly torn: RecoveredLog['torn'];
}

/**
 * Opens the log in a directory, which is made when it is not there.
 *
 * Rejects with {@link LogDamagedError} (see `onDamage`) or {@link DiskError}.
 */
export async function openLog(
  disk: Disk,
  directory: string,
  options: LogOptions,
): Promise<OpenedLog> {
  await disk.makeDirectory(directory);
  const recovered = await recover(disk, directory);
  const [first] = recovered.damage;
  if (first) {
    if (!options.onDamage) throw new LogDamagedError(first);
    await options.onDamage(recovered.damage);
  }
  const files = new SegmentFiles(disk, directory);
  const segments = await openSegments(files, recovered, options);
  const log = new WriteAheadLog(files, recovered, segments, options);
  return { log, replicas: recovered.replicas, torn: recovered.torn };
}

/** The newest segment with batches goes on; a new log begins in one that is ready, or in a short one. */
async function openSegments(
  files: SegmentFiles,
  recovered: RecoveredLog,
  { random, segmentBytes = SEGMENT_BYTES }: LogOptions,
): Promise<OpenSegments> {
  if (segmentBytes % 512 !== 0) throw new RangeError(`segmentBytes ${segmentBytes}`);
  const newest = recovered.segments.at(-1);
  if (newest) await files.sync(newest);
  let spare = await keepOne(files, recovered.unused, newest, segmentBytes);
  const last = spare?.name ?? newest;
  let nextGeneration = last ? last.generation + 1 : FIRST_GENERATION;
  const segments = [...recovered.segments];
  let active: OpenSegment;
  if (newest) {
    active = await files.open(newest);
  } else if (spare) {
    active = spare;
    spare = undefined;
    segments.push(active.name);
  } else {
    const bytes = Math.max(
      aligned(segmentBytes / FIRST_SEGMENT_DIVISOR),
      Math.min(segmentBytes, FIRST_SEGMENT_BYTES),
    );
    const name = { generation: nextGeneration++, salt: random?.uint32() ?? 0 };
    active = (await files.create(name, bytes, () => true)) as OpenSegment;
    segments.push(name);
  }
  const supply = new SegmentSupply({ files, segmentBytes, random }, nextGeneration, spare);
  return { segments, active, supply };
}

/** Of the segments without a batch the first one, if it can be the next; the others go, the newest first. */
async function keepOne(
  files: SegmentFiles,
  unused: readonly SegmentName[],
  newest: SegmentName | undefined,
  segmentBytes: number,
): Promise<OpenSegment | undefined> {
  const [first, ...others] = unused;
  for (const name of others.reverse()) await files.remove(name);
  if (!first) return undefined;
  if (!newest || first.generation === newest.generation + 1) {
    const kept = await files.open(first);
    if (kept.capacity >= segmentBytes) {
      // Whoever made it may have died before it was durable, and no later one may be while this one is not.
      await files.sync(first);
      return kept;
    }
    await kept.file.close();
  }
  await files.remove(first);
  return undefined;
}
