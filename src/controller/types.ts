import type { KeyType } from '../item/index.ts';

/** One numbered state of the controller's map; counts up by one with every change (MIT 6.5840 lab 5: `Num`). */
export type ConfigNumber = number;
export type GroupId = number;
export type ShardId = number;
export type TableId = number;
/** The name that the operator gave a node (`--node`). */
export type NodeName = string;

/** The controller's own Raft group. Data groups count from 1. */
export const CONTROLLER_GROUP: GroupId = 0;
/** Of a node that brings no group, or whose group is gone. */
export const NO_GROUP: GroupId = -1;

export interface NodeRecord {
  readonly name: NodeName;
  /** The identity of the node's data directory (R7); another directory under the same name is another node. */
  readonly incarnation: string;
  /** `host:port` of the DynamoDB endpoint and of the listener for other nodes. */
  readonly http: string;
  readonly peer: string;
  readonly zone: string;
}

/** A node of the map. */
export interface MemberRecord extends NodeRecord {
  /** An operator wants it empty: it gets nothing more, and what it has goes to others. */
  readonly draining: boolean;
  /** The data group that was made when it came, and that goes when it is drained; 0: still to be made. */
  readonly group: GroupId;
}

/** A data directory that an operator has removed: whoever comes back with it is told so. */
export interface RemovedNode {
  readonly name: NodeName;
  readonly incarnation: string;
}

/** A node creates a replica only from such a record (C6). */
export interface ReplicaRecord {
  /** Unique in the cluster and never used again. */
  readonly replica: number;
  readonly node: NodeName;
  readonly incarnation: string;
}

export interface GroupRecord {
  readonly id: GroupId;
  /** Who shall be its voters; the first one should lead it. */
  readonly replicas: readonly ReplicaRecord[];
  /** Those that are to go, until the group does without them. */
  readonly leaving: readonly ReplicaRecord[];
  /** Those that it was born with, wherever they are now: their logs begin with this. Any other one begins with a snapshot. */
  readonly born: readonly ReplicaRecord[];
  /** How often who shall be its voters has changed: the group takes a newer plan, and never an older one (C4). */
  readonly plan: number;
  /** Until the group has said that `replicas` are its voters. It changes one thing at a time. */
  readonly changing: boolean;
  /** Shards are spread over the groups that have joined; one that has left gives its shards away. */
  readonly joined: boolean;
  /** It goes, with its replicas, once it holds no shard. */
  readonly retiring: boolean;
}

/** A hash range of one table. Ranges of a table are disjoint and cover every hash. */
export interface ShardRecord {
  readonly id: ShardId;
  /** 16 hex digits, inclusive; the first shard of a table starts at 0000000000000000. */
  readonly hashStart: string;
  /** 16 hex digits, exclusive; empty for the last shard, which ends after ffffffffffffffff. */
  readonly hashEnd: string;
  /** The group that serves it, or is to begin with it. */
  readonly group: GroupId;
  /** The group that is fetching it, under the next epoch; 0 while it does not move. */
  readonly movingTo: GroupId;
  /** The group that the newest configuration wants it on; a move that is under way ends first. 0: no group has joined. */
  readonly home: GroupId;
  /** Changes only when this shard moves, splits or merges (S2). */
  readonly epoch: number;
  /** `creating` until the group has said that it serves the shard. */
  readonly state: 'creating' | 'serving';
  /** What its group is making of it; undefined: it stays as it is. It does not move meanwhile. */
  readonly becomes: Split | Merge | undefined;
  /** The shards that it came from by a split or a merge; none where the table began with it. */
  readonly parents: readonly ShardId[];
}

/** Two shards with new ids. `at`: 16 hex digits, where the second one starts. */
export interface Split {
  readonly kind: 'split';
  readonly at: string;
  readonly into: readonly [ShardId, ShardId];
}

/** One shard with a new id, made of this one and the neighbour `other`, which has the same plan. */
export interface Merge {
  readonly kind: 'merge';
  readonly other: ShardId;
  readonly into: ShardId;
}

export interface KeyAttribute {
  readonly name: string;
  readonly type: KeyType;
}

/** What a table is, apart from where its shards are. Everything here is set by the API and given back by it. */
export interface TableSpec {
  readonly name: string;
  readonly partitionKey: KeyAttribute;
  readonly sortKey: KeyAttribute | undefined;
  readonly billingMode: 'PROVISIONED' | 'PAY_PER_REQUEST';
  /** Capacity units of a provisioned table; kept and shown, not enforced. */
  readonly readCapacity: number;
  readonly writeCapacity: number;
  readonly deletionProtection: boolean;
  readonly tableClass: 'STANDARD' | 'STANDARD_INFREQUENT_ACCESS';
  readonly tags: readonly { readonly key: string; readonly value: string }[];
}

export type TableStatus = 'CREATING' | 'ACTIVE' | 'DELETING';

export interface Table {
  /** Never a name and never used again: a table made again under the same name has another id (S6). */
  readonly id: TableId;
  readonly spec: TableSpec;
  readonly status: TableStatus;
  /** Wall time of the creation in milliseconds since the epoch. */
  readonly createdAt: number;
  /** A random UUID, shown as TableId. */
  readonly uuid: string;
  /** The deletion that made it DELETING, so that a repeated one gets its first answer; empty before. */
  readonly deletion: string;
  /** In the order of their hash ranges. While DELETING, those that are still to be emptied. */
  readonly shards: readonly ShardRecord[];
}

/**
 * Which groups take part, and which of them is to have which shard (MIT 6.824 lab 4A: `Config`). Its number is that of the map
 * with which it came to be; maps in between change other things.
 */
export interface Configuration {
  readonly number: ConfigNumber;
  /** Those that have joined, in ascending order, each with its nodes: the one that should lead it first. */
  readonly groups: readonly { readonly id: GroupId; readonly nodes: readonly NodeName[] }[];
  readonly shards: readonly {
    readonly id: ShardId;
    readonly table: TableId;
    /** 0 while no group has joined. */
    readonly home: GroupId;
  }[];
}

/** The controller's map: everything that nodes and routers need to find things. Immutable. */
export interface ClusterMap {
  /** 0: the cluster is being formed, and the map is empty. */
  readonly number: ConfigNumber;
  /**
   * CRC-32C of all commands that have changed it: where it is the same under the same number, two maps are. A controller that has lost
   * its majority for good may go on from an older one than others have seen, and count to the same numbers again.
   */
  readonly digest: number;
  readonly clusterId: string;
  readonly nodes: readonly MemberRecord[];
  readonly removed: readonly RemovedNode[];
  /** In ascending order of their ids: the controller's own, which has no shards, then those of data. */
  readonly groups: readonly GroupRecord[];
  /** In ascending order of their ids. */
  readonly tables: readonly Table[];
}
