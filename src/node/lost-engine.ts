import type { NodeName } from '../controller/index.ts';
import type { Disk } from '../ports/index.ts';
import { readCluster } from './identity.ts';
import { quarantineState, readQuarantine } from './quarantine.ts';
import { readRoster, replicasOn } from './roster.ts';

/**
 * For a node whose engine is about to be replaced by an empty one, because it was damaged (F4): what its replicas
 * acknowledged is not there any more, so they go into quarantine for good, and get the state of the others.
 */
export async function quarantineAll(disk: Disk, self: NodeName, reason: string): Promise<void> {
  const roster = await readRoster(disk, await readCluster(disk));
  for (const replica of replicasOn(roster, self)) {
    await quarantineState(disk, await readQuarantine(disk), replica, reason);
  }
}
