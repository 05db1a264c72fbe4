import { utf8, utf8Text } from '../bytes/index.ts';
import type { GroupId, NodeName, NodeRecord, ShardId, Table, TableId, TableSpec } from './types.ts';

/** A random token. A repetition under the same one does nothing, however late it comes and whatever was done in between (F35). */
type RequestToken = string;

/**
 * The controller's commands, as JSON: they are few, and an operator who reads a log can read them.
 *
 * Each is idempotent, since whoever sends one repeats it until it is answered: a repeated command finds what it wanted
 * done and gives the answer of the first time.
 */
export type ControllerCommand =
  /** The first entry of a cluster: its nodes, in the order of the list they were started with. */
  | {
      readonly kind: 'form';
      readonly clusterId: string;
      readonly nodes: readonly NodeRecord[];
      /** How many data groups; one a node unless told. */
      readonly groups?: number;
    }
  | {
      readonly kind: 'create-table';
      readonly spec: TableSpec;
      readonly uuid: string;
      readonly createdAt: number;
      /** How many it begins with; chosen by the controller unless told. */
      readonly shards?: number;
    }
  /**
   * `deletion` is a random token of the request. The table is named by its id: a repeated command must not reach one that
   * was made again under the name.
   */
  | { readonly kind: 'delete-table'; readonly table: TableId; readonly deletion: string }
  /** A group serves the shard now. */
  | { readonly kind: 'shard-serving'; readonly shard: ShardId; readonly epoch: number }
  /** A group has emptied the shard of a table that is being deleted. */
  | { readonly kind: 'shard-gone'; readonly shard: ShardId }
  /**
   * These groups take part from now on: shards are spread over all that have joined. One that had left comes as it is, and its
   * nodes need not be named; a new one is made with a replica on each of the nodes, the first of which should lead it.
   */
  | {
      readonly kind: 'join';
      readonly request?: RequestToken;
      readonly groups: readonly { readonly id: GroupId; readonly nodes: readonly NodeName[] }[];
    }
  /** These groups give their shards to the others. */
  | {
      readonly kind: 'leave';
      readonly request?: RequestToken;
      readonly groups: readonly GroupId[];
    }
  /** The shard is to be on that group, until groups join or leave. */
  | {
      readonly kind: 'move-shard';
      readonly request?: RequestToken;
      readonly shard: ShardId;
      readonly to: GroupId;
    }
  /** The group that was to fetch the shard serves it now, under this epoch (C3). */
  | { readonly kind: 'shard-moved'; readonly shard: ShardId; readonly epoch: number }
  /** The shard is to be divided: at this hash, 16 hex digits, or in the middle of its range. */
  | {
      readonly kind: 'split-shard';
      readonly request?: RequestToken;
      readonly shard: ShardId;
      readonly at?: string;
    }
  /** Two neighbours on one group are to be one shard: `shard` has the lower hashes. */
  | {
      readonly kind: 'merge-shards';
      readonly request?: RequestToken;
      readonly shard: ShardId;
      readonly next: ShardId;
    }
  /** The group of a shard that was to be split or merged has done it. */
  | { readonly kind: 'shard-reshaped'; readonly shard: ShardId; readonly epoch: number }
  /** A replica of the group on `to` takes the place of the one on `from`. */
  | {
      readonly kind: 'move-replica';
      readonly group: GroupId;
      readonly from: NodeName;
      readonly to: NodeName;
    }
  /** Replicas that count for nothing any more begin anew, where they are, under other ids (L2). */
  | {
      readonly kind: 'renew-replicas';
      readonly replicas: readonly { readonly group: GroupId; readonly replica: number }[];
    }
  /** These replicas, by their ids, are the group's voters by this plan, and no change is under way. */
  | {
      readonly kind: 'members-settled';
      readonly group: GroupId;
      readonly plan: number;
      readonly replicas: readonly number[];
    }
  /**
   * A node wants to belong to the cluster, or is reached elsewhere now. One that is new brings a data group, which it should lead.
   * Whether a name is free, its data directory decides (R7).
   */
  | { readonly kind: 'add-node'; readonly node: NodeRecord }
  /** The node is to be emptied: replicas go to others, and the group that it brought gives its shards away. */
  | {
      readonly kind: 'drain-node';
      readonly node: NodeName;
      readonly request?: RequestToken;
    }
  /** The node is gone for good; refused while it holds a replica. */
  | {
      readonly kind: 'remove-node';
      readonly node: NodeName;
      readonly request?: RequestToken;
    }
  /**
   * These nodes are lost for good with all that they held, and groups go on without them. Refused where a group has nobody else: its
   * data is gone. A group that has no majority left must have been told before to do without.
   */
  | {
      readonly kind: 'forget-nodes';
      readonly nodes: readonly NodeName[];
      readonly request?: RequestToken;
    }
  /**
   * Replicas take the next steps to where they should be (`nextSteps`), as things are when this is applied. `down` is what the leader
   * cannot reach: nothing new goes there; `dead` are those of them that are not waited for any more.
   */
  | {
      readonly kind: 'place';
      readonly down: readonly NodeName[];
      readonly dead: readonly NodeName[];
    };

/** Those that operators send as they are: each under a token of its request. */
export const OPERATOR_KINDS = [
  'join',
  'leave',
  'move-shard',
  'split-shard',
  'merge-shards',
  'drain-node',
  'remove-node',
] as const satisfies readonly ControllerCommand['kind'][];

export type OperatorRequest = Command<(typeof OPERATOR_KINDS)[number]>;

/** One kind of them. */
export type Command<Kind extends ControllerCommand['kind']> = ControllerCommand & { kind: Kind };

export type ControllerOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'created'; readonly table: Table }
  | { readonly kind: 'exists' }
  | { readonly kind: 'deleting'; readonly table: Table }
  | { readonly kind: 'busy'; readonly table: Table }
  | { readonly kind: 'protected'; readonly table: Table }
  | { readonly kind: 'no-table' }
  /** Nothing was done, for this reason. */
  | { readonly kind: 'refused'; readonly reason: string };

const APPLY_VERSION = 1;

export function encodeControllerCommand(command: ControllerCommand): Uint8Array {
  return utf8(JSON.stringify({ version: APPLY_VERSION, ...command }));
}

/** For bytes that `encodeControllerCommand` wrote on some node. Throws on another apply-version. */
export function decodeControllerCommand(data: Uint8Array): ControllerCommand {
  const { version, ...command } = JSON.parse(utf8Text(data)) as ControllerCommand & {
    version: number;
  };
  if (version !== APPLY_VERSION) throw new Error(`controller apply-version ${version}`);
  return command;
}

export function encodeControllerOutcome(outcome: ControllerOutcome): Uint8Array {
  return utf8(JSON.stringify(outcome));
}

export function decodeControllerOutcome(bytes: Uint8Array): ControllerOutcome {
  return JSON.parse(utf8Text(bytes)) as ControllerOutcome;
}
