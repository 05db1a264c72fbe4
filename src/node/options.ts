import type { GroupId } from '../controller/index.ts';
import type { Engine } from '../engine/index.ts';
import type { Replica, ReplicaLimits } from '../group/index.ts';
import type { Buggify, Clock, Disk, Network, Random } from '../ports/index.ts';
import type { Message } from '../raft/index.ts';
import type { MachineLimits } from '../store/index.ts';
import type { Identity } from './identity.ts';
import type { Node } from './node.ts';
import type { PeerAddress } from './peers.ts';

/** Sizes that have good defaults; a node in memory or a test may want smaller ones. */
export interface NodeLimits {
  /** See `LogOptions`. An entry takes half of a segment at most: below 8 MiB large commands must not come. */
  readonly logSegmentBytes?: number;
  readonly logSegmentsMax?: number;
  /** See `ReplicaStateOptions`. */
  readonly memtableBytes?: number;
  readonly flushPartBytes?: number;
  /** See `ReplicaStatesOptions`. */
  readonly memtablesBytesMax?: number;
  readonly memtablesReserveBytes?: number;
  /** See `SnapshotWork`. */
  readonly snapshotBytesPerSecond?: number;
  /** See `ReadBackPace`. */
  readonly readBackBytesPerSecond?: number;
  readonly replica?: Partial<ReplicaLimits>;
  /** The same on every node of a cluster. */
  readonly machine?: MachineLimits;
}

/** Those of the engine's states. */
export function stateSizes(limits: NodeLimits) {
  const { memtableBytes, flushPartBytes, memtablesBytesMax, memtablesReserveBytes } = limits;
  return {
    ...(memtableBytes !== undefined && { memtableBytes }),
    ...(flushPartBytes !== undefined && { flushPartBytes }),
    ...(memtablesBytesMax !== undefined && { memtablesBytesMax }),
    ...(memtablesReserveBytes !== undefined && { memtablesReserveBytes }),
  };
}

export interface NodeOptions {
  readonly identity: Identity;
  /** `host:port` of the DynamoDB endpoint and of the listener for nodes, as others reach them. */
  readonly http: string;
  readonly peer: string;
  readonly zone: string;
  /** The first nodes, this one included, in the order given; not looked at once the node is formed. */
  readonly initialCluster: readonly PeerAddress[];
  /** `host:port` of some nodes of a running cluster; an empty directory has either this or a list of first nodes. */
  readonly join?: readonly string[];
  /** How long a node may be away before its replicas are given to others, in milliseconds; five minutes unless told. */
  readonly replaceAfterMs?: number;
  /** How many data groups a new cluster begins with, said by the first of them; one a node unless told. */
  readonly initialGroups?: number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly disk: Disk;
  readonly engine: Engine;
  readonly limits?: NodeLimits;
  /** A simulator's; unless told, nothing of it happens. */
  readonly buggify?: Buggify;
  /** Called with the node as soon as there is one, long before it serves: for whoever watches it. */
  readonly onCreated?: (node: Node) => void;
  /** Tells an operator something, in one line. */
  readonly notice: (message: string) => void;
  /** The node cannot go on: bad options or a directory that does not belong here. One line, and nothing was harmed. */
  readonly refuse: (reason: string) => void;
  /** A broken invariant or a failed disk: the process ends. */
  readonly fatal: (error: unknown) => void;
}

/** Whoever looks at a node from outside, and changes nothing. */
export interface NodeWatcher {
  /** A message of Raft leaves. */
  onMessage(group: GroupId, message: Message): void;
  /** Something has happened to a replica. */
  onReplica(replica: Replica): void;
  /** A replica may have applied entries. */
  onApplied(replica: Replica): void;
}
