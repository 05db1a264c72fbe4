import type { Core, LeaderRole } from './core.ts';
import { sendHeartbeats } from './leader.ts';
import { wake } from './quiescence.ts';
import { quorumValue } from './quorum.ts';
import { confirmRound } from './read-rounds.ts';
import { noticeCommit } from './replication.ts';
import type { HeartbeatResponse, ReadIndexRequest } from './types.ts';

// ReadIndex (thesis §6.4, R6): a read is linearizable once its replica has applied what was committed when it was asked
// for, provided that this leader still led at that time.
//
// A leader that is asked by a follower of its own term often needs no round to prove it. When the follower asked, it had
// voted for nobody later, and neither has the leader itself by now; so where the two are a quorum, nobody later was elected
// before the read began, and nobody later can have acknowledged what it must see. In a group of three that is every
// read of a follower: one message there and one back.

/** Takes a read of this replica's host, or passes it to the leader. False when there is nobody to ask. */
export function readIndex(core: Core, context: number): boolean {
  const { role, leader } = core;
  wake(core);
  if (role.name === 'leader') {
    role.reads.add({ from: 0, context });
    return true;
  }
  if (leader === 0) return false;
  core.send({
    type: 'read-index-request',
    from: core.id,
    to: leader,
    term: core.term,
    incarnation: core.incarnation,
    context,
    confirms: core.counts,
  });
  return true;
}

export function handleReadIndexRequest(core: Core, message: ReadIndexRequest): void {
  const { role, log } = core;
  const { from, context } = message;
  if (role.name !== 'leader') {
    core.answerRead(from, context, 0, true);
  } else if (isConfirmedBy(core, message)) {
    const progress = role.progressOf.get(from);
    // What the follower does not know to be committed it could not serve the read from.
    if (progress !== undefined) noticeCommit(core, progress);
    core.answerRead(from, context, log.commit, false);
  } else {
    role.reads.add({ from, context });
  }
}

function isConfirmedBy(core: Core, { from, term, confirms }: ReadIndexRequest): boolean {
  if (!confirms || term !== core.term || !core.knowsCommit) return false;
  return quorumValue(core.config, (id) => (id === core.id || id === from ? 1 : 0)) === 1;
}

/** Reads wait until the leader knows how far its predecessors committed (G6). */
export function canStartRound(core: Core, role: LeaderRole): boolean {
  return role.reads.canStart && core.knowsCommit;
}

export function startRound(core: Core, role: LeaderRole): void {
  role.reads.start(core.log.commit);
  if (!confirmRound(core, role)) sendHeartbeats(core, role);
}

export function handleRoundAnswer(core: Core, role: LeaderRole, message: HeartbeatResponse): void {
  const progress = role.progressOf.get(message.from);
  if (progress === undefined || message.round <= progress.round) return;
  progress.round = message.round;
  confirmRound(core, role);
}
