import type { Hash64 } from '../bytes/index.ts';
import {
  type ClusterMap,
  type GroupId,
  type NodeName,
  type ShardRecord,
  successors,
  type Table,
  type TableId,
} from '../controller/index.ts';
import { compareHash, hashFromHex } from '../item/index.ts';

export interface Route {
  readonly shard: ShardRecord;
  readonly start: Hash64;
  /** Exclusive; undefined for the last shard of the table. */
  readonly end: Hash64 | undefined;
  /** It moves, splits or merges, and its successors may be served already. */
  readonly changes: boolean;
}

/** One map of the controller, arranged for looking up. Made once for each map. */
export class RoutingTable {
  readonly map: ClusterMap;
  readonly #tables = new Map<string, Table>();
  readonly #routes = new Map<TableId, readonly Route[]>();
  /** As they will be, for tables in which something is under way. */
  readonly #upcoming = new Map<TableId, readonly Route[]>();
  readonly #replicas = new Map<GroupId, readonly NodeName[]>();

  constructor(map: ClusterMap) {
    this.map = map;
    for (const table of map.tables) {
      this.#tables.set(table.spec.name, table);
      const routes = table.shards.map(routeOf);
      this.#routes.set(table.id, routes);
      if (!routes.some(({ changes }) => changes)) continue;
      this.#upcoming.set(table.id, successors(table.shards).map(routeOf));
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

  /** The same once everything is done that is under way. */
  upcoming(table: TableId): readonly Route[] {
    return this.#upcoming.get(table) ?? this.routes(table);
  }

  route(table: TableId, hash: Hash64): Route | undefined {
    return routeIn(this.routes(table), hash);
  }

  upcomingRoute(table: TableId, hash: Hash64): Route | undefined {
    return routeIn(this.upcoming(table), hash);
  }

  /** The nodes with a replica of the group, the one that should lead first. */
  replicas(group: GroupId): readonly NodeName[] {
    return this.#replicas.get(group) ?? [];
  }
}

function routeIn(routes: readonly Route[], hash: Hash64): Route | undefined {
  let low = 0;
  let high = routes.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (compareHash((routes[middle] as Route).start, hash) <= 0) low = middle;
    else high = middle - 1;
  }
  return routes[low];
}

function routeOf(shard: ShardRecord): Route {
  return {
    shard,
    start: hashFromHex(shard.hashStart),
    end: shard.hashEnd === '' ? undefined : hashFromHex(shard.hashEnd),
    changes: shard.movingTo !== 0 || shard.becomes !== undefined,
  };
}
