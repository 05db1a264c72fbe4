import type { Pace, ReplicaState } from '../engine/index.ts';
import type { WriteAheadLog } from '../log/index.ts';
import type { Buggify, Clock, Disk, Random } from '../ports/index.ts';
import type { Config, Index, Message, ReplicaId } from '../raft/index.ts';
import type { ReadBackPace } from './read-back-pace.ts';
import type { RecoveredLog } from './recovered-log.ts';
import type { Replica } from './replica.ts';
import type { SnapshotWork } from './snapshot-work.ts';
import type { StateMachine } from './state-machine.ts';

/** Bounds in bytes of memory. */
export interface ReplicaLimits {
  /** Of proposals that are not committed: more are refused (R5). */
  readonly uncommittedBytesMax: number;
  /** Of committed entries that wait to be applied, because the engine is slow: nothing more is taken (S4). */
  readonly unappliedBytesMax: number;
  /**
   * Of entries that are applied, for followers that are a little behind; older ones are read back from the log. Little, since
   * what the collector moves twice it keeps for long.
   */
  readonly logBytesKept: number;
  /** Of this replica in the log on disk, as long as flushing keeps up. Unless told, only whole segments count. */
  readonly storedLogBytesMax: number;
}

export const LIMITS: ReplicaLimits = {
  uncommittedBytesMax: 32 * 1024 * 1024,
  unappliedBytesMax: 64 * 1024 * 1024,
  logBytesKept: 1024 * 1024,
  storedLogBytesMax: Number.POSITIVE_INFINITY,
};

/** What a replica needs of the node that it lives on. */
export interface ReplicaHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: WriteAheadLog;
  readonly snapshotWork: SnapshotWork;
  readonly readBackPace: ReadBackPace;
  readonly buggify: Buggify;
  send(group: number, message: Message): void;
  /** The replica has something to do at the end of this turn. */
  schedule(replica: Replica): void;
  /**
   * Copies a snapshot file from another replica of the group to `path` on this disk, at that pace, whose errors it passes
   * on. False: it is not to be had there (any more).
   */
  fetchSnapshot(
    group: number,
    from: ReplicaId,
    index: Index,
    path: string,
    pace: Pace,
  ): Promise<boolean>;
  /** The replica leads and has applied everything of earlier terms (`isCurrent`). */
  onLeading(replica: Replica): void;
  /** Tells an operator something, in one line. */
  notice(message: string): void;
  /** Something that must not fail did: the process ends. */
  fatal(error: unknown): void;
}

export interface ReplicaOptions {
  readonly host: ReplicaHost;
  readonly group: number;
  readonly id: ReplicaId;
  readonly incarnation: string;
  /**
   * The group's members at its birth; empty for a replica that is added later, which gets its first configuration with a snapshot.
   * Once the state holds a configuration, that one counts.
   */
  readonly initialConfig: Config;
  /** Stands at once while the group is new, instead of waiting for an election timeout: a new cluster is ready sooner. */
  readonly isPreferredLeader: boolean;
  /** Whether the group sleeps when there is nothing to do: the node says then when others come and go (raft/index.ts, 8). */
  readonly quiesces: boolean;
  readonly machine: StateMachine;
  readonly state: ReplicaState;
  readonly limits?: Partial<ReplicaLimits>;
  /** See `RaftOptions`; with more than 0 `recovered` is of the time after the last damage. */
  readonly quarantine: number;
  /** What the log holds; undefined for a new replica. */
  readonly recovered: RecoveredLog | undefined;
}
