import { Inflights } from './inflights.ts';
import type { Index, Member, ReplicaId, SnapshotMeta } from './types.ts';

/**
 * `probe`: where the logs agree is not known; one append at a time. `replicate`: it is known; appends are pipelined.
 * `snapshot`: what the follower needs is compacted; nothing is appended until a snapshot is installed there (R4).
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/**
 * What a leader knows of one follower (etcd `tracker/progress.go`).
 *
 *     match < next ≤ lastIndex + 1
 *     probe      next is a guess, not above the last known rejection
 *     replicate  next is what follows the last append sent
 *     snapshot   next stays where appending became impossible
 */
export class Progress {
  readonly id: ReplicaId;
  readonly inflights: Inflights;
  state: ProgressState = 'probe';
  /** The highest index that is known to be equal and durable there. Only grows, while the log there is not lost. */
  match: Index = 0;
  /** Above 0 the follower's log was damaged, so often: it gets everything and counts for nothing. */
  quarantine = 0;
  /** The index of the next entry to send. */
  next: Index;
  /** An append is out that must be answered, or a heartbeat answered, before the next one (probe). */
  paused = false;
  /** An answer is due though there is nothing to send: an append or its answer may be lost (replicate). */
  poke = false;
  /** Something was acknowledged since the last answer to a heartbeat. */
  moved = false;
  /** The highest commit index told. */
  commitSent: Index = 0;
  /** Ticks since the last message from there. */
  silentTicks = 0;
  /** The last read round that an answer to a heartbeat confirmed (R6). */
  round = 0;
  /** The snapshot on offer; undefined while the host has not made it. */
  snapshot: SnapshotMeta | undefined = undefined;
  /** The host reads entries back for this follower. */
  reading = false;
  /** Ticks since the snapshot was offered last. */
  offerTicks = 0;

  constructor(member: Member, next: Index, inflightBytesMax: number) {
    this.id = member.id;
    this.next = next;
    this.inflights = new Inflights(inflightBytesMax);
  }

  becomeProbe(next: Index): void {
    this.state = 'probe';
    this.next = Math.max(next, this.match + 1);
    this.#clear();
  }

  becomeReplicate(): void {
    this.state = 'replicate';
    this.next = this.match + 1;
    this.#clear();
  }

  /** The host is asked for a snapshot; it is offered once the host has one. */
  becomeSnapshot(): void {
    this.state = 'snapshot';
    this.#clear();
  }

  /** Whether a snapshot is on offer and was not offered for `ticks`. */
  offerDue(ticks: number): boolean {
    return this.snapshot !== undefined && this.offerTicks >= ticks;
  }

  /** False for a word from before the damage, which does not hold any more. */
  heard(quarantine: number): boolean {
    this.silentTicks = 0;
    if (quarantine === this.quarantine) return true;
    if (quarantine < this.quarantine) return false;
    this.quarantine = quarantine;
    this.match = 0;
    this.round = 0;
    this.becomeProbe(this.next);
    return true;
  }

  #clear(): void {
    this.inflights.clear();
    this.paused = false;
    this.poke = false;
    this.snapshot = undefined;
    this.offerTicks = 0;
  }

  sent(lastIndex: Index, bytes: number): void {
    this.next = lastIndex + 1;
    this.inflights.add(lastIndex, bytes);
  }

  /** The follower has everything up to `index`. False for an old acknowledgement. */
  acknowledged(index: Index): boolean {
    this.inflights.freeTo(index);
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.moved = true;
    return true;
  }

  /**
   * An append after `rejected` did not fit; the logs may agree up to `hint`. False for a stale rejection: one at or
   * below what is known to match, or, when probing, one that does not answer the outstanding probe (G4).
   */
  rejected(rejected: Index, hint: Index): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
    } else if (this.next - 1 !== rejected) {
      return false;
    }
    this.becomeProbe(Math.min(rejected, hint + 1));
    return true;
  }
}
