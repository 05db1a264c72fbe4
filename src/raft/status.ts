import type { Core } from './core.ts';
import type { ProgressState } from './progress.ts';
import type { Config, Index, ReplicaId, Role, Term } from './types.ts';

/** What a leader knows of one follower. Bytes count entries with their overhead, silence is in ticks. */
export interface FollowerStatus {
  readonly id: ReplicaId;
  readonly state: ProgressState;
  readonly match: Index;
  readonly next: Index;
  readonly inflightBytes: number;
  readonly inflightAppends: number;
  readonly silentTicks: number;
  /** Above 0 it counts for nothing and cannot lead; see `RaftOptions`. */
  readonly quarantine: number;
  /** The index of the snapshot on offer, or 0. */
  readonly snapshotIndex: Index;
}

/** One moment of a replica, for people and metrics: plain data, safe to serialise. */
export interface RaftStatus {
  readonly id: ReplicaId;
  readonly role: Role;
  readonly term: Term;
  readonly vote: ReplicaId;
  readonly leader: ReplicaId;
  readonly commit: Index;
  readonly applied: Index;
  readonly durable: Index;
  /** Entries after this one can be read back from the disk. */
  readonly storedIndex: Index;
  /** The first one in memory. */
  readonly firstIndex: Index;
  readonly lastIndex: Index;
  readonly logBytes: number;
  readonly uncommittedBytes: number;
  readonly writesInFlight: number;
  /** Of the entries in those writes. */
  readonly writingBytes: number;
  readonly config: Config;
  readonly canVote: boolean;
  /** See `RaftOptions`. */
  readonly quarantine: number;
  /** The index of the snapshot being fetched or installed here, or 0. */
  readonly installingIndex: Index;
  /** Of a leader: reads that no quorum has confirmed yet. */
  readonly pendingReads: number;
  /** Of a leader: whom it hands over to, or 0. */
  readonly transferTo: ReplicaId;
  /** It sleeps until something happens. */
  readonly quiesced: boolean;
  /** Of a leader; empty otherwise. */
  readonly followers: readonly FollowerStatus[];
}

export function statusOf(core: Core): RaftStatus {
  const { log, role } = core;
  const leading = role.name === 'leader' ? role : undefined;
  return {
    id: core.id,
    role: role.name,
    term: core.term,
    vote: core.vote,
    leader: core.leader,
    commit: log.commit,
    applied: log.applied,
    durable: log.durable,
    storedIndex: log.stored.index,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    logBytes: log.bytes,
    uncommittedBytes: log.uncommittedBytes,
    writesInFlight: core.writes.inFlight,
    writingBytes: core.writes.bytes,
    config: core.config,
    canVote: core.counts,
    quarantine: core.options.quarantine,
    installingIndex: core.installing?.index ?? 0,
    pendingReads: leading?.reads.pending ?? 0,
    transferTo: leading?.transfer?.to ?? 0,
    quiesced: core.quiesced,
    followers: (leading?.followers ?? []).map((progress) => ({
      id: progress.id,
      state: progress.state,
      match: progress.match,
      next: progress.next,
      inflightBytes: progress.inflights.bytes,
      inflightAppends: progress.inflights.count,
      silentTicks: progress.silentTicks,
      quarantine: progress.quarantine,
      snapshotIndex: progress.snapshot?.index ?? 0,
    })),
  };
}
