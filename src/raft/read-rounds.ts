import type { Core, LeaderRole } from './core.ts';
import { quorumValue } from './quorum.ts';
import type { Index, ReplicaId } from './types.ts';

export interface PendingRead {
  /** Who asked: a follower, or 0 for this replica's own host. */
  readonly from: ReplicaId;
  readonly context: number;
}

/** A confirmed round: its reads may be served once `index` is applied. */
export interface ConfirmedRound {
  readonly index: Index;
  readonly reads: readonly PendingRead[];
}

/**
 * Read rounds of one leadership (thesis §6.4, R6). At most one is under way: its number travels with heartbeats, and a
 * quorum of answers proves that nobody else led when the round began. Reads that come meanwhile share the next round,
 * so any number of reads costs one round of heartbeats per round trip.
 */
export class ReadRounds {
  #round = 0;
  #index: Index = 0;
  #current: readonly PendingRead[] | undefined;
  #waiting: PendingRead[] = [];

  /** The number that heartbeats carry: of the round under way, or 0. */
  get current(): number {
    return this.#current === undefined ? 0 : this.#round;
  }

  get canStart(): boolean {
    return this.#current === undefined && this.#waiting.length > 0;
  }

  get pending(): number {
    return this.#waiting.length + (this.#current?.length ?? 0);
  }

  add(read: PendingRead): void {
    this.#waiting.push(read);
  }

  /** Opens the next round for all that wait; `commit` is at least what any of them may have seen acknowledged. */
  start(commit: Index): number {
    this.#current = this.#waiting;
    this.#waiting = [];
    this.#index = commit;
    return ++this.#round;
  }

  confirm(): ConfirmedRound {
    const reads = this.#current ?? [];
    this.#current = undefined;
    return { index: this.#index, reads };
  }

  /** Everything that is not confirmed, when leadership ends. */
  abandon(): readonly PendingRead[] {
    const reads = [...(this.#current ?? []), ...this.#waiting];
    this.#current = undefined;
    this.#waiting = [];
    return reads;
  }
}

/**
 * Answers the reads of the round under way once a quorum has answered it: it had not elected anybody later when it did. False
 * when there is none, or not enough have.
 */
export function confirmRound(core: Core, role: LeaderRole): boolean {
  const { current } = role.reads;
  if (current === 0) return false;
  const reached = quorumValue(core.config, (id) =>
    id === core.id ? current : (role.progressOf.get(id)?.round ?? 0),
  );
  if (reached < current) return false;
  const { index, reads } = role.reads.confirm();
  for (const read of reads) core.answerRead(read.from, read.context, index, false);
  return true;
}
