import {
  type ClusterMap,
  type GroupId,
  holdersOf,
  type NodeName,
  type ShardId,
} from '../controller/index.ts';
import type { Replica } from '../group/index.ts';
import { type Member, voters } from '../raft/index.ts';
import { quarantineText } from './quarantine.ts';
import type { Replicas } from './replicas.ts';

/** What one node says of its replicas. */
export interface NodeStatus {
  readonly groups: readonly {
    readonly id: GroupId;
    readonly isLeader: boolean;
    readonly term: number;
    readonly commit: number;
    readonly applied: number;
    /** Of the configuration that the replica here has. */
    readonly voters: readonly NodeName[];
    readonly learners: readonly NodeName[];
    /** Why the replica here counts for nothing, with file and offset; empty for one that is whole. */
    readonly quarantined: string;
    readonly shards: readonly {
      readonly id: ShardId;
      readonly items: number;
      readonly bytes: number;
    }[];
  }[];
}

/** The document of `flotilla status --json` (design: the command line). */
export interface ClusterStatus {
  readonly cluster: string;
  readonly configNumber: number;
  readonly nodes: readonly {
    readonly name: NodeName;
    readonly http: string;
    readonly peer: string;
    readonly zone: string;
    /** `draining`: it is up, and what it has goes to others. */
    readonly state: 'up' | 'down' | 'draining';
  }[];
  readonly groups: readonly {
    readonly id: GroupId;
    /** Whether it takes part, so that shards are given to it; the controller's own group never does. */
    readonly joined: boolean;
    /** Empty while nobody leads. */
    readonly leader: NodeName;
    readonly term: number;
    readonly commit: number;
    readonly applied: number;
    readonly voters: readonly NodeName[];
    readonly learners: readonly NodeName[];
    /** Each replica's distance from the leader's commit index, in entries; null when its node did not answer. */
    readonly lag: Readonly<Record<NodeName, number | null>>;
    /** Replicas that never vote or acknowledge again, since their log was damaged: why, with file and offset. */
    readonly quarantined: Readonly<Record<NodeName, string>>;
  }[];
  readonly tables: readonly {
    readonly name: string;
    readonly status: string;
    readonly shards: readonly {
      readonly id: ShardId;
      readonly hashStart: string;
      readonly hashEnd: string;
      readonly group: GroupId;
      /** The group that it is on its way to; 0 while it does not move. */
      readonly movingTo: GroupId;
      readonly state: string;
      readonly items: number;
      readonly bytes: number;
    }[];
  }[];
}

export function nodeStatus(replicas: Replicas): NodeStatus {
  const groups = [...replicas.all()].map((replica) => {
    const { config } = replica.raft;
    const nodesOf = (members: readonly Member[]) =>
      members.flatMap(({ id }) => replicas.nodeOf(replica.group, id) ?? []);
    return {
      id: replica.group,
      isLeader: replica.isLeader,
      term: replica.term,
      commit: replica.status.commit,
      applied: replica.state.appliedIndex,
      voters: nodesOf(voters(config)),
      learners: nodesOf(config.learners),
      quarantined: reasonOf(replicas, replica),
      shards: [...(replicas.data(replica.group)?.machine.shards() ?? [])].map(
        ({ id, items, bytes }) => ({ id, items, bytes }),
      ),
    };
  });
  return { groups };
}

function reasonOf(replicas: Replicas, replica: Replica): string {
  const record = replicas.quarantineOf(replica.id);
  return record ? quarantineText(record) : '';
}

/** Puts together what the nodes said; `undefined` for a node that did not answer. */
export function clusterStatus(
  map: ClusterMap,
  reports: ReadonlyMap<NodeName, NodeStatus | undefined>,
): ClusterStatus {
  const members = new Map<GroupId, readonly NodeName[]>();
  for (const group of map.groups) members.set(group.id, holdersOf(group));
  const reportOf = (node: NodeName, group: GroupId) =>
    reports.get(node)?.groups.find(({ id }) => id === group);
  const leaderOf = (group: GroupId) => {
    const leaders = (members.get(group) ?? []).filter((node) => reportOf(node, group)?.isLeader);
    // After a partition two may think so; the higher term is right.
    leaders.sort((a, b) => (reportOf(b, group)?.term ?? 0) - (reportOf(a, group)?.term ?? 0));
    return leaders[0];
  };

  const groups = [...members].map(([id, nodes]) => {
    const leader = leaderOf(id);
    const report = leader === undefined ? undefined : reportOf(leader, id);
    const commit = report?.commit ?? Math.max(...nodes.map((n) => reportOf(n, id)?.commit ?? 0));
    const lag = Object.fromEntries(
      nodes.map((node) => {
        const applied = reportOf(node, id)?.applied;
        return [node, applied === undefined ? null : Math.max(0, commit - applied)];
      }),
    );
    return {
      id,
      joined: map.groups.some((group) => group.id === id && group.joined),
      leader: leader ?? '',
      term: report?.term ?? 0,
      commit,
      applied: report?.applied ?? 0,
      voters: report?.voters ?? nodes,
      learners: report?.learners ?? [],
      lag,
      quarantined: Object.fromEntries(
        nodes.flatMap((node) => {
          const reason = reportOf(node, id)?.quarantined;
          return reason ? [[node, reason]] : [];
        }),
      ),
    };
  });

  const tables = map.tables.map(({ spec, status, shards }) => ({
    name: spec.name,
    status,
    shards: shards.map(({ id, hashStart, hashEnd, group, movingTo, state }) => {
      const leader = leaderOf(group);
      const report = leader === undefined ? undefined : reportOf(leader, group);
      const counts = report?.shards.find((shard) => shard.id === id);
      const { items, bytes } = counts ?? { items: 0, bytes: 0 };
      return { id, hashStart, hashEnd, group, movingTo, state, items, bytes };
    }),
  }));

  return {
    cluster: map.clusterId,
    configNumber: map.number,
    nodes: map.nodes.map(({ name, http, peer, zone, draining }) => ({
      name,
      http,
      peer,
      zone,
      state: reports.get(name) ? (draining ? 'draining' : 'up') : 'down',
    })),
    groups,
    tables,
  };
}
