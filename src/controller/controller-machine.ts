import { ByteWriter, utf8, utf8Text } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import { Answers } from './answers.ts';
import { join, leave, moveShard, shardMoved } from './assignment.ts';
import { createTable, deleteTable, shardGone, shardServing } from './catalogue.ts';
import type { Change, ControllerState } from './change.ts';
import {
  type ControllerCommand,
  type ControllerOutcome,
  decodeControllerCommand,
  encodeControllerOutcome,
} from './command.ts';
import { History } from './history.ts';
import { form, membersSettled, moveReplica, renewReplicas } from './members.ts';
import { addNode, drainNode, forgetNodes, removeNode } from './nodes.ts';
import { mergeShards, shardReshaped, splitShard } from './resharding.ts';
import { place } from './steps.ts';
import type { ClusterMap, ConfigNumber, Configuration, Table, TableId } from './types.ts';

// Keys of the controller's state; values are JSON. docs/on-disk.md has the whole table.
const HEAD_KEY = Uint8Array.of(0x01);
const TABLES = { from: Uint8Array.of(0x02), to: Uint8Array.of(0x03) };

function tableKey(id: TableId): Uint8Array {
  return new ByteWriter(5).u8(0x02).u32(id).take();
}

/** Everything but the tables, which have a record each. */
interface Head extends Omit<ControllerState, 'map'> {
  readonly map: Omit<ClusterMap, 'tables'>;
}

const EMPTY: Head = {
  map: { number: 0, clusterId: '', nodes: [], removed: [], groups: [] },
  nextReplica: 1,
  nextTable: 1,
  nextShard: 1,
  nextGroup: 1,
};

/** The state machine of the controller group: a pure function from map and command to the next map. */
export class ControllerMachine {
  #head: Head = EMPTY;
  #map: ClusterMap = { ...EMPTY.map, tables: [] };
  readonly #history = new History();
  readonly #answers = new Answers();

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
    this.#history.restore(state);
    this.#answers.restore(state);
  }

  /** See `History.find`; `state` is the one that this machine has applied to. */
  configuration(number: ConfigNumber, state: Reader): Configuration | string {
    return this.#history.find(number, state);
  }

  /** Nothing is kept in memory alone. */
  cacheWrites(): readonly Write[] {
    return [];
  }

  apply(data: Uint8Array): { readonly writes: readonly Write[]; readonly result: Uint8Array } {
    const command = decodeControllerCommand(data);
    const answered = this.#answered(command);
    if (answered) return { writes: [], result: encodeControllerOutcome(answered) };
    const change = decide({ ...this.#head, map: this.#map }, command);
    const writes = [...this.#change(change), ...this.#answers.remember(command, change.outcome)];
    return { writes, result: encodeControllerOutcome(change.outcome) };
  }

  /** Of a command that came before. */
  #answered(command: ControllerCommand): ControllerOutcome | undefined {
    const isThere =
      command.kind === 'create-table' && this.#map.tables.some(({ uuid }) => uuid === command.uuid);
    return isThere ? undefined : this.#answers.get(command);
  }

  #change({ head, tables: changed = [] }: Change): Write[] {
    if (!head && changed.length === 0) return [];
    const { clusterId, nodes, removed, groups } = head?.map ?? this.#head.map;
    const before = this.#map;
    const number = before.number + 1;
    this.#head = { ...this.#head, ...head, map: { number, clusterId, nodes, removed, groups } };
    const tables = before.tables.filter(({ id }) => changed.every((other) => other.id !== id));
    for (const { next } of changed) if (next) tables.push(next);
    tables.sort((a, b) => a.id - b.id);
    this.#map = { ...this.#head.map, tables };

    const writes: Write[] = [{ key: HEAD_KEY, value: json(this.#head) }];
    for (const { id, next } of changed) {
      writes.push({ key: tableKey(id), value: next && json(next) });
    }
    return [...writes, ...this.#history.record(before, this.#map)];
  }
}

function decide(state: ControllerState, command: ControllerCommand): Change {
  switch (command.kind) {
    case 'form':
      return form(state, command);
    case 'create-table':
      return createTable(state, command);
    case 'delete-table':
      return deleteTable(state, command);
    case 'shard-serving':
      return shardServing(state, command);
    case 'shard-gone':
      return shardGone(state, command);
    case 'join':
      return join(state, command);
    case 'leave':
      return leave(state, command);
    case 'move-shard':
      return moveShard(state, command);
    case 'shard-moved':
      return shardMoved(state, command);
    case 'split-shard':
      return splitShard(state, command);
    case 'merge-shards':
      return mergeShards(state, command);
    case 'shard-reshaped':
      return shardReshaped(state, command);
    case 'move-replica':
      return moveReplica(state, command);
    case 'renew-replicas':
      return renewReplicas(state, command);
    case 'members-settled':
      return membersSettled(state, command);
    case 'add-node':
      return addNode(state, command);
    case 'drain-node':
      return drainNode(state, command);
    case 'remove-node':
      return removeNode(state, command);
    case 'forget-nodes':
      return forgetNodes(state, command);
    case 'place':
      return place(state, command);
  }
}

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}
