import type { Clock } from '../ports/index.ts';
import type { Replicas } from './replicas.ts';

const POLL_MS = 20;

/**
 * Hands leadership to the replica that should have it, once that one follows closely: after restarts the leaders would
 * otherwise pile up on the nodes that stayed.
 */
export function balanceLeaders(replicas: Replicas): void {
  for (const replica of replicas.all()) {
    const preferred = replicas.preferredLeader(replica.group);
    if (!replica.isLeader || preferred === undefined || preferred === replica.id) continue;
    if (replica.isCaughtUp(preferred)) replica.transferLeader(preferred);
  }
}

/** Asks followers to take over and waits until they have, or `msMax` is over (R8). */
export async function stepAside(replicas: Replicas, clock: Clock, msMax: number): Promise<void> {
  const until = clock.monotonic() + msMax;
  const led = [...replicas.all()].filter((replica) => replica.isLeader && replica.hasPeers);
  for (const replica of led) replica.stepDown();
  while (led.some((replica) => replica.isLeader) && clock.monotonic() < until) {
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
}
