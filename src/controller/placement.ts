import {
  type ClusterMap,
  CONTROLLER_GROUP,
  type GroupId,
  type GroupRecord,
  type NodeName,
  type NodeRecord,
  type ReplicaRecord,
  type ShardId,
  type ShardRecord,
  type Table,
} from './types.ts';

/** Of a group, where there are as many nodes. */
export const REPLICAS = 3;
const SHARDS_OF_NEW_TABLE_MAX = 8;

/** The controller's own group begins on the first nodes of the list; its replicas' ids are the first that the cluster gives out. */
export function controllerGroup(nodes: readonly NodeRecord[]): GroupRecord {
  const replicas = nodes.slice(0, REPLICAS).map((node, i) => replicaOn(node, i + 1));
  return { ...newGroup(CONTROLLER_GROUP, replicas), joined: false };
}

/**
 * Data groups, one a node unless told, each with its replicas on the node of its number and the next ones, so that every node
 * holds as many replicas as any other. The first replica of a group is the one that should lead it: leaders are spread too.
 */
export function initialGroups(
  nodes: readonly NodeRecord[],
  firstReplica: number,
  groups = nodes.length,
): GroupRecord[] {
  const count = Math.min(REPLICAS, nodes.length);
  return Array.from({ length: groups }, (_, g) =>
    newGroup(
      g + 1,
      Array.from({ length: count }, (__, i) =>
        replicaOn(nodes[(g + i) % nodes.length] as NodeRecord, firstReplica + g * count + i),
      ),
    ),
  );
}

/** The nodes with a replica of the group that may be a member: those that are still to go included. */
export function holdersOf({ replicas, leaving }: GroupRecord): readonly NodeName[] {
  return [...replicas, ...leaving].map(({ node }) => node);
}

/** Of the controller's own group. */
export function controllersOf({ groups }: Pick<ClusterMap, 'groups'>): readonly NodeName[] {
  const group = groups.find(({ id }) => id === CONTROLLER_GROUP);
  return group ? holdersOf(group) : [];
}

/** A group that is born with these replicas. */
export function newGroup(id: GroupId, replicas: readonly ReplicaRecord[]): GroupRecord {
  const [changing, joined, retiring] = [false, true, false];
  return { id, replicas, leaving: [], born: replicas, plan: 0, changing, joined, retiring };
}

export function replicaOn(node: NodeRecord, replica: number): ReplicaRecord {
  return { replica, node: node.name, incarnation: node.incarnation };
}

/**
 * Equal hash ranges for a new table, as many as there are groups that have joined and at most eight unless told, on those with
 * the fewest shards.
 */
export function initialShards(
  groups: readonly GroupRecord[],
  tables: readonly Table[],
  firstShard: ShardId,
  wanted?: number,
): ShardRecord[] {
  const joined = groups.filter((group) => group.joined);
  const count = wanted ?? shardsOfNewTable(groups);
  const chosen = leastLoaded(joined, tables);
  return Array.from({ length: count }, (_, i) => {
    const group = chosen[i % chosen.length] ?? 0;
    return {
      id: firstShard + i,
      hashStart: fraction(i, count),
      hashEnd: i + 1 === count ? '' : fraction(i + 1, count),
      group,
      movingTo: 0,
      home: group,
      epoch: 1,
      state: 'creating',
      becomes: undefined,
      parents: [],
    };
  });
}

/** As many as there are groups that have joined, and at most eight. */
export function shardsOfNewTable(groups: readonly GroupRecord[]): number {
  const joined = groups.filter((group) => group.joined).length;
  return Math.max(1, Math.min(joined, SHARDS_OF_NEW_TABLE_MAX));
}

function leastLoaded(groups: readonly GroupRecord[], tables: readonly Table[]): GroupId[] {
  const load = new Map<GroupId, number>(groups.map((group) => [group.id, 0]));
  for (const table of tables) {
    if (table.status === 'DELETING') continue;
    for (const { home } of table.shards) {
      const shards = load.get(home);
      if (shards !== undefined) load.set(home, shards + 1);
    }
  }
  return [...load].sort(([a, loadA], [b, loadB]) => loadA - loadB || a - b).map(([group]) => group);
}

/** i/count of the hash space, as 16 hex digits. */
function fraction(i: number, count: number): string {
  return ((BigInt(i) << 64n) / BigInt(count)).toString(16).padStart(16, '0');
}
