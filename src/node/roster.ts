import {
  type ClusterMap,
  type ConfigNumber,
  controllerGroup,
  type GroupRecord,
  type MemberRecord,
  type NodeName,
  type RemovedNode,
  type ReplicaRecord,
} from '../controller/index.ts';
import type { Disk } from '../ports/index.ts';
import type { ReplicaId } from '../raft/index.ts';
import type { ClusterRecord } from './identity.ts';
import { readRecord, writeRecord } from './small-file.ts';

const ROSTER_FILE = 'replicas';

/**
 * What a node knows of the cluster without asking: whom it can reach where, and who holds which replica, the controller's among
 * them (C6). It has the number of the map that it is from, and gives way only to a newer one, also on the disk (C4).
 */
export interface Roster {
  readonly number: ConfigNumber;
  readonly nodes: readonly MemberRecord[];
  readonly removed: readonly RemovedNode[];
  readonly groups: readonly GroupRecord[];
}

export const EMPTY_ROSTER: Roster = { number: 0, nodes: [], removed: [], groups: [] };

export function rosterOf({ number, nodes, removed, groups }: ClusterMap): Roster {
  return { number, nodes, removed, groups };
}

/** Of a cluster that has only been born: its first nodes hold the controller's replicas. */
export function firstRoster({ nodes }: ClusterRecord): Roster {
  return {
    ...EMPTY_ROSTER,
    nodes: nodes.map((node) => ({ ...node, draining: false, group: 0 })),
    groups: [controllerGroup(nodes)],
  };
}

/** What the node knew when it was last up; empty for one that belongs to no cluster, as its record says. */
export async function readRoster(disk: Disk, cluster: ClusterRecord | undefined): Promise<Roster> {
  if (!cluster) return EMPTY_ROSTER;
  return ((await readRecord(disk, ROSTER_FILE)) as Roster | undefined) ?? firstRoster(cluster);
}

export function writeRoster(disk: Disk, roster: Roster): Promise<void> {
  return writeRecord(disk, ROSTER_FILE, roster);
}

/** The replicas that a node holds according to the records. */
export function replicasOn({ groups }: Pick<Roster, 'groups'>, self: NodeName): ReplicaId[] {
  return groups.flatMap((group) => recordOn(group, self)?.replica ?? []);
}

/** A node's replica of the group; it may be on its way out. */
export function recordOn(
  { replicas, leaving }: GroupRecord,
  node: NodeName,
): ReplicaRecord | undefined {
  return [...replicas, ...leaving].find((record) => record.node === node);
}
