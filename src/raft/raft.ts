import { Core } from './core.ts';
import { campaign, ownVoteDurable, tickElection } from './election.ts';
import { forgetLeader, snapshotFailed, snapshotInstalled } from './follower.ts';
import { broken } from './invariant.ts';
import { advanceCommit, propose, tickLeader } from './leader.ts';
import { proposeConfig } from './membership.ts';
import type { RaftOptions } from './options.ts';
import { wake } from './quiescence.ts';
import { readIndex } from './reads.ts';
import { hasReady, takeReady } from './ready.ts';
import {
  entriesRead,
  entriesUnavailable,
  snapshotReady,
  snapshotUnavailable,
} from './replication.ts';
import { becomeSoleVoter, mayBeSoleVoter } from './rescue.ts';
import { type RaftStatus, statusOf } from './status.ts';
import { step } from './step.ts';
import { stepDown, transferLeader } from './transfer.ts';
import type {
  Config,
  ConfigOutcome,
  Entry,
  Index,
  Membership,
  Message,
  ProposalOutcome,
  Ready,
  ReplicaId,
  Role,
  SnapshotMeta,
  Term,
} from './types.ts';

/** What can be seen of a replica without changing it. */
export type RaftView = Pick<
  Raft,
  | 'id'
  | 'role'
  | 'term'
  | 'commit'
  | 'durableIndex'
  | 'storedIndex'
  | 'firstIndex'
  | 'lastIndex'
  | 'config'
  | 'configIndex'
  | 'configAt'
  | 'termAt'
  | 'entriesBetween'
  | 'uncommittedBytes'
  | 'quarantine'
  | 'isQuiesced'
  | 'mayBeSoleVoter'
  | 'transferTo'
>;

/** One replica of one Raft group. The contract with its host is in the package comment (index.ts). */
export class Raft {
  readonly #core: Core;

  /** Starts as a follower. Throws when options, log and state do not fit together. */
  constructor(options: RaftOptions) {
    this.#core = new Core(options);
  }

  // What happens outside.

  /** One unit of time has passed; a replica that {@link isQuiesced} need not be told. */
  tick(): void {
    const { role, quiesced } = this.#core;
    if (quiesced) return;
    if (role.name === 'leader') tickLeader(this.#core, role);
    else tickElection(this.#core);
  }

  /** A message has come. Those of strangers, of other incarnations and of the past are dropped. */
  step(message: Message): void {
    step(this.#core, message);
  }

  /** Appends a command; accepted is not committed. `data` must not change any more. */
  propose(data: Uint8Array): ProposalOutcome {
    return propose(this.#core, data);
  }

  /**
   * Makes these the members of the group. Voters change by joint consensus, one change at a time; who is to be a voter must be a
   * learner first, and have caught up (R7). Done once {@link config} has them and no `outgoing`, and `commit` has reached
   * `configIndex`. A member's incarnation never changes: another one is another replica, with another id. What follows an older
   * plan than the group's is refused.
   */
  proposeConfig(target: Membership): ConfigOutcome {
    return proposeConfig(this.#core, target);
  }

  /**
   * Asks from which applied index on a read may be served; the answer is a read state with the same `context`. False
   * when no leader is known. An answer may get lost on the way from the leader: ask again with another context.
   */
  readIndex(context: number): boolean {
    return readIndex(this.#core, context);
  }

  /** Hands leadership to a voter. False when this replica does not lead or `to` cannot take over. */
  transferLeader(to: ReplicaId): boolean {
    const { role } = this.#core;
    return role.name === 'leader' && transferLeader(this.#core, role, to);
  }

  /**
   * Stands for election now, as if the timeout had passed, or, a follower, as if its leader had asked for it. Nothing happens on a
   * leader or where it may not stand.
   */
  campaign(asked = false): void {
    campaign(this.#core, asked && this.#core.role.name === 'follower');
  }

  /** This process, its disk or its event loop cannot keep up: somebody else shall lead (R8). */
  stepDown(): void {
    const { role } = this.#core;
    if (role.name === 'leader') stepDown(this.#core, role);
  }

  /** Messages to `id` were lost with their connection. `refused`: nobody listens there, its process is gone (R10). */
  reportUnreachable(id: ReplicaId, refused: boolean): void {
    const { role, options, leader } = this.#core;
    if (role.name === 'leader') {
      const progress = role.progressOf.get(id);
      if (progress === undefined) return;
      // One that was silent for long is missed already: every attempt to reach it is reported.
      if (progress.silentTicks < options.electionTicks) wake(this.#core);
      if (refused) progress.silentTicks = options.electionTicks;
      if (progress.state !== 'replicate') return;
      progress.becomeProbe(progress.match + 1);
      progress.paused = true;
    } else if (leader === id) {
      wake(this.#core);
      if (refused && role.name === 'follower') forgetLeader(this.#core, role);
    }
  }

  /**
   * The group must not sleep on: a member's host was lost, fell silent, or is there again (G19). Harmless at any time.
   */
  wake(): void {
    wake(this.#core);
  }

  /** The last resort of a group that has lost most of its voters for good: see rescue.ts. */
  becomeSoleVoter(): boolean {
    return becomeSoleVoter(this.#core);
  }

  /** Of a leader: whom it hands over to, or 0. */
  get transferTo(): ReplicaId {
    const { role } = this.#core;
    return role.name === 'leader' && role.transfer ? role.transfer.to : 0;
  }

  /** Whether {@link becomeSoleVoter} would do anything now. */
  get mayBeSoleVoter(): boolean {
    return mayBeSoleVoter(this.#core);
  }

  // What is to be done, and that it was done.

  /** Whether {@link ready} has anything to give. */
  hasReady(): boolean {
    return hasReady(this.#core);
  }

  /** Takes everything to do since the last time; it will not be given out again. */
  ready(): Ready {
    return takeReady(this.#core);
  }

  /** The write with this number, and with it every earlier one, is durable. */
  persisted(writeNumber: number): void {
    const core = this.#core;
    const { hardState, lastIndex, messages } = core.writes.complete(writeNumber);
    for (const message of messages) core.send(message);
    const moved = core.log.durableTo(lastIndex);
    if (hardState !== undefined) ownVoteDurable(core, hardState.term, hardState.vote);
    if (moved && core.role.name === 'leader') advanceCommit(core, core.role);
  }

  /** The host has applied everything up to `index`. */
  applied(index: Index): void {
    this.#core.log.appliedTo(index);
  }

  /**
   * Drops the entries up to `index` from memory: they are durable, and the host can read them back from its log. Never
   * beyond `applied`.
   */
  evict(index: Index): void {
    this.#core.log.evictTo(index);
  }

  /** For a follower: what `Ready.entriesWanted` asked for, contiguous; it may end sooner. */
  entriesRead(to: ReplicaId, entries: readonly Entry[]): void {
    const { role } = this.#core;
    if (role.name === 'leader') entriesRead(this.#core, role, to, entries);
  }

  /** What `Ready.entriesWanted` asked for is not there any more: a snapshot will be wanted. */
  entriesUnavailable(to: ReplicaId): void {
    const { role } = this.#core;
    if (role.name === 'leader') entriesUnavailable(this.#core, role, to);
  }

  /**
   * Drops the entries up to `index`, from memory and for good: the host's durable state holds them. Never beyond
   * `applied`.
   */
  compact(index: Index): void {
    const { log, configs } = this.#core;
    log.compactTo(index);
    configs.forgetBefore(log.stored.index);
  }

  /**
   * A leader's host has a snapshot for the follower `to`. `meta.index` is applied here, `meta.term` that entry's term,
   * `meta.config` the configuration at it. False when nobody needs it any more.
   */
  snapshotReady(to: ReplicaId, meta: SnapshotMeta): boolean {
    const { role } = this.#core;
    return role.name === 'leader' && snapshotReady(this.#core, role, to, meta);
  }

  /** A leader's host could not make a snapshot for `to`, or could not serve it: it will be wanted again. */
  snapshotUnavailable(to: ReplicaId): void {
    const { role } = this.#core;
    if (role.name === 'leader') snapshotUnavailable(role, to);
  }

  /** The snapshot of {@link Ready.snapshot} is this replica's durable state now. */
  snapshotInstalled(meta: SnapshotMeta): void {
    this.#checkInstalling(meta);
    snapshotInstalled(this.#core, meta);
  }

  /** The snapshot of {@link Ready.snapshot} could not be had, and the state is what it was. */
  snapshotFailed(meta: SnapshotMeta): void {
    this.#checkInstalling(meta);
    snapshotFailed(this.#core, meta);
  }

  #checkInstalling(meta: SnapshotMeta): void {
    const installing = this.#core.installing;
    if (installing?.index === meta.index && installing.term === meta.term) return;
    throw broken('not the snapshot being installed', {
      index: meta.index,
      term: meta.term,
      installing: installing?.index,
    });
  }

  // How things are.

  get id(): ReplicaId {
    return this.#core.id;
  }

  get role(): Role {
    return this.#core.role.name;
  }

  get term(): Term {
    return this.#core.term;
  }

  /** The leader of this term as far as known here, or 0. */
  get leader(): ReplicaId {
    return this.#core.leader;
  }

  /** It sleeps: it wants no ticks until something happens to it, and `hasReady` tells of nothing new meanwhile. */
  get isQuiesced(): boolean {
    return this.#core.quiesced;
  }

  /** That of the last entry that holds one, committed or not (G11). */
  get config(): Config {
    return this.#core.config;
  }

  /** Of the entry that {@link config} came with. */
  get configIndex(): Index {
    return this.#core.configs.index;
  }

  /**
   * As of an entry that the log still reaches back to, or of what was applied at the start: what a snapshot, or a durable state, that
   * ends there must carry.
   */
  configAt(index: Index): Config {
    return this.#core.configs.at(index);
  }

  get commit(): Index {
    return this.#core.log.commit;
  }

  get appliedIndex(): Index {
    return this.#core.log.applied;
  }

  /** The last index that cannot be read back any more. */
  get storedIndex(): Index {
    return this.#core.log.stored.index;
  }

  /** Every entry up to here is durable in the log on disk, or in an installed snapshot. */
  get durableIndex(): Index {
    return this.#core.log.durable;
  }

  /** The first index in memory, one above the compaction point. */
  get firstIndex(): Index {
    return this.#core.log.firstIndex;
  }

  get lastIndex(): Index {
    return this.#core.log.lastIndex;
  }

  /** See `RaftOptions.quarantine`. */
  get quarantine(): number {
    return this.#core.options.quarantine;
  }

  /** Of the entries in memory, each with a fixed overhead. */
  get logBytes(): number {
    return this.#core.log.bytes;
  }

  /** Of the entries above the commit index, each with a fixed overhead. */
  get uncommittedBytes(): number {
    return this.#core.log.uncommittedBytes;
  }

  /** Undefined below what can be read back and above the last index. */
  termAt(index: Index): Term | undefined {
    return this.#core.log.termAt(index);
  }

  /** The entries of [from, to), which must be in memory; a copy of the references, not of the data. */
  entriesBetween(from: Index, to: Index): readonly Entry[] {
    return this.#core.log.slice(from, to);
  }

  status(): RaftStatus {
    return statusOf(this.#core);
  }
}
