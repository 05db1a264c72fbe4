import type { ClusterMap, GroupId, ShardId } from '../controller/index.ts';
import type { Shard } from '../store/index.ts';

/** A data group that this node leads, with everything of earlier terms applied. */
export interface LedGroup {
  readonly id: GroupId;
  shards(): Iterable<Readonly<Shard>>;
  /** A shard that the group holds. */
  shard(id: ShardId): Readonly<Shard> | undefined;
  /** Reads and writes that a shard has. */
  perSecond(id: ShardId): number;
  /** The hash at which a shard is to be split, 16 hex digits; undefined: it is of one partition, or led by others now. */
  middle(id: ShardId): Promise<string | undefined>;
  /** Of a command, at most, in bytes: it must fit into the log. */
  readonly commandBytesMax: number;
  /** Resolves when the command took effect, or with false when it was lost or refused. */
  propose(command: Uint8Array): Promise<boolean>;
}

export interface LocalGroups {
  readonly map: ClusterMap;
  led(): Iterable<LedGroup>;
}
