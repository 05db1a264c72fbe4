import { ByteWriter, crc32c, utf8, utf8Text } from '../bytes/index.ts';
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
import { changesBetween, EMPTY_MAP, type RecordChanges } from './map-changes.ts';
import { form, membersSettled, moveReplica, renewReplicas } from './members.ts';
import { addNode, drainNode, forgetNodes, removeNode } from './nodes.ts';
import { mergeShards, shardReshaped, splitShard } from './resharding.ts';
import { place, stateAfter } from './steps.ts';
import type { ClusterMap, ConfigNumber, Configuration, GroupRecord, Table } from './types.ts';

// Keys of the controller's state; values are JSON. docs/on-disk.md has the whole table.
const HEAD_KEY = Uint8Array.of(0x01);
const TABLE = 0x02;
const GROUP = 0x05;

function recordKey(space: number, id: number): Uint8Array {
  return new ByteWriter(5).u8(space).u32(id).take();
}

/** Everything but the groups and the tables, which have a record each. */
interface Head extends Omit<ControllerState, 'map'> {
  readonly map: Omit<ClusterMap, 'groups' | 'tables'> & {
    /** In states of builds before groups had records: all of them. */
    readonly groups?: readonly GroupRecord[];
  };
}

const EMPTY: ControllerState = {
  map: EMPTY_MAP,
  nextReplica: 1,
  nextTable: 1,
  nextShard: 1,
  nextGroup: 1,
};

/** The state machine of the controller group: a pure function from map and command to the next map. */
export class ControllerMachine {
  #state: ControllerState = EMPTY;
  #hasGroupRecords = true;
  readonly #history = new History();
  readonly #answers = new Answers();

  get map(): ClusterMap {
    return this.#state.map;
  }

  restore(state: Reader): void {
    const value = state.get(HEAD_KEY);
    if (value) {
      const { map: known, ...ids } = JSON.parse(utf8Text(value)) as Head;
      // States of earlier builds have none.
      const map = { ...known, digest: known.digest ?? 0 };
      this.#hasGroupRecords = !map.groups;
      const groups = map.groups ?? records<GroupRecord>(state, GROUP);
      this.#state = { ...ids, map: { ...map, groups, tables: records<Table>(state, TABLE) } };
    } else {
      this.#hasGroupRecords = true;
      this.#state = EMPTY;
    }
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
    const change = decide(this.#state, command);
    const writes = [
      ...this.#change(change, data),
      ...this.#answers.remember(command, change.outcome),
    ];
    return { writes, result: encodeControllerOutcome(change.outcome) };
  }

  /** Of a command that came before. */
  #answered(command: ControllerCommand): ControllerOutcome | undefined {
    const isThere =
      command.kind === 'create-table' && this.map.tables.some(({ uuid }) => uuid === command.uuid);
    return isThere ? undefined : this.#answers.get(command);
  }

  #change(change: Change, command: Uint8Array): Write[] {
    if (!change.head && !change.tables?.length) return [];
    const before = this.map;
    const { map, ...ids } = stateAfter(this.#state, change);
    const number = before.number + 1 + (change.skips ?? 0);
    const after = { ...map, number, digest: crc32c(command, before.digest) };
    this.#state = { ...ids, map: after };

    const { groups, tables } = changesBetween(
      this.#hasGroupRecords ? before : { ...before, groups: [] },
      after,
    );
    this.#hasGroupRecords = true;
    const { digest, clusterId, nodes, removed } = after;
    const head: Head = { ...ids, map: { number, digest, clusterId, nodes, removed } };
    return [
      { key: HEAD_KEY, value: json(head) },
      ...recordWrites(TABLE, tables),
      ...recordWrites(GROUP, groups),
      ...this.#history.record(before, after),
    ];
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

/** In the order of their ids. */
function records<T>(state: Reader, space: number): T[] {
  const found: T[] = [];
  const cursor = state.range({ from: Uint8Array.of(space), to: Uint8Array.of(space + 1) });
  for (let pair = cursor.next(); pair; pair = cursor.next()) {
    found.push(JSON.parse(utf8Text(pair.value)) as T);
  }
  cursor.close();
  return found;
}

function recordWrites<T extends { readonly id: number }>(
  space: number,
  { changed, gone }: RecordChanges<T>,
): Write[] {
  return [
    ...changed.map((record) => ({ key: recordKey(space, record.id), value: json(record) })),
    ...gone.map((id) => ({ key: recordKey(space, id), value: undefined })),
  ];
}

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}
