import { ByteWriter, utf8, utf8Text } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import {
  type ControllerCommand,
  type ControllerOutcome,
  decodeControllerCommand,
  encodeControllerOutcome,
} from './command.ts';
import { controllerReplicas, initialGroups, initialShards, replicaOn } from './placement.ts';
import type { ClusterMap, GroupRecord, ShardId, Table, TableId } from './types.ts';

// Keys of the controller's state; values are JSON. docs/on-disk.md has the whole table.
const HEAD_KEY = Uint8Array.of(0x01);
const TABLES = { from: Uint8Array.of(0x02), to: Uint8Array.of(0x03) };

function tableKey(id: TableId): Uint8Array {
  return new ByteWriter(5).u8(0x02).u32(id).take();
}

/** Everything but the tables, which have a record each. */
interface Head {
  readonly map: Omit<ClusterMap, 'tables'>;
  readonly nextReplica: number;
  readonly nextTable: TableId;
  readonly nextShard: ShardId;
}

const EMPTY: Head = {
  map: { number: 0, clusterId: '', nodes: [], groups: [] },
  nextReplica: 1,
  nextTable: 1,
  nextShard: 1,
};

/** What a command changes: a table in its new form, or with `undefined` its end. */
interface Change {
  readonly outcome: ControllerOutcome;
  readonly head?: Partial<Head>;
  readonly table?: { readonly id: TableId; readonly next: Table | undefined };
}

/** The state machine of the controller group: a pure function from map and command to the next map. */
export class ControllerMachine {
  #head: Head = EMPTY;
  #map: ClusterMap = { ...EMPTY.map, tables: [] };

  get map(): ClusterMap {
    return this.#map;
  }

  restore(state: Reader): void {
    const head = state.get(HEAD_KEY);
    this.#head = head ? (JSON.parse(utf8Text(head)) as Head) : EMPTY;
    const tables: Table[] = [];
    const cursor = state.range(TABLES);
    for (let pair = cursor.next(); pair; pair = cursor.next()) {
      tables.push(JSON.parse(utf8Text(pair.value)) as Table);
    }
    cursor.close();
    this.#map = { ...this.#head.map, tables };
  }

  /** Nothing is kept in memory alone. */
  cacheWrites(): readonly Write[] {
    return [];
  }

  apply(data: Uint8Array): { readonly writes: readonly Write[]; readonly result: Uint8Array } {
    const change = this.#decide(decodeControllerCommand(data));
    return { writes: this.#change(change), result: encodeControllerOutcome(change.outcome) };
  }

  #decide(command: ControllerCommand): Change {
    switch (command.kind) {
      case 'form':
        return this.#form(command);
      case 'create-table':
        return this.#createTable(command);
      case 'delete-table':
        return this.#deleteTable(command);
      case 'shard-serving':
        return this.#shardServing(command);
      case 'shard-gone':
        return this.#shardGone(command);
      case 'move-replica':
        return this.#moveReplica(command);
      case 'members-settled':
        return this.#membersSettled(command);
    }
  }

  #form({ clusterId, nodes }: ControllerCommand & { kind: 'form' }): Change {
    if (this.#map.number > 0) return DONE;
    const firstReplica = controllerReplicas(nodes).length + 1;
    const groups = initialGroups(nodes, firstReplica);
    const replicas = groups.reduce((sum, group) => sum + group.replicas.length, 0);
    return {
      ...DONE,
      head: {
        map: { number: 0, clusterId, nodes, groups },
        nextReplica: firstReplica + replicas,
      },
    };
  }

  #createTable({ spec, uuid, createdAt }: ControllerCommand & { kind: 'create-table' }): Change {
    const existing = this.#byName(spec.name);
    if (existing) {
      const outcome: ControllerOutcome =
        existing.uuid === uuid ? { kind: 'created', table: existing } : { kind: 'exists' };
      return { outcome };
    }
    const { nextTable, nextShard } = this.#head;
    const shards = initialShards(this.#map.groups, this.#map.tables, nextShard);
    const table: Table = {
      id: nextTable,
      spec,
      status: 'CREATING',
      createdAt,
      uuid,
      deletion: '',
      shards,
    };
    return {
      outcome: { kind: 'created', table },
      head: { nextTable: nextTable + 1, nextShard: nextShard + shards.length },
      table: { id: table.id, next: table },
    };
  }

  #deleteTable({ table: id, deletion }: ControllerCommand & { kind: 'delete-table' }): Change {
    const table = this.#map.tables.find((other) => other.id === id);
    if (!table) return { outcome: { kind: 'no-table' } };
    if (table.status === 'DELETING' && table.deletion === deletion) {
      return { outcome: { kind: 'deleting', table } };
    }
    if (table.status !== 'ACTIVE') return { outcome: { kind: 'busy', table } };
    if (table.spec.deletionProtection) return { outcome: { kind: 'protected', table } };
    const next: Table = { ...table, status: 'DELETING', deletion };
    return { outcome: { kind: 'deleting', table: next }, table: { id: table.id, next } };
  }

  #shardServing({ shard, epoch }: ControllerCommand & { kind: 'shard-serving' }): Change {
    const table = this.#ofShard(shard);
    const record = table?.shards.find(({ id }) => id === shard);
    if (!table || record?.epoch !== epoch || record.state === 'serving') return DONE;
    const shards = table.shards.map((other) =>
      other.id === shard ? ({ ...other, state: 'serving' } as const) : other,
    );
    const ready = table.status === 'CREATING' && shards.every(({ state }) => state === 'serving');
    const next: Table = { ...table, shards, status: ready ? 'ACTIVE' : table.status };
    return { ...DONE, table: { id: table.id, next } };
  }

  #shardGone({ shard }: ControllerCommand & { kind: 'shard-gone' }): Change {
    const table = this.#ofShard(shard);
    if (table?.status !== 'DELETING') return DONE;
    const shards = table.shards.filter(({ id }) => id !== shard);
    const next = shards.length > 0 ? { ...table, shards } : undefined;
    return { ...DONE, table: { id: table.id, next } };
  }

  #moveReplica({ group: id, from, to }: ControllerCommand & { kind: 'move-replica' }): Change {
    const group = this.#map.groups.find((other) => other.id === id);
    const node = this.#map.nodes.find(({ name }) => name === to);
    if (!group || !node) return refused(`there is no ${group ? `node ${to}` : `group ${id}`}`);
    const has = (name: string) => group.replicas.some((replica) => replica.node === name);
    if (!has(from) && has(to)) return DONE;
    if (!has(from)) return refused(`group ${id} has no replica on ${from}`);
    if (has(to)) return refused(`group ${id} has a replica on ${to} already`);
    if (group.leaving.length > 0) return refused(`a replica of group ${id} is moving`);
    const { nextReplica } = this.#head;
    const added = replicaOn(node, nextReplica);
    const next: GroupRecord = {
      ...group,
      replicas: group.replicas.map((replica) => (replica.node === from ? added : replica)),
      leaving: group.replicas.filter((replica) => replica.node === from),
    };
    return { ...DONE, head: { map: this.#withGroup(next), nextReplica: nextReplica + 1 } };
  }

  #membersSettled(command: ControllerCommand & { kind: 'members-settled' }): Change {
    const group = this.#map.groups.find((other) => other.id === command.group);
    const wanted = group?.replicas.map(({ replica }) => replica) ?? [];
    const isIt =
      wanted.length === command.replicas.length &&
      wanted.every((id) => command.replicas.includes(id));
    if (!group || group.leaving.length === 0 || !isIt) return DONE;
    return { ...DONE, head: { map: this.#withGroup({ ...group, leaving: [] }) } };
  }

  #withGroup(next: GroupRecord): Head['map'] {
    const { map } = this.#head;
    return { ...map, groups: map.groups.map((group) => (group.id === next.id ? next : group)) };
  }

  #byName(name: string): Table | undefined {
    return this.#map.tables.find(({ spec }) => spec.name === name);
  }

  #ofShard(shard: ShardId): Table | undefined {
    return this.#map.tables.find(({ shards }) => shards.some(({ id }) => id === shard));
  }

  #change({ head, table }: Change): Write[] {
    if (!head && !table) return [];
    const map = head?.map ?? this.#head.map;
    const number = this.#map.number + 1;
    this.#head = { ...this.#head, ...head, map: { ...map, number } };
    const tables = this.#map.tables.filter(({ id }) => id !== table?.id);
    if (table?.next) tables.push(table.next);
    tables.sort((a, b) => a.id - b.id);
    this.#map = { ...this.#head.map, tables };

    const writes: Write[] = [{ key: HEAD_KEY, value: json(this.#head) }];
    if (table) writes.push({ key: tableKey(table.id), value: table.next && json(table.next) });
    return writes;
  }
}

const DONE: Change = { outcome: { kind: 'done' } };

function refused(reason: string): Change {
  return { outcome: { kind: 'refused', reason } };
}

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}
