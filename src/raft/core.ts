import { Configs } from './configs.ts';
import { broken } from './invariant.ts';
import { checkOptions, type RaftOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { findMember, findVoter } from './quorum.ts';
import { RaftLog } from './raft-log.ts';
import type { ReadRounds } from './read-rounds.ts';
import type {
  Config,
  EntriesWanted,
  HardState,
  Incarnation,
  Index,
  LogPosition,
  Message,
  ReadState,
  ReplicaId,
  Role,
  SnapshotMeta,
  Term,
} from './types.ts';
import { Writes } from './writes.ts';

export interface FollowerRole {
  readonly name: 'follower';
  /** 0 while none is known. */
  leader: ReplicaId;
}

export type Votes = Map<ReplicaId, boolean>;

export interface PreCandidateRole {
  readonly name: 'pre-candidate';
  readonly preVotes: Votes;
  /** If it stood in the term that it is in: the votes that it got, and those that are late. */
  readonly votes: Votes | undefined;
}

export interface CandidateRole {
  readonly name: 'candidate';
  /** Its own vote is among them once it is durable (R1). */
  readonly votes: Votes;
}

export interface LeaderRole {
  readonly name: 'leader';
  /** All members but this one. */
  followers: readonly Progress[];
  progressOf: ReadonlyMap<ReplicaId, Progress>;
  readonly reads: ReadRounds;
  /** The transfer under way; while there is one, nothing is proposed (R8). */
  transfer: { readonly to: ReplicaId; ticks: number } | undefined;
  heartbeatElapsed: number;
  /** Ticks for which there was nothing to do. */
  idleTicks: number;
  /** Something may have to be sent to the followers with the next ready. */
  sendDue: boolean;
}

/** What a role knows and nothing else: progress exists only while leading, votes only while standing. */
export type RoleState = FollowerRole | PreCandidateRole | CandidateRole | LeaderRole;

// Raft paper figure 4, with the pre-candidate of thesis §9.6 and "starts a new election" as a step to the same role. A pre-candidate
// leads when votes for it come late.
const TRANSITIONS: Readonly<Record<Role, readonly Role[]>> = {
  follower: ['follower', 'pre-candidate', 'candidate'],
  'pre-candidate': ['follower', 'pre-candidate', 'candidate', 'leader'],
  candidate: ['follower', 'pre-candidate', 'candidate', 'leader'],
  leader: ['follower'],
};

/** The state that all roles share; the modules of this room act on it and the class Raft is its front. */
export class Core {
  readonly options: RaftOptions;
  readonly id: ReplicaId;
  readonly incarnation: Incarnation;
  readonly log: RaftLog;
  readonly configs: Configs;
  readonly writes = new Writes();
  term: Term;
  /** Who got this replica's vote in `term`, or 0. */
  vote: ReplicaId;
  /** Neither ticks nor sends until something happens: see quiescence.ts. Of leaders and followers only. */
  quiesced = false;
  electionElapsed = 0;
  /** Ticks until this replica stands, counted by `electionElapsed`. */
  electionTimeout = 0;
  /** The snapshot that the host is fetching or installing; nothing is applied meanwhile. */
  installing: SnapshotMeta | undefined;

  // What the next ready hands out.
  messages: Message[] = [];
  messagesAfterWrite: Message[] = [];
  readStates: ReadState[] = [];
  snapshotsWanted: ReplicaId[] = [];
  entriesWanted: EntriesWanted[] = [];
  snapshotOffer: { readonly from: ReplicaId; readonly meta: SnapshotMeta } | undefined;
  logReset: LogPosition | undefined;
  /** The hard state that was handed out last. */
  hardStateOut: HardState;

  #role: RoleState = { name: 'follower', leader: 0 };
  #canVote: boolean;
  #impostor = false;
  #agreed: Index = 0;
  #agreedTerm: Term = 0;

  constructor(options: RaftOptions) {
    checkOptions(options);
    this.options = options;
    this.id = options.id;
    this.incarnation = options.incarnation;
    this.term = options.hardState.term;
    this.vote = options.hardState.vote;
    this.hardStateOut = options.hardState;
    this.log = new RaftLog(
      options.compacted,
      options.entries,
      options.hardState.commit,
      options.applied,
      options.stored,
    );
    if (this.log.lastTerm > this.term) {
      throw broken('log ahead of the term', { term: this.term, lastTerm: this.log.lastTerm });
    }
    this.#canVote = options.canVote;
    this.configs = new Configs(options.compacted.index, options.config, options.entries);
    this.onConfig();
    this.resetElectionTimer();
  }

  get role(): RoleState {
    return this.#role;
  }

  set role(next: RoleState) {
    if (!TRANSITIONS[this.#role.name].includes(next.name)) {
      throw broken(`invalid transition [${this.#role.name} -> ${next.name}]`, {
        id: this.id,
        term: this.term,
      });
    }
    if (this.quiesced) {
      throw broken('a sleeper changes its role', { id: this.id, term: this.term });
    }
    this.#role = next;
  }

  get config(): Config {
    return this.configs.current;
  }

  /** The current configuration is another one than before. */
  onConfig(): void {
    const self = findMember(this.config, this.id);
    this.#impostor = self !== undefined && self.incarnation !== this.incarnation;
  }

  /** The state is that of a snapshot, and with it comes what this replica needs to know to vote. */
  onSnapshot({ index, config }: SnapshotMeta): void {
    this.configs.installed(index, config, this.log.lastIndex);
    this.#canVote = true;
    this.onConfig();
  }

  /**
   * Whether this replica may follow: it has its first snapshot or configuration (C6), and the configuration does not list
   * another incarnation under its id (R7).
   */
  get follows(): boolean {
    return this.#canVote && !this.#impostor;
  }

  /** Whether it may vote and acknowledge, too: it knows everything that it ever promised. */
  get counts(): boolean {
    return this.follows && this.options.quarantine === 0;
  }

  /** The leader of this term has the same entries up to `index`. */
  agreedTo(index: Index): void {
    this.#agreed = this.#agreedTerm === this.term ? Math.max(this.#agreed, index) : index;
    this.#agreedTerm = this.term;
  }

  /**
   * How far to commit when the leader says `index`. A leader goes by what this replica acknowledged; in quarantine that may
   * have been in an earlier life, so only what was seen to agree in this one is committed.
   */
  commitWithin(index: Index): Index {
    if (this.counts) return index;
    if (!this.follows || this.#agreedTerm !== this.term) return 0;
    return Math.min(index, this.#agreed);
  }

  get canVote(): boolean {
    return this.#canVote;
  }

  /** Whether this replica may stand for election. */
  get promotable(): boolean {
    return this.counts && this.installing === undefined && this.#isVoter;
  }

  /**
   * One that goes may be needed until that is committed: it may be the only one that has what the others lack (thesis §4.2.2).
   */
  get #isVoter(): boolean {
    const { current, previous, index } = this.configs;
    if (findVoter(current, this.id) !== undefined) return true;
    const wasVoter = previous !== undefined && findVoter(previous, this.id) !== undefined;
    return wasVoter && index > this.log.commit;
  }

  /**
   * On a leader: an entry of its own term is committed. Before that it does not know how far its predecessors committed (thesis
   * §6.4 step 1), and a change of membership could undo theirs (G1).
   */
  get knowsCommit(): boolean {
    return this.log.termAt(this.log.commit) === this.term;
  }

  /** On a leader: heard from within an election timeout. */
  isActive(follower: Progress): boolean {
    return follower.silentTicks < this.options.electionTicks;
  }

  /** Whom this replica takes for the leader of its term, or 0. */
  get leader(): ReplicaId {
    if (this.#role.name === 'leader') return this.id;
    return this.#role.name === 'follower' ? this.#role.leader : 0;
  }

  /**
   * Sends with the next ready: the message promises nothing that a crash could undo. Messages are written out field by field where
   * they are made: V8 takes several times as long for an object that others are spread into.
   */
  send(message: Message): void {
    this.messages.push(message);
  }

  /** Sends once everything in memory now is durable (R1). */
  sendAfterWrite(message: Message): void {
    this.messagesAfterWrite.push(message);
  }

  resetElectionTimer(): void {
    const { electionTicks, randomBelow } = this.options;
    this.electionElapsed = 0;
    this.electionTimeout = electionTicks + randomBelow(Math.floor(electionTicks / 2) + 1);
  }

  raiseTerm(term: Term): void {
    if (term <= this.term) throw broken('term does not rise', { term, current: this.term });
    this.term = term;
    this.vote = 0;
  }

  /** A leader's reads that no quorum has confirmed are rejected: another leader may have answered newer writes. */
  becomeFollower(term: Term, leader: ReplicaId): void {
    if (term < this.term) throw broken('term falls', { term, current: this.term });
    const previous = this.#role;
    if (term > this.term) this.raiseTerm(term);
    if (previous.name === 'leader') {
      this.snapshotsWanted = [];
      this.entriesWanted = [];
      for (const read of previous.reads.abandon()) {
        this.answerRead(read.from, read.context, 0, true);
      }
    }
    this.role = { name: 'follower', leader };
    if (previous.name !== 'follower' || leader !== 0) this.resetElectionTimer();
  }

  answerRead(from: ReplicaId, context: number, index: number, rejected: boolean): void {
    if (from === 0) {
      this.readStates.push({ context, index, rejected });
    } else {
      this.send({
        type: 'read-index-response',
        from: this.id,
        to: from,
        term: this.term,
        incarnation: this.incarnation,
        context,
        index,
        rejected,
      });
    }
  }
}
