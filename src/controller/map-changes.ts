import { MalformedError } from '../bytes/index.ts';
import type {
  ClusterMap,
  ConfigNumber,
  GroupRecord,
  MemberRecord,
  RemovedNode,
  Table,
} from './types.ts';

export const EMPTY_MAP: ClusterMap = {
  number: 0,
  digest: 0,
  clusterId: '',
  nodes: [],
  removed: [],
  groups: [],
  tables: [],
};

/** So many older maps are kept. They share all records that have not changed. */
const RECENT_MAX = 64;

/** Of records that have an id which is never used again. */
export interface RecordChanges<T> {
  /** In their new form, new ones too. */
  readonly changed: readonly T[];
  readonly gone: readonly number[];
}

/** Which map somebody has. */
export type MapVersion = Pick<ClusterMap, 'number' | 'digest'>;

/** What makes the map `from` into the map `number`, with `from` 0 all of it. What is not named stays as it was. */
export interface MapChanges extends MapVersion {
  readonly from: ConfigNumber;
  readonly clusterId: string;
  /** Undefined: as before. */
  readonly nodes: readonly MemberRecord[] | undefined;
  readonly removed: readonly RemovedNode[] | undefined;
  readonly groups: RecordChanges<GroupRecord>;
  readonly tables: RecordChanges<Table>;
}

/** Whoever makes a map of another one takes over, as the same objects, what stays as it was: nothing is looked into here. */
export function changesBetween(before: ClusterMap, after: ClusterMap): MapChanges {
  return {
    from: before.number,
    number: after.number,
    digest: after.digest,
    clusterId: after.clusterId,
    nodes: after.nodes === before.nodes ? undefined : after.nodes,
    removed: after.removed === before.removed ? undefined : after.removed,
    groups: recordChanges(before.groups, after.groups),
    tables: recordChanges(before.tables, after.tables),
  };
}

/** The map `changes.number`, of the one that the changes were asked for with. Throws MalformedError where they do not fit. */
export function withChanges(known: ClusterMap, changes: MapChanges): ClusterMap {
  const { from, number, digest, clusterId, nodes, removed, groups, tables } = changes;
  const before = from === 0 ? EMPTY_MAP : known;
  if (before.number !== from) {
    throw new MalformedError(`changes of the map ${from} do not fit the map ${before.number}`);
  }
  return {
    number,
    digest,
    clusterId,
    nodes: nodes ?? before.nodes,
    removed: removed ?? before.removed,
    groups: withRecordChanges(before.groups, groups),
    tables: withRecordChanges(before.tables, tables),
  };
}

/** The maps of a while, so that whoever knows one of them need be told only what has changed since. */
export class RecentMaps {
  readonly #maps = new Map<ConfigNumber, ClusterMap>();

  remember(map: ClusterMap): void {
    this.#maps.set(map.number, map);
    for (const number of this.#maps.keys()) {
      if (this.#maps.size <= RECENT_MAX) break;
      this.#maps.delete(number);
    }
  }

  /** For one who knows the map `known`, or the empty one; the whole map where that one is not remembered. */
  changesSince(known: MapVersion, map: ClusterMap): MapChanges {
    const same = this.#maps.get(known.number);
    return changesBetween(same?.digest === known.digest ? same : EMPTY_MAP, map);
  }
}

export function recordChanges<T extends { readonly id: number }>(
  before: readonly T[],
  after: readonly T[],
): RecordChanges<T> {
  if (before === after) return { changed: [], gone: [] };
  const old = new Set(before);
  const ids = new Set(after.map(({ id }) => id));
  return {
    changed: after.filter((record) => !old.has(record)),
    gone: before.filter(({ id }) => !ids.has(id)).map(({ id }) => id),
  };
}

export function withRecordChanges<T extends { readonly id: number }>(
  before: readonly T[],
  { changed, gone }: RecordChanges<T>,
): readonly T[] {
  if (changed.length === 0 && gone.length === 0) return before;
  const replaced = new Set([...gone, ...changed.map(({ id }) => id)]);
  return [...before.filter(({ id }) => !replaced.has(id)), ...changed].sort((a, b) => a.id - b.id);
}
