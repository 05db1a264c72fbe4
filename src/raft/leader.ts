import type { Core, LeaderRole } from './core.ts';
import { append, finishChange, followMembers } from './membership.ts';
import { isIdle, mayQuiesce, quiesce, wake } from './quiescence.ts';
import { quorumValue, voteResult } from './quorum.ts';
import { ENTRY_OVERHEAD_BYTES } from './raft-log.ts';
import { ReadRounds } from './read-rounds.ts';
import type { ProposalOutcome, ReplicaId } from './types.ts';

// What a leader does by itself: it begins, appends, counts, keeps time. What it sends is in replication.ts.

const NO_DATA = new Uint8Array(0);

export function becomeLeader(core: Core): LeaderRole {
  const role: LeaderRole = {
    name: 'leader',
    followers: [],
    progressOf: new Map(),
    reads: new ReadRounds(),
    transfer: undefined,
    heartbeatElapsed: 0,
    idleTicks: 0,
    sendDue: true,
  };
  core.role = role;
  followMembers(core, role);
  core.electionElapsed = 0;
  if (core.options.appendEmptyEntry) append(core, 'empty', NO_DATA);
  return role;
}

export function propose(core: Core, data: Uint8Array): ProposalOutcome {
  const { role, log } = core;
  if (role.name !== 'leader') {
    return { accepted: false, reason: 'not-leader', leader: core.leader };
  }
  if (role.transfer !== undefined) {
    return { accepted: false, reason: 'transferring', leader: core.id };
  }
  // One proposal of any size is taken when nothing else waits, or it would never be; and one when all that waits is from
  // older terms, which can only commit along with it.
  const bytes = log.uncommittedBytes + data.length + ENTRY_OVERHEAD_BYTES;
  const waits = log.uncommittedBytes > 0 && log.lastTerm === core.term;
  const { uncommittedBytesMax } = core.options;
  // Followers may commit without this replica's disk; what waits for that disk is bounded all the same.
  if ((waits && bytes > uncommittedBytesMax) || core.writes.bytes > uncommittedBytesMax) {
    return { accepted: false, reason: 'overloaded', leader: core.id };
  }
  wake(core);
  role.sendDue = true;
  return { accepted: true, index: append(core, 'normal', data), term: core.term };
}

/**
 * Commits what a quorum has durable, this replica's own entries included only when durable (G7). Entries of older terms
 * commit only along with one of this term, never by counting (Raft paper §5.4.2 and figure 8; G2).
 */
export function advanceCommit(core: Core, role: LeaderRole): void {
  const { log } = core;
  const index = quorumValue(core.config, (id) => {
    if (id === core.id) return log.durable;
    const progress = role.progressOf.get(id);
    return progress === undefined || progress.quarantine > 0 ? 0 : progress.match;
  });
  if (index <= log.commit || log.termAt(index) !== core.term) return;
  log.commitTo(index);
  role.sendDue = true;
  finishChange(core, role);
}

export function tickLeader(core: Core, role: LeaderRole): void {
  const { electionTicks, heartbeatTicks, checkQuorum } = core.options;
  for (const progress of role.followers) {
    progress.silentTicks++;
    progress.offerTicks++;
  }
  if (checkQuorum && !hearsQuorum(core, role)) {
    core.becomeFollower(core.term, 0);
    return;
  }
  for (const progress of role.followers) {
    if (core.isActive(progress)) {
      if (progress.offerDue(electionTicks)) role.sendDue = true;
    } else if (progress.state !== 'probe') {
      // Nothing more is sent into the void: the next answer to a heartbeat starts over.
      progress.becomeProbe(progress.match + 1);
      progress.paused = true;
    }
  }
  if (role.transfer !== undefined && ++role.transfer.ticks >= electionTicks) {
    role.transfer = undefined;
  }
  role.idleTicks = isIdle(core, role) ? role.idleTicks + 1 : 0;
  if (++role.heartbeatElapsed < heartbeatTicks) return;
  // In place of heartbeats, whose answers would wake this leader.
  if (mayQuiesce(core, role)) quiesce(core, role);
  else sendHeartbeats(core, role);
}

function hearsQuorum(core: Core, role: LeaderRole): boolean {
  const heard = (id: ReplicaId): boolean => {
    const progress = role.progressOf.get(id);
    if (progress === undefined) return id === core.id;
    return progress.quarantine === 0 && core.isActive(progress);
  };
  return voteResult(core.config, heard) === 'won';
}

/** Carries the read round under way, so that a lost heartbeat or answer delays a read by one interval at most (R6). */
export function sendHeartbeats(core: Core, role: LeaderRole): void {
  role.heartbeatElapsed = 0;
  for (const { id, match } of role.followers) {
    core.send({
      type: 'heartbeat',
      from: core.id,
      to: id,
      term: core.term,
      incarnation: core.incarnation,
      commit: Math.min(core.log.commit, match),
      round: role.reads.current,
    });
  }
}
