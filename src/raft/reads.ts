import type { Core, LeaderRole } from './core.ts';
import { sendHeartbeats } from './leader.ts';
import { quorumValue } from './quorum.ts';
import type { HeartbeatResponse, ReadIndexRequest } from './types.ts';

// ReadIndex (thesis §6.4, R6): a read is linearizable once its replica has applied what was committed when it was asked
// for, provided that this leader still led at that time.

/** Takes a read of this replica's host, or passes it to the leader. False when there is nobody to ask. */
export function readIndex(core: Core, context: number): boolean {
  const { role, leader } = core;
  if (role.name === 'leader') {
    role.reads.add({ from: 0, context });
    return true;
  }
  if (leader === 0) return false;
  core.send({ type: 'read-index-request', ...core.envelope(leader), context });
  return true;
}

export function handleReadIndexRequest(core: Core, message: ReadIndexRequest): void {
  if (core.role.name === 'leader') {
    core.role.reads.add({ from: message.from, context: message.context });
  } else {
    core.answerRead(message.from, message.context, 0, true);
  }
}

/**
 * Until an entry of its own term is committed, a leader does not know how far its predecessors committed: reads wait
 * (thesis §6.4 step 1; G6).
 */
export function canStartRound(core: Core, role: LeaderRole): boolean {
  return role.reads.canStart && core.log.termAt(core.log.commit) === core.term;
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

// A quorum that answers a heartbeat of this term has not elected anybody later before it answered.
function confirmRound(core: Core, role: LeaderRole): boolean {
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
