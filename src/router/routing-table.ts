import type { Hash64 } from '../bytes/index.ts';
import type {
  ClusterMap,
  GroupId,
  NodeName,
  ShardRecord,
  Table,
  TableId,
} from '../controller/index.ts';
import { compareHash, hashFromHex } from '../item/index.ts';

export interface Route {
  readonly shard: ShardRecord;
  readonly start: Hash64;
  /** Exclusive; undefined for the last shard of the table. */
  readonly end: Hash64 | undefined;
}

/** One map of the controller, arranged for looking up. Made once for each map. */
export class RoutingTable {
  readonly map: ClusterMap;
  readonly #tables = new Map<string, Table>();
  readonly #routes = new Map<TableId, readonly Route[]>();
  readonly #replicas = new Map<GroupId, readonly NodeName[]>();

  constructor(map: ClusterMap) {
    this.map = map;
    for (const table of map.tables) {
      this.#tables.set(table.spec.name, table);
      this.#routes.set(table.id, table.shards.map(routeOf));
    }
    for (const group of map.groups) {
      this.#replicas.set(
        group.id,
        group.replicas.map(({ node }) => node),
      );
    }
  }

  table(name: string): Table | undefined {
    return this.#tables.get(name);
  }

  /** The shards of a table in the order of their hashes; empty when the map does not have the table. */
  routes(table: TableId): readonly Route[] {
    return this.#routes.get(table) ?? [];
  }

  route(table: TableId, hash: Hash64): Route | undefined {
    const routes = this.routes(table);
    let low = 0;
    let high = routes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (compareHash((routes[middle] as Route).start, hash) <= 0) low = middle;
      else high = middle - 1;
    }
    return routes[low];
  }

  /** The nodes with a replica of the group, the one that should lead first. */
  replicas(group: GroupId): readonly NodeName[] {
    return this.#replicas.get(group) ?? [];
  }
}

function routeOf(shard: ShardRecord): Route {
  return {
    shard,
    start: hashFromHex(shard.hashStart),
    end: shard.hashEnd === '' ? undefined : hashFromHex(shard.hashEnd),
  };
}
