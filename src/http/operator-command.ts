import { utf8Text } from '../bytes/index.ts';
import {
  type GroupId,
  type NodeName,
  OPERATOR_KINDS,
  type OperatorRequest,
} from '../controller/index.ts';

/** What operators may ask for; the controller's other commands are between nodes. */
export type OperatorCommand =
  | OperatorRequest
  /** Go on without nodes that are lost for good, and, with `loseData`, without what only they had. */
  | {
      readonly kind: 'forget-nodes';
      readonly nodes: readonly NodeName[];
      readonly loseData: boolean;
    };

const KINDS: readonly OperatorCommand['kind'][] = [...OPERATOR_KINDS, 'forget-nodes'];
const ID_MAX = 0xffff_ffff;
const GROUPS_MAX = 1_000;
const HASH = /^[0-9a-f]{16}$/;
/** As the command line takes them. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/** The command in a body of JSON, with no more in it than belongs there; or in one line what is wrong with it. */
export function readOperatorCommand(body: Uint8Array): OperatorCommand | string {
  let value: unknown;
  try {
    value = JSON.parse(utf8Text(body));
  } catch {
    return 'the body is not JSON';
  }
  if (!isRecord(value)) return 'the body is not an object';
  switch (value['kind']) {
    case 'join':
      return readJoin(value['groups']);
    case 'leave':
      return isListOf(value['groups'], isId)
        ? { kind: 'leave', groups: value['groups'] }
        : 'leave needs groups: a list of their numbers';
    case 'move-shard':
      return isId(value['shard']) && isId(value['to'])
        ? { kind: 'move-shard', shard: value['shard'], to: value['to'] }
        : 'move-shard needs shard and to: two numbers';
    case 'split-shard':
      return readSplit(value['shard'], value['at']);
    case 'merge-shards':
      return isId(value['shard']) && isId(value['next'])
        ? { kind: 'merge-shards', shard: value['shard'], next: value['next'] }
        : 'merge-shards needs shard and next: two numbers';
    case 'drain-node':
    case 'remove-node':
      return isNodeName(value['node'])
        ? { kind: value['kind'], node: value['node'] }
        : `${value['kind']} needs node: its name`;
    case 'forget-nodes':
      return isListOf(value['nodes'], isNodeName)
        ? { kind: 'forget-nodes', nodes: value['nodes'], loseData: value['loseData'] === true }
        : 'forget-nodes needs nodes: a list of their names';
    default:
      return `kind must be ${KINDS.slice(0, -1).join(', ')} or ${KINDS.at(-1)}`;
  }
}

function readSplit(shard: unknown, at: unknown): OperatorCommand | string {
  if (!isId(shard)) return 'split-shard needs shard: a number';
  if (at === undefined) return { kind: 'split-shard', shard };
  return typeof at === 'string' && HASH.test(at)
    ? { kind: 'split-shard', shard, at }
    : 'split-shard takes at: a hash, 16 hex digits in lower case';
}

function readJoin(groups: unknown): OperatorCommand | string {
  if (!isListOf(groups, isRecord)) return 'join needs groups: a list of {id, nodes}';
  const read: { id: GroupId; nodes: readonly string[] }[] = [];
  for (const { id, nodes = [] } of groups) {
    if (!isId(id)) return 'join needs the id of each group: a number';
    if (!(Array.isArray(nodes) && nodes.every(isNodeName))) {
      return `join needs the nodes of group ${id}: a list of their names`;
    }
    read.push({ id, nodes });
  }
  return { kind: 'join', groups: read };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] {
  return (
    Array.isArray(value) && value.length > 0 && value.length <= GROUPS_MAX && value.every(isOne)
  );
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= ID_MAX;
}

function isNodeName(value: unknown): value is string {
  return typeof value === 'string' && NODE_NAME.test(value);
}
