import type { NodeName } from '../controller/index.ts';
import { type Buggify, type Clock, wait } from '../ports/index.ts';
import type { Replicas } from './replicas.ts';

const POLL_MS = 20;

/**
 * Hands leadership to the replica that should have it, once that one follows closely: after restarts the leaders would
 * otherwise pile up on the nodes that stayed. A node that is not fit to lead leaves it to any other that is (R8).
 */
export function balanceLeaders(
  replicas: Replicas,
  self: NodeName,
  canLead: (node: NodeName) => boolean,
  buggify: Buggify,
): void {
  for (const replica of replicas.all()) {
    if (!replica.isLeader) continue;
    const preferred = replicas.preferredLeader(replica.group);
    const stays = canLead(self) && !buggify('node: lead elsewhere');
    const candidates = stays ? [preferred] : replicas.members(replica.group);
    const next = candidates.find((id) => {
      const node = id === undefined ? undefined : replicas.nodeOf(replica.group, id);
      if (id === undefined || node === undefined || node === self) return false;
      return canLead(node) && replica.isCaughtUp(id);
    });
    if (next !== undefined) replica.transferLeader(next);
  }
}

/** Asks followers to take over; those that have no peer to hand over to go on. */
export function stepDown(replicas: Replicas): void {
  for (const replica of replicas.all())
    if (replica.isLeader && replica.hasPeers) replica.stepDown();
}

/** Steps down and waits until others lead, or `msMax` is over (R8). */
export async function stepAside(replicas: Replicas, clock: Clock, msMax: number): Promise<void> {
  const until = clock.monotonic() + msMax;
  const led = [...replicas.all()].filter((replica) => replica.isLeader && replica.hasPeers);
  stepDown(replicas);
  while (led.some((replica) => replica.isLeader) && clock.monotonic() < until) {
    await wait(clock, POLL_MS);
  }
}
