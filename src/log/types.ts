/** An entry of a replicated log, as the log stores it; raft's entries have this shape. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: 'normal' | 'empty' | 'config';
  readonly data: Uint8Array;
}

/** Raft's persistent state besides the entries (Raft paper, figure 2) and the commit index. */
export interface LogHardState {
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
}

/** A place in a replicated log. {0, 0} is the place before the first entry. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** One step of a replica's log. In one step `reset` comes first, then `entries`, then `hardState`. */
export interface LogAppend {
  readonly hardState?: LogHardState | undefined;
  /** Contiguous; the first one replaces whatever stands at its index and after it. */
  readonly entries?: readonly LogEntry[] | undefined;
  /** The log starts anew after this place: a snapshot was installed. */
  readonly reset?: LogPosition | undefined;
}

/** What the log holds of a replica after a start. */
export interface RecoveredReplica {
  readonly hardState: LogHardState;
  /** Everything up to here was trimmed, or replaced by a snapshot. */
  readonly compacted: LogPosition;
  /** The entries from behind `compacted` to this index can be read. */
  readonly last: number;
  /** Of these entries the first one of each term. */
  readonly terms: readonly LogPosition[];
}

/** Acknowledged records that cannot be read any more (L2). */
export interface LogDamage {
  readonly file: string;
  /** Where what is missing began, in bytes from the start of the file. */
  readonly offset: number;
  readonly reason: string;
  /** Whose records they were; undefined when that cannot be told, so that it may be any replica of the node. */
  readonly replicas: readonly number[] | undefined;
}

/** Entries that were to be read back turned out to be damaged while the node ran (L2). */
export class LogDamagedError extends Error implements LogDamage {
  override readonly name = 'LogDamagedError';
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
  readonly replicas: readonly number[] | undefined;
  constructor({ file, offset, reason, replicas }: LogDamage) {
    super(`${file} is damaged at byte ${offset}: ${reason}`);
    this.file = file;
    this.offset = offset;
    this.reason = reason;
    this.replicas = replicas;
  }
}
