import type { Core, FollowerRole } from './core.ts';
import { broken } from './invariant.ts';
import { voters } from './quorum.ts';
import type {
  AppendRequest,
  CommitNotice,
  Entry,
  Heartbeat,
  Index,
  ReplicaId,
  SnapshotMeta,
  SnapshotRequest,
  Term,
} from './types.ts';

// What a follower does for the leader of its term: Raft paper figure 2, "AppendEntries RPC, receiver implementation".

/** A message of the leader of this term: whoever stood steps back, and the election timer begins again. */
export function hearLeader(core: Core, leader: ReplicaId): void {
  const { role } = core;
  if (role.name === 'follower' && role.leader === leader) core.electionElapsed = 0;
  else core.becomeFollower(core.term, leader);
}

export function handleAppend(core: Core, message: AppendRequest): void {
  const { log } = core;
  if (!core.follows) {
    // A refusal of index 0, where every log agrees, says that only a snapshot helps (C6).
    reject(core, message.from, 0, 0, 0);
    return;
  }
  // What is committed agrees with every later leader (leader completeness), so only what follows needs a look. This is
  // also what keeps an old append from reaching below the compaction point.
  let { prevIndex, prevTerm, entries } = message;
  if (prevIndex < log.commit) {
    entries = entries.slice(log.commit - prevIndex);
    prevIndex = log.commit;
    prevTerm = log.termAt(prevIndex) as Term;
  }
  if (log.termAt(prevIndex) !== prevTerm) {
    if (prevIndex === log.commit) {
      throw broken('the leader contradicts a committed entry', {
        leader: message.from,
        index: prevIndex,
        term: log.termAt(prevIndex),
        leaderTerm: prevTerm,
      });
    }
    const within = log.lastPositionWithin(prevIndex - 1, prevTerm);
    const hintIndex = Math.max(within.index, log.commit);
    reject(core, message.from, prevIndex, hintIndex, log.termAt(hintIndex) as Term);
    return;
  }
  appendNew(core, prevIndex, entries);
  const lastNew = prevIndex + entries.length;
  core.agreedTo(lastNew);
  log.commitTo(Math.min(message.commit, lastNew));
  acknowledge(core, message.from, lastNew);
}

// An old or doubled append ends before the log does, and what follows it in the log stays: only an entry of another
// term is a conflict (G4).
function appendNew(core: Core, prevIndex: Index, entries: readonly Entry[]): void {
  const { log } = core;
  let known = 0;
  while (known < entries.length && log.termAt(prevIndex + 1 + known) === entries[known]?.term) {
    known++;
  }
  if (known === entries.length) return;
  const from = prevIndex + 1 + known;
  if (from <= log.lastIndex) {
    log.truncateFrom(from);
    core.writes.truncateFrom(from);
    if (core.configs.truncateFrom(from)) core.onConfig();
  }
  const added = known === 0 ? entries : entries.slice(known);
  log.append(added);
  if (core.configs.append(added)) core.onConfig();
}

/** `index` is known to match, and durable by the time the answer leaves (R1, G7). Only the highest answer leaves. */
function acknowledge(core: Core, to: ReplicaId, index: Index): void {
  const last = core.messagesAfterWrite.at(-1);
  if (
    last?.type === 'append-response' &&
    last.to === to &&
    last.term === core.term &&
    !last.rejected
  ) {
    if (last.index >= index) return;
    core.messagesAfterWrite.pop();
  }
  core.sendAfterWrite({
    type: 'append-response',
    from: core.id,
    to,
    term: core.term,
    incarnation: core.incarnation,
    index,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
    quarantine: core.options.quarantine,
  });
}

function reject(core: Core, to: ReplicaId, index: Index, hintIndex: Index, hintTerm: Term): void {
  core.send({
    type: 'append-response',
    from: core.id,
    to,
    term: core.term,
    incarnation: core.incarnation,
    index,
    rejected: true,
    hintIndex,
    hintTerm,
    quarantine: core.options.quarantine,
  });
}

/** Tells a leader of an older term that its time is over: it would never hear of it otherwise (etcd `Step`). */
export function rejectOldLeader(core: Core, to: ReplicaId): void {
  reject(core, to, 0, 0, 0);
}

export function handleHeartbeat(core: Core, message: Heartbeat): void {
  core.log.commitTo(core.commitWithin(message.commit));
  // A replica that does not count confirms no read.
  answerHeartbeat(core, message.from, core.counts ? message.round : 0);
}

/** Unasked, with round 0, it only says that this replica is there and awake. */
export function answerHeartbeat(core: Core, to: ReplicaId, round: number): void {
  const { quarantine } = core.options;
  core.send({
    type: 'heartbeat-response',
    from: core.id,
    to,
    term: core.term,
    incarnation: core.incarnation,
    round,
    quarantine,
  });
}

export function handleCommitNotice(core: Core, message: CommitNotice): void {
  core.log.commitTo(core.commitWithin(message.commit));
}

export function handleSnapshotRequest(core: Core, message: SnapshotRequest): void {
  const { log } = core;
  const { index, term } = message.snapshot;
  if (core.follows) {
    if (log.termAt(index) === term) log.commitTo(index);
    if (index <= log.commit) {
      acknowledge(core, message.from, log.commit);
      return;
    }
  }
  if (core.installing !== undefined || index <= log.taken) return;
  core.installing = message.snapshot;
  core.snapshotOffer = { from: message.from, meta: message.snapshot };
}

/** The host has made the snapshot its durable state. */
export function snapshotInstalled(core: Core, meta: SnapshotMeta): void {
  const { index, term } = meta;
  core.installing = undefined;
  core.snapshotOffer = undefined;
  if (core.log.installed({ index, term })) {
    core.logReset = { index, term };
    // Whatever is on its way to the disk comes before the reset and does not survive it.
    core.writes.truncateFrom(1);
  }
  core.onSnapshot(meta);
  if (core.role.name === 'follower' && core.role.leader !== 0) {
    acknowledge(core, core.role.leader, index);
  }
}

export function snapshotFailed(core: Core, meta: SnapshotMeta): void {
  core.installing = undefined;
  core.snapshotOffer = undefined;
  if (core.role.name === 'follower' && core.role.leader !== 0) {
    const { lastIndex, lastTerm } = core.log;
    reject(core, core.role.leader, meta.index, lastIndex, lastTerm);
  }
}

/**
 * The leader's process is gone: no use to wait for the rest of the timeout (R10). The others learn the same from their
 * own connections and will not hold the election up. They stand one after the other: where a node led many groups, the
 * elections come all at once and take their time, and votes that are split would cost whole timeouts.
 */
export function forgetLeader(core: Core, role: FollowerRole): void {
  const { electionTicks, randomBelow } = core.options;
  const stepTicks = Math.ceil(electionTicks / 3);
  core.electionTimeout = stepTicks * turnAfter(core, role.leader) + randomBelow(stepTicks);
  core.electionElapsed = 0;
  role.leader = 0;
}

// Who is the first differs from group to group, so that not one node comes to lead all of them.
function turnAfter({ id: self, config }: Core, leader: ReplicaId): number {
  const others = voters(config).filter(({ id }) => id !== leader);
  const place = others.findIndex(({ id }) => id === self);
  const first = others[0];
  if (first === undefined || place < 0) return 0;
  return (place + first.id) % others.length;
}
