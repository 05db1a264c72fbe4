import { broken } from './invariant.ts';
import type { StoredLog } from './raft-log.ts';
import type {
  Config,
  Entry,
  HardState,
  Incarnation,
  Index,
  LogPosition,
  ReplicaId,
} from './types.ts';

export interface RaftOptions {
  readonly id: ReplicaId;
  readonly incarnation: Incarnation;
  /** The configuration as of `compacted`; empty for a replica that waits for its first snapshot. */
  readonly config: Config;
  readonly hardState: HardState;
  /** Every durable entry above `compacted`, without a gap. */
  readonly entries: readonly Entry[];
  /** The last position that the log no longer holds; {0, 0} for a whole log. */
  readonly compacted: LogPosition;
  /** What the host can read back from before `compacted`; nothing, unless told. */
  readonly stored?: StoredLog | undefined;
  /** What the durable state of the host has applied: from `compacted.index` to the last entry. */
  readonly applied: Index;
  /**
   * The least time without a leader before a replica stands, in ticks; the time drawn is up to half as long again.
   * Several heartbeats long, or one lost heartbeat starts an election; and a leader without a quorum serves for so long.
   */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** A leader that had nothing to do for so many ticks sends its group to sleep (quiescence.ts); 0 for never. */
  readonly quiesceTicks: number;
  /** A replica asks whether it could win before it raises its term (thesis §9.6). */
  readonly preVote: boolean;
  /** A leader that hears no quorum for `electionTicks` steps down, and who hears a leader ignores elections (R3). */
  readonly checkQuorum: boolean;
  /** A new leader appends an empty entry, so that what its predecessors left can commit at once (R9, paper §8). */
  readonly appendEmptyEntry: boolean;
  /** Of the entries in one append message; one larger entry travels alone. */
  readonly appendBytesMax: number;
  /** Of the entries on the way to one follower (R4): the bandwidth-delay product, or the link idles. */
  readonly inflightBytesMax: number;
  /** Of the entries a leader holds uncommitted, or on the way to its disk; beyond it proposals are refused (R5, G17). */
  readonly uncommittedBytesMax: number;
  /** A uniform integer in [0, n), n ≥ 1. The only source of chance. */
  readonly randomBelow: (n: number) => number;
  /** False for a replica without its first snapshot: it never votes, stands or acknowledges until one is installed. */
  readonly canVote: boolean;
  /**
   * How many times the log of this replica was damaged, so that it does not know any more what it promised; 0 for one that
   * is whole. A damaged one follows and reads, and counts for nothing. It may start with a state and no log.
   */
  readonly quarantine: number;
}

export function checkOptions(options: RaftOptions): void {
  const { id, electionTicks, heartbeatTicks, hardState, compacted, applied } = options;
  const counts = {
    id,
    electionTicks,
    heartbeatTicks,
    appendBytesMax: options.appendBytesMax,
    inflightBytesMax: options.inflightBytesMax,
    uncommittedBytesMax: options.uncommittedBytesMax,
  };
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isSafeInteger(value) || value < 1) throw broken('option', { [name]: value });
  }
  if (electionTicks <= heartbeatTicks) throw broken('option', { electionTicks, heartbeatTicks });
  // Everybody must have had the time to answer since the group woke up.
  const { quiesceTicks } = options;
  const isLong = Number.isSafeInteger(quiesceTicks) && quiesceTicks > 2 * heartbeatTicks;
  if (quiesceTicks !== 0 && !isLong) throw broken('option', { quiesceTicks, heartbeatTicks });
  const positions = {
    term: hardState.term,
    vote: hardState.vote,
    commit: hardState.commit,
    compactedIndex: compacted.index,
    compactedTerm: compacted.term,
    applied,
    quarantine: options.quarantine,
  };
  for (const [name, value] of Object.entries(positions)) {
    if (!Number.isSafeInteger(value) || value < 0) throw broken('option', { [name]: value });
  }
}
