import {
  type ClusterMap,
  type GroupId,
  holdersOf,
  type NodeName,
  type ShardId,
  type ShardWeight,
  type Weights,
} from '../controller/index.ts';
import type { Replica } from '../group/index.ts';
import { type Member, voters } from '../raft/index.ts';
import { quarantineText } from './quarantine.ts';
import type { Replicas } from './replicas.ts';
import type { ShardRates } from './shard-rates.ts';

/** What one node says of itself and its replicas. */
export interface NodeStatus {
  /** What was ever found wrong on its disk, with file and offset. */
  readonly damage: readonly string[];
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
      /** Reads and writes, where its group is led. */
      readonly perSecond: number;
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
    /** What it ever found wrong on its disk, with file and offset; what was damaged has begun anew, or is to. */
    readonly damage: readonly string[];
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
      /** `split` or `merge` while it is; otherwise empty. */
      readonly becomes: string;
      /** While it moves, the part of its bytes that has come over, 0 to 1; null: it does not move. */
      readonly progress: number | null;
      readonly items: number;
      readonly bytes: number;
      /** Reads and writes, at its group's leader. */
      readonly perSecond: number;
    }[];
  }[];
}

export function nodeStatus(replicas: Replicas, rates: ShardRates): NodeStatus {
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
        ({ id, items, bytes }) => ({ id, items, bytes, perSecond: rates.perSecond(id) }),
      ),
    };
  });
  return { groups, damage: replicas.damage };
}

function reasonOf(replicas: Replicas, replica: Replica): string {
  const record = replicas.quarantineOf(replica.id);
  return record ? quarantineText(record) : '';
}

const EMPTY_SHARD = { items: 0, bytes: 0, perSecond: 0 };

/** What the leaders of groups said of the shards that they serve. */
export function weightsIn(
  { tables }: ClusterMap,
  reports: ReadonlyMap<NodeName, NodeStatus | undefined>,
): Weights {
  const said = new Said(reports);
  const weights = new Map<ShardId, ShardWeight>();
  for (const { id, group } of tables.flatMap(({ shards }) => shards)) {
    const shard = said.shard(id, group);
    if (shard) weights.set(id, shard);
  }
  return weights;
}

type GroupStatus = NodeStatus['groups'][number];

/** What nodes said, by group. */
class Said {
  readonly #groups = new Map<GroupId, Map<NodeName, GroupStatus>>();
  readonly #shards = new Map<string, GroupStatus['shards'][number]>();

  constructor(reports: ReadonlyMap<NodeName, NodeStatus | undefined>) {
    for (const [node, report] of reports) {
      for (const group of report?.groups ?? []) {
        const nodes = this.#groups.get(group.id) ?? new Map<NodeName, GroupStatus>();
        this.#groups.set(group.id, nodes.set(node, group));
      }
    }
    for (const id of this.#groups.keys()) {
      const { report } = this.leaderOf(id) ?? {};
      for (const shard of report?.shards ?? []) this.#shards.set(`${id} ${shard.id}`, shard);
    }
  }

  of(node: NodeName, group: GroupId): GroupStatus | undefined {
    return this.#groups.get(group)?.get(node);
  }

  leaderOf(
    group: GroupId,
  ): { readonly leader: NodeName; readonly report: GroupStatus } | undefined {
    const leaders = [...(this.#groups.get(group) ?? [])].filter(([, { isLeader }]) => isLeader);
    // After a partition two may think so; the higher term is right.
    const [first] = leaders.sort(([, a], [, b]) => b.term - a.term);
    return first && { leader: first[0], report: first[1] };
  }

  /** As the leader of a group has it. */
  shard(shard: ShardId, group: GroupId): GroupStatus['shards'][number] | undefined {
    return this.#shards.get(`${group} ${shard}`);
  }
}

/** Puts together what the nodes said; `undefined` for a node that did not answer. */
export function clusterStatus(
  map: ClusterMap,
  reports: ReadonlyMap<NodeName, NodeStatus | undefined>,
): ClusterStatus {
  const said = new Said(reports);
  const groups = map.groups.map((record) => {
    const { id } = record;
    const nodes = holdersOf(record);
    const { leader, report } = said.leaderOf(id) ?? {};
    const commit = report?.commit ?? Math.max(...nodes.map((n) => said.of(n, id)?.commit ?? 0));
    const lag = Object.fromEntries(
      nodes.map((node) => {
        const applied = said.of(node, id)?.applied;
        return [node, applied === undefined ? null : Math.max(0, commit - applied)];
      }),
    );
    return {
      id,
      joined: record.joined,
      leader: leader ?? '',
      term: report?.term ?? 0,
      commit,
      applied: report?.applied ?? 0,
      voters: report?.voters ?? nodes,
      learners: report?.learners ?? [],
      lag,
      quarantined: Object.fromEntries(
        nodes.flatMap((node) => {
          const reason = said.of(node, id)?.quarantined;
          return reason ? [[node, reason]] : [];
        }),
      ),
    };
  });

  const tables = map.tables.map(({ spec, status, shards }) => ({
    name: spec.name,
    status,
    shards: shards.map(({ id, hashStart, hashEnd, group, movingTo, state, becomes }) => {
      const { items, bytes, perSecond } = said.shard(id, group) ?? EMPTY_SHARD;
      const come = movingTo === 0 ? undefined : (said.shard(id, movingTo) ?? EMPTY_SHARD);
      return {
        id,
        hashStart,
        hashEnd,
        group,
        movingTo,
        state,
        becomes: becomes?.kind ?? '',
        progress: come ? Math.min(1, come.bytes / Math.max(1, bytes)) : null,
        items,
        bytes,
        perSecond,
      };
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
      damage: reports.get(name)?.damage ?? [],
    })),
    groups,
    tables,
  };
}
