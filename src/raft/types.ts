/** A replica's identity inside its group; never used again once the replica is gone (R7). Zero means none. */
export type ReplicaId = number;

/** The random identity of a data directory, drawn at its birth, 16 hex digits (R7). */
export type Incarnation = string;

export type Term = number;
/** Position in the log; the first entry has index 1. */
export type Index = number;

/**
 * `normal` carries a command of the host's state machine, `empty` is a new leader's no-op (R9), `config` carries a
 * membership change.
 */
export type EntryKind = 'normal' | 'empty' | 'config';

export interface Entry {
  readonly index: Index;
  readonly term: Term;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/** What must be durable besides the entries: Raft paper figure 2, "persistent state", and the commit index. */
export interface HardState {
  readonly term: Term;
  /** The candidate that got this replica's vote in `term`, or 0. */
  readonly vote: ReplicaId;
  /** May lag: a restarted replica learns the rest from its leader. */
  readonly commit: Index;
}

/** A place in the log; two logs that have the same index and term there are equal up to it (log matching). */
export interface LogPosition {
  readonly index: Index;
  readonly term: Term;
}

export interface Member {
  readonly id: ReplicaId;
  readonly incarnation: Incarnation;
}

/**
 * A group's members (thesis §4.3). Outside a membership change `outgoing` is empty. In a joint configuration every
 * decision needs a majority of `incoming` and one of `outgoing`. Learners get entries and never count.
 */
export interface Config {
  readonly incoming: readonly Member[];
  readonly outgoing: readonly Member[];
  readonly learners: readonly Member[];
  /**
   * Whoever decides on the members numbers what it wants, and this is the number that it goes by. It never goes back, whatever a
   * leader that has not heard the newest still wants (C4).
   */
  readonly plan: number;
}

/** Who shall be in a group: see `Raft.proposeConfig`. */
export interface Membership {
  readonly voters: readonly Member[];
  readonly learners: readonly Member[];
  /** See `Config.plan`. */
  readonly plan: number;
}

/** What a snapshot replaces; its content is the host's business and does not pass through the core. */
export interface SnapshotMeta {
  readonly index: Index;
  readonly term: Term;
  readonly config: Config;
}

interface Envelope {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  /** The sender's term, except in a pre-vote, where it is the term that the sender would stand in. */
  readonly term: Term;
  /** The sender's incarnation: a message under another one than the configuration's is dropped (R7). */
  readonly incarnation: Incarnation;
}

export interface VoteRequest extends Envelope {
  readonly type: 'vote-request' | 'pre-vote-request';
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  /** An election that the leader asked for passes leader stickiness (thesis §4.2.3). */
  readonly transfer: boolean;
}

export interface VoteResponse extends Envelope {
  readonly type: 'vote-response' | 'pre-vote-response';
  readonly granted: boolean;
}

export interface AppendRequest extends Envelope {
  readonly type: 'append-request';
  readonly prevIndex: Index;
  readonly prevTerm: Term;
  readonly entries: readonly Entry[];
  readonly commit: Index;
}

export interface AppendResponse extends Envelope {
  readonly type: 'append-response';
  /** Accepted: the highest index that is durable here and known to match. Rejected: the `prevIndex` refused. */
  readonly index: Index;
  readonly rejected: boolean;
  /** With a rejection: a position of this log, at or before `index`, up to which the logs may agree (R4). */
  readonly hintIndex: Index;
  readonly hintTerm: Term;
  /** See `RaftOptions.quarantine`: above 0 the answer serves flow control and nothing else. */
  readonly quarantine: number;
}

export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat';
  /** Never above what the receiver is known to match (G5). */
  readonly commit: Index;
  /** Number of the read round that the answer confirms, or 0 (R6). */
  readonly round: number;
}

/**
 * How far the receiver may commit, never above what it is known to match (G5). Nobody answers it, and nothing depends on its
 * arrival: a heartbeat says the same a moment later.
 */
export interface CommitNotice extends Envelope {
  readonly type: 'commit-notice';
  readonly commit: Index;
}

/** The leader has nothing more to say: whose log ends with this entry, which is committed, may sleep (quiescence.ts). */
export interface Quiesce extends Envelope {
  readonly type: 'quiesce';
  readonly index: Index;
  readonly logTerm: Term;
}

export interface HeartbeatResponse extends Envelope {
  readonly type: 'heartbeat-response';
  readonly round: number;
  /** As in `AppendResponse`. */
  readonly quarantine: number;
}

/**
 * Offers a snapshot: what it replaces, not what it holds. The follower's host fetches the content from the sender's host;
 * meanwhile the leader keeps that follower in the state `snapshot` and repeats the offer.
 */
export interface SnapshotRequest extends Envelope {
  readonly type: 'snapshot-request';
  readonly snapshot: SnapshotMeta;
}

/** A follower asks its leader for a read index; `context` is the asker's own number. */
export interface ReadIndexRequest extends Envelope {
  readonly type: 'read-index-request';
  readonly context: number;
  /** The asker remembers every vote that it gave, so that its asking speaks for the leader (see reads.ts). */
  readonly confirms: boolean;
}

export interface ReadIndexResponse extends Envelope {
  readonly type: 'read-index-response';
  readonly context: number;
  readonly index: Index;
  /** The asked replica does not lead: ask again elsewhere. */
  readonly rejected: boolean;
}

export interface TimeoutNow extends Envelope {
  readonly type: 'timeout-now';
}

export type Message =
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | CommitNotice
  | Quiesce
  | SnapshotRequest
  | ReadIndexRequest
  | ReadIndexResponse
  | TimeoutNow;

export type MessageType = Message['type'];

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** The read `context` may be served once the replica has applied `index`; rejected: nobody confirmed it, try again. */
export interface ReadState {
  readonly context: number;
  readonly index: Index;
  readonly rejected: boolean;
}

/**
 * Everything to do since the last `ready()`. The host may take the next one while earlier writes are on their way to
 * the disk, but the writes must become durable in the order of the readies.
 */
export interface Ready {
  /** Counts up by one with every `ready()` that has something to make durable; 0 when this one has nothing. */
  readonly writeNumber: number;
  /** To make durable in one write with `logReset` and `entries`; absent when unchanged. */
  readonly hardState: HardState | undefined;
  /**
   * An installed snapshot ends at this position and nothing in the log fits on to it: to be made durable before
   * `entries`, it drops every entry of the log on disk, before and after it. Absent otherwise.
   */
  readonly logReset: LogPosition | undefined;
  /** To append; an entry at an index that the log has already replaces it and everything after it. */
  readonly entries: readonly Entry[];
  /**
   * A snapshot that `from` offers. The host fetches and installs it, then calls `snapshotInstalled`, or else
   * `snapshotFailed`; until then `committedEntries` is empty, so that nothing is applied beside the installation.
   */
  readonly snapshot: { readonly from: ReplicaId; readonly meta: SnapshotMeta } | undefined;
  /** To send now, at once with the write (thesis §10.2.1: the leader's entries travel while its own disk works). */
  readonly messages: readonly Message[];
  /** To send only when this write (and with it every earlier one) is durable (R1). Empty when `writeNumber` is 0. */
  readonly messagesAfterWrite: readonly Message[];
  /**
   * To apply, in order. May be taken before they are durable on this replica (a majority has them), so what applying
   * makes durable must not outrun the log: see the package comment.
   */
  readonly committedEntries: readonly Entry[];
  readonly readStates: readonly ReadState[];
  /**
   * Followers that lag behind the compaction point, each named once: the host makes a snapshot file (one may serve
   * several) and calls `snapshotReady` for each, or `snapshotUnavailable`.
   */
  readonly snapshotsWanted: readonly ReplicaId[];
  /**
   * Entries that followers need and that are not in memory: the host reads them back from its log and calls `entriesRead`
   * for each, or `entriesUnavailable`.
   */
  readonly entriesWanted: readonly EntriesWanted[];
}

/** Entries of [from, before) for a follower, of at most `bytesMax` bytes, at least one. */
export interface EntriesWanted {
  readonly to: ReplicaId;
  readonly from: Index;
  readonly before: Index;
  readonly bytesMax: number;
}

/** Why a proposal was not taken: nothing of it was done. `overloaded` and `transferring` pass, `not-leader` moved. */
export type ProposalRefusal = 'not-leader' | 'overloaded' | 'transferring';

export type ProposalOutcome =
  | { readonly accepted: true; readonly index: Index; readonly term: Term }
  | { readonly accepted: false; readonly reason: ProposalRefusal; readonly leader: ReplicaId };

/**
 * Why a change of membership was not taken: nothing of it was done.
 *
 * - `changing`: an earlier one is not done yet.
 * - `not-ready`: this leader has not committed an entry of its own term yet (G1).
 * - `not-caught-up`: a new voter is no learner, or lacks more than is in memory (R7).
 * - `known`: nothing would change.
 * - `old-plan`: the group goes by a newer one.
 */
export type ConfigRefusal =
  | 'not-leader'
  | 'transferring'
  | 'changing'
  | 'not-ready'
  | 'not-caught-up'
  | 'known'
  | 'old-plan';

export type ConfigOutcome =
  | { readonly accepted: true; readonly index: Index; readonly term: Term }
  | { readonly accepted: false; readonly reason: ConfigRefusal; readonly leader: ReplicaId };
