import type { Core, LeaderRole } from './core.ts';
import { broken } from './invariant.ts';
import { advanceCommit } from './leader.ts';
import type { Progress } from './progress.ts';
import { entryBytes } from './raft-log.ts';
import type {
  AppendResponse,
  Entry,
  HeartbeatResponse,
  Index,
  ReplicaId,
  SnapshotMeta,
  Term,
} from './types.ts';

// How a leader brings its followers up to date: Raft paper §5.3, pipelined as in thesis §10.2.1, with the three states
// of progress.ts.

const NO_ENTRIES: readonly Entry[] = [];

/** Sends what each follower can take now. Runs once per ready, so that one append carries all that came meanwhile. */
export function sendAppends(core: Core, role: LeaderRole): void {
  for (const progress of role.followers) {
    switch (progress.state) {
      case 'probe':
        if (!progress.paused) probe(core, progress);
        break;
      case 'replicate':
        replicate(core, progress);
        break;
      case 'snapshot':
        offerSnapshot(core, progress);
        break;
    }
  }
}

function probe(core: Core, progress: Progress): void {
  progress.paused = true;
  if (!reaches(core, progress)) return;
  const { to } = core.log.endOfRun(progress.next, core.options.appendBytesMax);
  sendAppend(core, progress, to);
}

function replicate(core: Core, progress: Progress): void {
  const { log } = core;
  if (progress.next <= log.stored.index) {
    reaches(core, progress);
    return;
  }
  let sent = false;
  while (progress.next <= log.lastIndex && !progress.inflights.full) {
    if (!reaches(core, progress)) return;
    const { to, bytes } = log.endOfRun(progress.next, core.options.appendBytesMax);
    sendAppend(core, progress, to);
    progress.sent(to - 1, bytes);
    sent = true;
  }
  if (!sent && progress.poke) sendAppend(core, progress, progress.next);
  // A new commit index travels with the next append, or with a heartbeat. When everything is committed no append may
  // follow for long, so it travels alone, for followers to serve reads early.
  else if (!sent && log.commit === log.lastIndex) noticeCommit(core, progress);
  progress.poke = false;
}

/** Tells a follower how far it may commit, unless it was told. */
export function noticeCommit(core: Core, progress: Progress): void {
  const commit = Math.min(core.log.commit, progress.match);
  if (commit <= progress.commitSent) return;
  progress.commitSent = commit;
  core.send({
    type: 'commit-notice',
    from: core.id,
    to: progress.id,
    term: core.term,
    incarnation: core.incarnation,
    commit,
  });
}

// Whether the next entry to send is in memory, with what comes before it. Otherwise it is read back, or, where the disk
// does not have it any more either, the follower needs a snapshot.
function reaches(core: Core, progress: Progress): boolean {
  const { log } = core;
  if (progress.next > log.compacted.index) return true;
  // Nothing is read nor made for a follower that is not there to take it.
  if (!core.isActive(progress)) return false;
  if (progress.next <= log.stored.index) {
    wantSnapshot(core, progress);
  } else if (!progress.reading) {
    progress.reading = true;
    core.entriesWanted.push({
      to: progress.id,
      from: progress.next,
      before: log.compacted.index + 1,
      bytesMax: core.options.appendBytesMax,
    });
  }
  return false;
}

/** The host has read entries back: they travel if they are still what comes next. */
export function entriesRead(
  core: Core,
  role: LeaderRole,
  to: ReplicaId,
  entries: readonly Entry[],
): void {
  const progress = role.progressOf.get(to);
  const first = entries[0];
  if (!progress?.reading || first === undefined) return;
  progress.reading = false;
  role.sendDue = true;
  if (progress.state === 'snapshot' || first.index !== progress.next) return;
  const prevTerm = core.log.termAt(first.index - 1);
  // Trimmed meanwhile: what comes before cannot be named any more.
  if (prevTerm === undefined) return;
  const last = first.index + entries.length - 1;
  send(core, progress, prevTerm, entries);
  if (progress.state === 'replicate') {
    progress.sent(
      last,
      entries.reduce((sum, entry) => sum + entryBytes(entry), 0),
    );
  } else {
    progress.paused = true;
  }
}

/** They are not on the disk any more. */
export function entriesUnavailable(core: Core, role: LeaderRole, to: ReplicaId): void {
  const progress = role.progressOf.get(to);
  if (!progress?.reading) return;
  progress.reading = false;
  if (progress.next <= core.log.compacted.index) wantSnapshot(core, progress);
  role.sendDue = true;
}

// Sends [next, to).
function sendAppend(core: Core, progress: Progress, to: Index): void {
  const { log } = core;
  const entries = to === progress.next ? NO_ENTRIES : log.slice(progress.next, to);
  send(core, progress, log.termAt(progress.next - 1) as Term, entries);
}

// Sends entries from `next` on; `prevTerm` is that of the one before.
function send(core: Core, progress: Progress, prevTerm: Term, entries: readonly Entry[]): void {
  const { commit } = core.log;
  const prevIndex = progress.next - 1;
  progress.commitSent = Math.max(progress.commitSent, Math.min(commit, prevIndex + entries.length));
  core.send({
    type: 'append-request',
    from: core.id,
    to: progress.id,
    term: core.term,
    incarnation: core.incarnation,
    prevIndex,
    prevTerm,
    entries,
    commit,
  });
}

function wantSnapshot(core: Core, progress: Progress): void {
  progress.becomeSnapshot();
  core.snapshotsWanted.push(progress.id);
}

// Repeats an offer that may have been lost; a follower that is busy with it ignores the repetition.
function offerSnapshot(core: Core, progress: Progress): void {
  const { snapshot } = progress;
  if (snapshot === undefined || !progress.offerDue(core.options.electionTicks)) return;
  progress.offerTicks = 0;
  core.send({
    type: 'snapshot-request',
    from: core.id,
    to: progress.id,
    term: core.term,
    incarnation: core.incarnation,
    snapshot,
  });
}

/** The host has a snapshot for `to`. False when it is of no use any more. */
export function snapshotReady(
  core: Core,
  role: LeaderRole,
  to: ReplicaId,
  meta: SnapshotMeta,
): boolean {
  const progress = role.progressOf.get(to);
  if (progress?.state !== 'snapshot') return false;
  if (meta.index > core.log.applied) {
    throw broken('snapshot ahead of the state', { index: meta.index, applied: core.log.applied });
  }
  if (meta.index < core.log.stored.index) {
    // The log has moved on meanwhile, and the follower could not go on from there.
    snapshotUnavailable(role, to);
    return false;
  }
  progress.snapshot = meta;
  progress.offerTicks = core.options.electionTicks;
  role.sendDue = true;
  return true;
}

/** The follower is probed again once it answers a heartbeat, and a snapshot is asked for again if it needs one. */
export function snapshotUnavailable(role: LeaderRole, to: ReplicaId): void {
  const progress = role.progressOf.get(to);
  if (progress?.state !== 'snapshot') return;
  progress.becomeProbe(progress.match + 1);
  progress.paused = true;
}

export function handleAppendResponse(core: Core, role: LeaderRole, message: AppendResponse): void {
  const progress = role.progressOf.get(message.from);
  if (progress === undefined || !progress.heard(message.quarantine)) return;
  if (message.rejected) handleRejection(core, role, progress, message);
  else handleAcknowledgement(core, role, progress, message.index);
}

function handleAcknowledgement(
  core: Core,
  role: LeaderRole,
  progress: Progress,
  index: Index,
): void {
  const { log } = core;
  if (index > log.lastIndex) {
    throw broken('acknowledgement beyond the log', {
      from: progress.id,
      index,
      lastIndex: log.lastIndex,
    });
  }
  const moved = progress.acknowledged(index);
  role.sendDue = true;
  if (progress.state === 'probe') {
    if (progress.match === index) progress.becomeReplicate();
  } else if (progress.state === 'snapshot') {
    if (progress.match >= log.stored.index) progress.becomeReplicate();
    // Installed, but the log has moved on beyond it: only a newer one helps.
    else if (progress.match >= (progress.snapshot?.index ?? Infinity)) wantSnapshot(core, progress);
  }
  if (moved) advanceCommit(core, role);
  finishTransfer(core, role, progress);
}

function handleRejection(
  core: Core,
  role: LeaderRole,
  progress: Progress,
  message: AppendResponse,
): void {
  const { log } = core;
  if (message.index === 0) {
    // Every log agrees at 0, so this is a replica that waits for its first snapshot.
    if (progress.state !== 'snapshot') wantSnapshot(core, progress);
    return;
  }
  if (progress.state === 'snapshot') {
    if (progress.snapshot?.index === message.index) snapshotUnavailable(role, progress.id);
    return;
  }
  // What the follower has at the hint tells which of our own entries can still agree: whole terms are skipped on both
  // sides, so a wrong suffix costs one round per term and not one per entry (R4; etcd `stepLeader`, MsgAppResp).
  const hint =
    message.hintIndex < log.stored.index
      ? message.hintIndex
      : log.lastPositionWithin(message.hintIndex, message.hintTerm).index;
  if (progress.rejected(message.index, hint)) role.sendDue = true;
}

/** An answer to a heartbeat: the follower lives, and what was lost on the way to it or back is sent again. */
export function handleHeartbeatResponse(
  core: Core,
  role: LeaderRole,
  message: HeartbeatResponse,
): void {
  const progress = role.progressOf.get(message.from);
  if (progress === undefined || !progress.heard(message.quarantine)) return;
  if (progress.state === 'probe') {
    progress.paused = false;
    role.sendDue = true;
  } else if (progress.state === 'replicate') {
    if (!progress.moved && progress.match < progress.next - 1) {
      // Nothing was acknowledged for a whole heartbeat: an empty append finds out what was lost, it or the answer.
      progress.poke = true;
      role.sendDue = true;
    }
    progress.moved = false;
  }
  finishTransfer(core, role, progress);
}

/** Once the target has everything, it is told to stand; told again, it does not mind (thesis §3.10). */
export function finishTransfer(core: Core, role: LeaderRole, progress: Progress): void {
  if (role.transfer?.to !== progress.id || progress.match !== core.log.lastIndex) return;
  core.send({
    type: 'timeout-now',
    from: core.id,
    to: progress.id,
    term: core.term,
    incarnation: core.incarnation,
  });
}
