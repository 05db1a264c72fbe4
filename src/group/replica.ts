import { utf8Text } from '../bytes/index.ts';
import type { ReplicaState } from '../engine/index.ts';
import type { LogHardState } from '../log/index.ts';
import {
  type Config,
  type EntriesWanted,
  type Entry,
  entryBytes,
  type Index,
  type Message,
  Raft,
  type RaftStatus,
  type RaftView,
  type Ready,
  type ReplicaId,
  type SnapshotMeta,
  type Term,
} from '../raft/index.ts';
import { Admission } from './admission.ts';
import { Backlog } from './backlog.ts';
import { type MemberPlan, nextMembership } from './membership.ts';
import { LIMITS, type ReplicaHost, type ReplicaLimits, type ReplicaOptions } from './options.ts';
import { reconcile } from './reconcile.ts';
import { isNeededToCommit, isSnapshotAwaited } from './retention.ts';
import type { InstallPaces } from './snapshot-work.ts';
import { Snapshots } from './snapshots.ts';
import type { StateMachine } from './state-machine.ts';
import { CONFIG_KEY, Upkeep } from './upkeep.ts';
import { type ProposalResult, Proposals, Reads } from './waiters.ts';
import { writeSteps } from './write-steps.ts';

/** The timeouts in ticks: a leader is heard five times a second, and missed after 1 to 1.5 seconds (R10). */
export const TICK_MS = 100;
const ELECTION_TICKS = 10;
const HEARTBEAT_TICKS = 2;
/** A group without anything to do for a second sleeps: to wake it costs a few messages. */
const QUIESCE_TICKS = 10;

/**
 * What a follower that is behind is sent at once and what may be on its way to it: to make a message and to take one in is
 * work that clients wait for. A window of 2 MiB still fills any wire but a very long one.
 */
const APPEND_BYTES_MAX = 256 * 1024;
const INFLIGHT_BYTES_MAX = 2 * 1024 * 1024;
/** Read back from the log, entries of other groups in between included: what a node takes half a millisecond for. */
const READ_BACK_BYTES_MAX = 128 * 1024;
/** All that is on its way may arrive in one turn, and is one write to the log. */
const INFLIGHT_PER_SEGMENT = 1 / 4;

/** Applying yields to the sockets after this many milliseconds. */
const APPLY_SLICE_MS = 5;

/**
 * One replica of one group: drives Raft, the log, the engine and the state machine in the order that keeps promises.
 *
 * The node calls `collect` and then `applyCommitted` at the end of a turn in which the replica asked for it. In between
 * it starts the log's write, so that disk, network and applying overlap.
 */
export class Replica {
  readonly group: number;
  readonly id: ReplicaId;
  readonly #host: ReplicaHost;
  readonly #machine: StateMachine;
  readonly #state: ReplicaState;
  readonly #raft: Raft;
  readonly #proposals = new Proposals();
  readonly #reads: Reads;
  readonly #snapshots: Snapshots;
  readonly #upkeep: Upkeep;
  readonly #isPreferredLeader: boolean;
  readonly #limits: ReplicaLimits;
  readonly #admission: Admission;
  readonly #backlog: Backlog;
  #leads = false;
  #wasCurrent = false;
  /** A snapshot is to be installed, or is being. */
  #awaitsSnapshot = false;
  #installing = false;
  #installWork: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ReplicaOptions) {
    const { host, group, id, incarnation, machine, state } = options;
    this.group = group;
    this.id = id;
    this.#host = host;
    this.#machine = machine;
    this.#state = state;
    this.#limits = { ...LIMITS, ...options.limits };
    const { unappliedBytesMax } = this.#limits;
    this.#backlog = new Backlog(state);
    const backlog = this.#backlog;
    this.#admission = new Admission({ log: host.log, state, backlog, unappliedBytesMax });
    const { hardState, compacted, stored, entries, reset } = reconcile(
      id,
      state,
      options.recovered,
      options.quarantine > 0,
    );
    const { segmentBytes } = host.log;
    const inflightBytesMax = Math.min(INFLIGHT_BYTES_MAX, segmentBytes * INFLIGHT_PER_SEGMENT);
    if (reset) host.log.append(id, { reset, hardState }, () => {});
    const kept = state.get(CONFIG_KEY);
    const config = kept ? (JSON.parse(utf8Text(kept)) as Config) : options.initialConfig;
    this.#raft = new Raft({
      id,
      incarnation,
      config,
      hardState,
      entries,
      compacted,
      stored,
      applied: state.appliedIndex,
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: HEARTBEAT_TICKS,
      quiesceTicks: options.quiesces ? QUIESCE_TICKS : 0,
      preVote: true,
      checkQuorum: true,
      appendEmptyEntry: true,
      appendBytesMax: Math.min(APPEND_BYTES_MAX, inflightBytesMax / 2),
      inflightBytesMax,
      uncommittedBytesMax: this.#limits.uncommittedBytesMax,
      randomBelow: (n) => host.random.uint32() % n,
      canVote: config.incoming.length > 0,
      quarantine: options.quarantine,
    });
    this.#reads = new Reads(1 + host.random.uint32());
    this.#isPreferredLeader = options.isPreferredLeader;
    this.#snapshots = new Snapshots(host, group, id, state);
    this.#upkeep = new Upkeep({
      host,
      group,
      id,
      raft: this.#raft,
      state,
      machine,
      snapshots: this.#snapshots,
      limits: this.#limits,
      silentTicksMax: ELECTION_TICKS,
      mayNot: () => this.#installing || this.#closed,
      isClosed: () => this.#closed,
      onFlushed: () => {
        if (!this.#closed) host.schedule(this);
      },
    });
    machine.restore(state);
  }

  /** To look at: whoever drives it is this class. */
  get raft(): RaftView {
    return this.#raft;
  }

  /** What the log on disk has there, whatever Raft takes it for. */
  loggedTermAt(index: Index): Term | undefined {
    return this.#host.log.durableTermAt(this.id, index);
  }

  /** Likewise, term and vote. */
  get loggedHardState(): LogHardState | undefined {
    return this.#host.log.durableHardState(this.id);
  }

  /** What the log on disk holds of it, in bytes. */
  get loggedBytes(): number {
    return this.#host.log.liveBytes(this.id);
  }

  get status(): RaftStatus {
    return this.#raft.status();
  }

  /** 0 when nobody is known to lead. */
  get leader(): ReplicaId {
    return this.#raft.leader;
  }

  get isLeader(): boolean {
    return this.#raft.role === 'leader';
  }

  get term(): Term {
    return this.#raft.term;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** The node is stopping; the state must not be read any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  get hasPeers(): boolean {
    return this.#raft.config.incoming.length > 1;
  }

  /** On a leader: the follower has what the leader has committed, and may lead. */
  isCaughtUp(id: ReplicaId): boolean {
    const follower = this.#raft.status().followers.find((status) => status.id === id);
    if (follower?.state !== 'replicate' || follower.quarantine > 0) return false;
    return follower.match >= this.#raft.commit;
  }

  /** On a leader: it has applied everything of earlier terms, so the state machine's clock may be carried on. */
  get isCurrent(): boolean {
    return this.isLeader && this.#raft.termAt(this.#state.appliedIndex) === this.#raft.term;
  }

  /** `settle` is called exactly once, never within the call. */
  propose(data: Uint8Array, settle: (result: ProposalResult) => void): void {
    if (this.#closed) {
      this.#host.clock.endOfTurn(() => settle({ kind: 'not-leader' }));
      return;
    }
    if (!this.#admission.takesProposals) {
      this.#host.clock.endOfTurn(() => settle({ kind: 'overloaded' }));
      return;
    }
    const outcome = this.#raft.propose(data);
    if (outcome.accepted) {
      this.#proposals.add(outcome.index, outcome.term, settle);
      this.#host.schedule(this);
      return;
    }
    const kind = outcome.reason === 'overloaded' ? 'overloaded' : 'not-leader';
    this.#host.clock.endOfTurn(() => settle({ kind }));
  }

  /**
   * Calls back with true when a read of the state is linearizable from the moment of the call on (R6), and with false when another
   * replica should be asked.
   */
  confirmRead(settle: (confirmed: boolean) => void): void {
    if (this.#closed || !this.#isNearby) {
      this.#host.clock.endOfTurn(() => settle(false));
      return;
    }
    this.#reads.add(settle);
    this.#host.schedule(this);
  }

  step(message: Message): void {
    const taken = message.type === 'append-request' ? this.#admission.takes(message) : message;
    if (!taken) return;
    this.#raft.step(taken);
    this.#host.schedule(this);
  }

  tick(): void {
    this.standIfNew();
    if (this.#host.buggify('group: stand out of turn')) this.#raft.campaign();
    this.#raft.tick();
    this.#admission.tick(this.#raft.commit, this.#raft.lastIndex);
    this.#proposals.tick();
    this.#reads.tick();
    this.tickUpkeep();
    this.#host.schedule(this);
  }

  /** Of one that {@link isAtRest}, now and then: what it holds of memory and disk others may need. */
  tickUpkeep(): void {
    if (this.#closed) return;
    if (this.#snapshots.isOffered) {
      const isAwaited = (index: Index) =>
        isSnapshotAwaited(index, this.#raft.status().followers, ELECTION_TICKS);
      this.#snapshots.tick(isAwaited).catch((error) => this.#host.fatal(error));
    }
    this.#upkeep.tick();
  }

  /** It needs no ticks until it asks for a turn again. */
  get isAtRest(): boolean {
    if (this.#closed) return true;
    const isApplied = this.#backlog.isEmpty && !this.#installing;
    const isDone = isApplied && this.#proposals.isEmpty && this.#reads.isEmpty;
    return isDone && this.#upkeep.isAtRest && this.#raft.isQuiesced;
  }

  /** A node with which this replica has to do fell silent, or is there again (G19). */
  wake(): void {
    this.#raft.wake();
    this.#host.schedule(this);
  }

  /** The replica that should lead a new group stands at once, and again at each tick until it is heard. */
  standIfNew(): void {
    if (!this.#isPreferredLeader || this.#raft.lastIndex > 0 || this.leader !== 0) return;
    this.#raft.campaign();
    this.#host.schedule(this);
  }

  /** On a leader: the group's configuration, when nobody learns and no change is under way. */
  get settledConfig(): Config | undefined {
    const { config, configIndex, commit } = this.#raft;
    if (!this.isCurrent || config.outgoing.length + config.learners.length > 0) return undefined;
    return configIndex <= commit ? config : undefined;
  }

  /** On a leader: the members that it knows to be in quarantine (L2). */
  get quarantined(): readonly ReplicaId[] {
    if (!this.isCurrent) return [];
    const { followers } = this.#raft.status();
    return followers.filter(({ quarantine }) => quarantine > 0).map(({ id }) => id);
  }

  /** On a leader: takes the next step towards the voters of the plan, if there is one to take now (R7). */
  moveTo(plan: MemberPlan): void {
    // What is wanted may follow from what the group itself decided: the controller's replicas are moved by its own map.
    if (!this.isCurrent) return;
    // One that comes may not be there yet, and can tell nobody once it is.
    this.wake();
    const canVote = (id: ReplicaId) => id === this.id || this.isCaughtUp(id);
    const next = nextMembership(this.#raft.config, plan, canVote);
    if (next) this.#raft.proposeConfig(next);
  }

  /** The last resort of a group that has lost most of its voters for good: see `Raft.becomeSoleVoter`. */
  becomeSoleVoter(): boolean {
    if (!this.mayBeSoleVoter || !this.#raft.becomeSoleVoter()) return false;
    this.#host.schedule(this);
    return true;
  }

  get mayBeSoleVoter(): boolean {
    return !this.#closed && !this.#installing && this.#raft.mayBeSoleVoter;
  }

  transferLeader(to: ReplicaId): void {
    this.#raft.transferLeader(to);
    this.#host.schedule(this);
  }

  /** Leads on to the follower that is nearest to the end of the log, on a shutdown (R8). */
  stepDown(): void {
    this.#raft.stepDown();
    this.#host.schedule(this);
  }

  reportUnreachable(id: ReplicaId, refused: boolean): void {
    this.#raft.reportUnreachable(id, refused);
    this.#host.schedule(this);
  }

  /** Calls `use` with a part of the snapshot that ends at `index`, for another replica; with undefined when it is not there. */
  readSnapshot(
    index: Index,
    offset: number,
    length: number,
    use: (bytes: Uint8Array | undefined) => void,
  ): Promise<void> {
    return this.#snapshots.read(index, offset, length, use);
  }

  /** Takes what Raft has to do: hands writes to the log, sends messages. The first half of a turn. */
  collect(): void {
    if (this.#closed) return;
    const isChanging = this.#raft.config.outgoing.length > 0;
    if (isChanging && this.#host.buggify('group: stand in a change')) this.#raft.campaign(true);
    if (this.#leads && !this.isLeader) this.#proposals.abandon();
    this.#leads = this.isLeader;
    this.#reads.ask((context) => this.#raft.readIndex(context));
    if (!this.#raft.hasReady()) return;
    const ready = this.#raft.ready();
    if (ready.writeNumber > 0) this.#write(ready);
    for (const message of ready.messages) this.#host.send(this.group, message);
    if (ready.committedEntries.length > 0) this.#backlog.add(ready.committedEntries);
    for (const { context, index, rejected } of ready.readStates) {
      this.#reads.onReadState(context, index, rejected);
    }
    if (ready.snapshot) {
      const { from, meta } = ready.snapshot;
      // Until its turn comes the replica goes on with what it has, which is too old for those who read.
      this.#awaitsSnapshot = true;
      this.#reads.stopWaiting();
      this.#installWork = this.#host.snapshotWork.installing((paces) =>
        this.#install(from, meta, paces),
      );
    }
    for (const wanted of ready.entriesWanted) {
      this.#readBack(wanted).catch((error) => this.#host.fatal(error));
    }
    for (const to of ready.snapshotsWanted) {
      this.#offerSnapshot(to).catch((error) => this.#host.fatal(error));
    }
  }

  #write(ready: Ready): void {
    const steps = writeSteps(ready, this.#host.log.segmentBytes);
    const done = () => {
      if (this.#closed) return;
      for (const message of ready.messagesAfterWrite) this.#host.send(this.group, message);
      this.#raft.persisted(ready.writeNumber);
      this.#host.schedule(this);
    };
    steps.forEach((step, i) => {
      this.#host.log.append(this.id, step, i === steps.length - 1 ? done : () => {});
    });
  }

  /** Applies what is committed and answers whoever waits for it. The second half of a turn. */
  applyCommitted(): void {
    if (this.#closed || this.#installing) return;
    const until = this.#host.clock.monotonic() + APPLY_SLICE_MS;
    let count = 0;
    // The memtable's hard limit: applying goes on when the flush has made room.
    while (!this.#state.isFull) {
      const entry = this.#backlog.take();
      if (!entry) break;
      this.#applyEntry(entry);
      if (++count % 32 === 0 && this.#host.clock.monotonic() > until) break;
      if (this.#host.buggify('group: apply one entry a turn')) break;
    }
    if (count > 0) this.#raft.applied(this.#state.appliedIndex);
    this.#reads.onApplied(this.#state.appliedIndex);
    this.#upkeep.afterApply();
    this.#announceLeading();
    const goesOn = !this.#backlog.isEmpty && !this.#state.isFull;
    if (!goesOn && !this.#admission.takesEntries) this.#reads.stopWaiting();
    if (goesOn || this.#raft.hasReady()) this.#host.schedule(this);
  }

  /** Makes everything applied durable in the engine, so that a restart has nothing to replay. */
  flush(): Promise<void> {
    return this.#upkeep.flushAll();
  }

  /** Closes it for good, and deletes what it holds: the group does without it. */
  async remove(): Promise<void> {
    this.close();
    await this.#installWork;
    await this.#state.remove();
    this.#host.log.remove(this.id);
    this.#host.log.flush();
  }

  /** Answers whoever waits with `unknown`; the replica does nothing any more. */
  close(): void {
    this.#closed = true;
    this.#proposals.abandon();
    this.#reads.abandon();
    this.#snapshots.close();
  }

  /** What the group has committed is here, or comes within moments: not only with a snapshot, nor after a long way. */
  get #isNearby(): boolean {
    const isBorn = this.#raft.config.incoming.length > 0;
    return isBorn && !this.#awaitsSnapshot && !this.#reads.isBehind(this.#state.appliedIndex);
  }

  #announceLeading(): void {
    const isCurrent = this.isCurrent;
    if (isCurrent && !this.#wasCurrent) this.#host.onLeading(this);
    this.#wasCurrent = isCurrent;
  }

  #applyEntry(entry: Entry): void {
    const { index, term } = entry;
    if (entry.kind !== 'normal') {
      this.#state.apply(index, term, []);
      return;
    }
    const { writes, result } = this.#machine.apply(entry.data, this.#state);
    this.#state.apply(index, term, writes);
    this.#proposals.applied(index, term, result);
  }

  /** For a follower that was away for long: what it lacks is on the disk only. */
  async #readBack({ to, from, before, bytesMax }: EntriesWanted): Promise<void> {
    const bytesAtOnce = Math.min(bytesMax, READ_BACK_BYTES_MAX);
    const entries = await this.#host.log.read(this.id, from, before, bytesAtOnce);
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    // Whoever clients wait for gets it at once.
    const isNeeded = () => isNeededToCommit(to, this.#raft.status(), ELECTION_TICKS);
    await this.#host.readBackPace.turn(bytes, () => this.#closed || isNeeded());
    if (this.#closed) return;
    if (entries.length > 0) this.#raft.entriesRead(to, entries);
    else this.#raft.entriesUnavailable(to);
    this.#host.schedule(this);
  }

  async #offerSnapshot(to: ReplicaId): Promise<void> {
    // One that the log does not follow on any more is of no use.
    const made = await this.#snapshots.make(to, this.#raft.storedIndex, () =>
      this.#upkeep.caches(),
    );
    if (this.#closed) return;
    if (made) this.#raft.snapshotReady(to, { ...made, config: this.#raft.configAt(made.index) });
    else this.#raft.snapshotUnavailable(to);
    this.#host.schedule(this);
  }

  async #install(from: ReplicaId, meta: SnapshotMeta, paces: InstallPaces): Promise<void> {
    if (this.#closed) return;
    this.#installing = true;
    try {
      await this.#upkeep.flushing;
      if (this.#closed) return; // a log that is closing takes nothing more
      // An engine with a state of which the log knows nothing would be taken for one that lost its log (F31).
      await this.#upkeep.logDurable();
      const installed = await this.#snapshots.install(from, meta.index, paces);
      if (this.#closed) return;
      if (installed) {
        const { appliedIndex, appliedTerm } = this.#state;
        if (appliedIndex !== meta.index || appliedTerm !== meta.term) {
          const [offered, got] = [
            `{${meta.index}, ${meta.term}}`,
            `{${appliedIndex}, ${appliedTerm}}`,
          ];
          throw new Error(`replica ${this.id}: the snapshot ${offered} turned out to be ${got}`);
        }
        this.#backlog.clear();
        this.#machine.restore(this.#state);
        this.#raft.snapshotInstalled(meta);
        this.#host.notice(`group ${this.group} caught up by a snapshot up to entry ${meta.index}`);
      } else {
        this.#raft.snapshotFailed(meta);
      }
    } catch (error) {
      this.#host.fatal(error);
      return;
    } finally {
      this.#installing = false;
      this.#awaitsSnapshot = false;
    }
    this.#host.schedule(this);
  }
}
