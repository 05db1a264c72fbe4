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
  /** All entries after `compacted`, contiguous. */
  readonly entries: readonly LogEntry[];
}

/** Where the log is damaged: acknowledged records cannot be read any more (L2). */
export class LogDamagedError extends Error {
  override readonly name = 'LogDamagedError';
  readonly file: string;
  /** Of the damaged batch, in bytes from the start of the file. */
  readonly offset: number;
  /** The replicas whose records are damaged; undefined when that cannot be told, so that it may be any. */
  readonly replicas: readonly number[] | undefined;
  constructor(
    file: string,
    offset: number,
    reason: string,
    replicas: readonly number[] | undefined,
  ) {
    super(`${file} is damaged at byte ${offset}: ${reason}`);
    this.file = file;
    this.offset = offset;
    this.replicas = replicas;
  }
}
