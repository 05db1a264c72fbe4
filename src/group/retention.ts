import type { WriteAheadLog } from '../log/index.ts';
import type { Index, RaftStatus, ReplicaId } from '../raft/index.ts';

/** With more segments in the log than this a follower that is behind gets a snapshot in place of them. */
const FOLLOWERS_SEGMENTS_MAX = 16;
/**
 * While it does, the log may grow by as much as comes meanwhile, or catching up would never end: by so many times the bytes of
 * the snapshots, for the larger they are, the longer they take.
 */
const LOG_PER_SNAPSHOT = 8;

/** What keeps the log (L3). */
export interface Retention {
  readonly followers: RaftStatus['followers'];
  readonly log: Pick<WriteAheadLog, 'hasRoom' | 'liveSegments' | 'segmentBytes'>;
  /** Of all snapshots of the node that may be fetched now. */
  readonly offeredBytes: number;
  /** A follower that was silent for so long is not there. */
  readonly silentTicksMax: number;
}

/**
 * The log after this index is kept for every follower that is there, so that one which has installed a snapshot can go on from
 * it. No follower may keep too much of the disk.
 */
export function neededByFollowers({
  followers,
  log,
  offeredBytes,
  silentTicksMax,
}: Retention): Index {
  const segmentsMax = FOLLOWERS_SEGMENTS_MAX + (LOG_PER_SNAPSHOT * offeredBytes) / log.segmentBytes;
  let index = Number.POSITIVE_INFINITY;
  if (!log.hasRoom || log.liveSegments > segmentsMax) return index;
  for (const { state, match, silentTicks, snapshotIndex } of followers) {
    if (silentTicks >= silentTicksMax) continue;
    if (state !== 'snapshot') index = Math.min(index, match);
    else if (snapshotIndex > 0) index = Math.min(index, snapshotIndex);
  }
  return index;
}

/**
 * Whether nothing can be committed without the follower: of the others too few are there and have what is committed.
 */
export function isNeededToCommit(
  id: ReplicaId,
  { followers, commit }: Pick<RaftStatus, 'followers' | 'commit'>,
  silentTicksMax: number,
): boolean {
  const others = followers.filter(
    (other) =>
      other.id !== id &&
      other.quarantine === 0 &&
      other.silentTicks < silentTicksMax &&
      other.match >= commit,
  );
  return 1 + others.length <= (followers.length + 1) / 2;
}

/** Whether a follower that is there has yet to install the snapshot: it may have to wait for its turn. */
export function isSnapshotAwaited(
  index: Index,
  followers: RaftStatus['followers'],
  silentTicksMax: number,
): boolean {
  return followers.some(
    ({ snapshotIndex, silentTicks }) => snapshotIndex === index && silentTicks < silentTicksMax,
  );
}
