import { crc32c, utf8 } from '../../bytes/index.ts';
import {
  type ClusterMap,
  type GroupRecord,
  groupsInUse,
  type ReplicaRecord,
  type ShardRecord,
} from '../../controller/index.ts';
import { InvariantError } from './raft-invariants.ts';

const FIRST_HASH = '0000000000000000';
/** Every so many maps those of all replicas are compared, which takes long: what differs goes on differing. */
const COMPARED_EACH = 8;

/**
 * Watches the maps of the controller: all its replicas come to the same one under a number (S3); groups change one replica at a time
 * (G15), on nodes that are there (C5), under ids of which none is used twice (C6); and the shards of a table cover every hash once,
 * on groups that are there (C5).
 */
export class Maps {
  /** By number, of those that are compared: the checksum of the map. */
  readonly #sums = new Map<number, number>();
  /** By id: where the replica is, and of which group. */
  readonly #replicas = new Map<number, string>();
  #last: ClusterMap | undefined;
  /** How often a replica began anew on its node. */
  renewals = 0;

  /** To be called when a replica of the controller has applied something. Throws {@link InvariantError}. */
  look(map: ClusterMap): void {
    const { number } = map;
    if (number === this.#last?.number) return;
    if (number % COMPARED_EACH === 0) this.#compare(map);
    if (this.#last && number < this.#last.number) return;
    for (const group of map.groups) this.#checkGroup(map, group);
    checkShards(map);
    this.#last = map;
  }

  #compare(map: ClusterMap): void {
    const { number } = map;
    const sum = crc32c(utf8(canonical(map)));
    const known = this.#sums.get(number) ?? sum;
    if (known !== sum) {
      throw new InvariantError(`[S3] there are two maps with the number ${number}`);
    }
    this.#sums.set(number, sum);
  }

  #checkGroup(map: ClusterMap, group: GroupRecord): void {
    const held = [...group.replicas, ...group.leaving];
    for (const record of held) this.#checkReplica(map, group, record);
    const nodes = new Set(held.map(({ node }) => node));
    if (nodes.size < held.length) {
      throw broken('C5', map, `group ${group.id} has two replicas on one node`);
    }
    const before = this.#last?.groups.find(({ id }) => id === group.id);
    if (!before) return;
    // Each map is one decision, which gives a group one new replica at most.
    const had = new Set(before.replicas.map(({ replica }) => replica));
    const added = group.replicas.filter(({ replica }) => !had.has(replica));
    this.renewals += added.filter(({ node }) =>
      before.replicas.some((record) => record.node === node),
    ).length;
    const isOther = added.length > 0 || group.replicas.length < before.replicas.length;
    if (group.plan < before.plan || (isOther && group.plan === before.plan)) {
      throw broken('C4', map, `group ${group.id} has other replicas by the same plan`);
    }
    if (added.length > map.number - (this.#last?.number ?? 0)) {
      throw broken('G15', map, `group ${group.id} gets ${added.length} replicas at once`);
    }
  }

  #checkReplica(map: ClusterMap, { id }: GroupRecord, record: ReplicaRecord): void {
    const { replica, node, incarnation } = record;
    const isThere = map.nodes.some((one) => one.name === node && one.incarnation === incarnation);
    if (!isThere) {
      throw broken(
        'C5',
        map,
        `replica ${replica} of group ${id} is on ${node}, which is not in the map`,
      );
    }
    const where = `${id} ${node} ${incarnation}`;
    const known = this.#replicas.get(replica) ?? where;
    if (known !== where) throw broken('C6', map, `replica ${replica} is of ${known}, and ${where}`);
    this.#replicas.set(replica, where);
  }
}

function checkShards(map: ClusterMap): void {
  const inUse = groupsInUse(map);
  for (const id of map.groups.map((group) => group.id)) inUse.delete(id);
  // No home: no group takes part.
  inUse.delete(0);
  if (inUse.size > 0) {
    throw broken('C5', map, `shards are on groups that are gone: ${[...inUse].join(', ')}`);
  }
  for (const { spec, status, shards } of map.tables) {
    if (status === 'DELETING') continue;
    if (!covers(shards)) throw broken('C5', map, `the shards of ${spec.name} do not cover it`);
  }
}

function covers(shards: readonly ShardRecord[]): boolean {
  const ends = [FIRST_HASH, ...shards.map(({ hashEnd }) => hashEnd)];
  return shards.every(({ hashStart }, i) => hashStart === ends[i]) && ends.at(-1) === '';
}

/** The same text for equal maps: a replica that has read its map back from the disk has its fields in another order. */
function canonical(map: ClusterMap): string {
  return JSON.stringify(map, (_, value: unknown) =>
    value instanceof Object && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

function broken(rule: string, { number }: ClusterMap, what: string): InvariantError {
  return new InvariantError(`[${rule}] map ${number}: ${what}`);
}
