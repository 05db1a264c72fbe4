import type { ReplicaState } from '../engine/index.ts';
import type { WriteAheadLog } from '../log/index.ts';
import { type AppendRequest, entryBytes, type Index } from '../raft/index.ts';
import type { Backlog } from './backlog.ts';

/**
 * A leader that commits nothing for so many ticks takes nothing more. It is well connected, or it would not lead any more:
 * its followers hear it and have no room.
 */
const STALLED_TICKS = 20;

export interface AdmissionOptions {
  readonly log: Pick<WriteAheadLog, 'hasRoom' | 'hasReserveFor'>;
  readonly state: Pick<ReplicaState, 'mayPropose' | 'mayAppend' | 'isBacklogFull'>;
  readonly backlog: Pick<Backlog, 'bytes'>;
  /** Of the backlog. */
  readonly unappliedBytesMax: number;
}

/**
 * What a replica takes on: no more than it can write, keep in memory and apply (S4), also when its disk is full and stays so
 * (L4). Everything else is refused before anything is done.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  #commit = 0;
  #stalledTicks = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** As a leader. */
  get takesProposals(): boolean {
    if (this.#isBehind || this.#stalledTicks >= STALLED_TICKS) return false;
    return this.#options.state.mayPropose && this.#options.log.hasRoom;
  }

  /** As a follower: what its leader has further on comes late, if at all. */
  get takesEntries(): boolean {
    return this.#options.log.hasRoom && this.#options.state.mayAppend;
  }

  /**
   * What of a leader's message is taken. Undefined: it is as if it had been lost: the leader sends it again, and meanwhile
   * not more than it may have on the way.
   */
  takes(message: AppendRequest): AppendRequest | undefined {
    if (this.#isBehind) return undefined;
    const { entries } = message;
    if (entries.length === 0 || this.takesEntries) return message;
    // Nobody can read before a new leader has committed an entry of its own (G6): that one finds room in the log's reserve.
    const end = entries.findIndex(({ kind }) => kind !== 'normal') + 1;
    if (end === 0) return undefined;
    const first = entries.slice(0, end);
    const bytes = first.reduce((sum, entry) => sum + entryBytes(entry), 0);
    return this.#options.log.hasReserveFor(bytes) ? { ...message, entries: first } : undefined;
  }

  tick(commit: Index, last: Index): void {
    this.#stalledTicks = commit === last || commit > this.#commit ? 0 : this.#stalledTicks + 1;
    this.#commit = commit;
  }

  /** Applying does not keep up: what is committed waits in memory. */
  get #isBehind(): boolean {
    const { state, backlog, unappliedBytesMax } = this.#options;
    return backlog.bytes > unappliedBytesMax || state.isBacklogFull;
  }
}
