import type { Core, LeaderRole } from './core.ts';
import type { Progress } from './progress.ts';
import { wake } from './quiescence.ts';
import { finishTransfer } from './replication.ts';
import type { ReplicaId } from './types.ts';

// Leadership transfer (thesis §3.10, R8): proposals stop, the target gets what it lacks, then TimeoutNow lets it stand
// at once. After an election timeout without success the leader goes on as before.

/** False when `to` cannot take over: not a voter, or this replica itself. */
export function transferLeader(core: Core, role: LeaderRole, to: ReplicaId): boolean {
  const progress = role.progressOf.get(to);
  if (progress === undefined || !canLead(core, progress)) return false;
  wake(core);
  role.transfer = { to, ticks: 0 };
  // What is on the way to the target may be lost: an answer now is worth more than one after the next heartbeat.
  progress.poke = progress.match < progress.next - 1;
  role.sendDue = true;
  finishTransfer(core, role, progress);
  return true;
}

// Not one that is about to go.
function canLead({ config }: Core, { id, quarantine }: Progress): boolean {
  return quarantine === 0 && config.incoming.some((member) => member.id === id);
}

/** Leaves the lead to the follower that can take it soonest, or to whoever will, if none answers. */
export function stepDown(core: Core, role: LeaderRole): void {
  if (role.transfer !== undefined) return;
  wake(core);
  let best: Progress | undefined;
  for (const progress of role.followers) {
    if (progress.state === 'snapshot' || !core.isActive(progress)) continue;
    if (!canLead(core, progress)) continue;
    if (best === undefined || progress.match > best.match) best = progress;
  }
  if (best === undefined) core.becomeFollower(core.term, 0);
  else transferLeader(core, role, best.id);
}
