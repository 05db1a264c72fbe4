import {
  type ClusterMap,
  type ControllerReply,
  type ControllerRequest,
  type NodeName,
  newGroup,
  type Table,
} from '../../src/controller/index.ts';
import { nodeHost } from '../../src/platform/index.ts';
import { type Cluster, Router } from '../../src/router/index.ts';
import { SimRandom, VirtualTime } from '../../src/sim/index.ts';
import {
  type CommandResult,
  decodeCommand,
  encodeResult,
  type GroupReply,
  type GroupRequest,
  type WriteCommand,
} from '../../src/store/index.ts';
import { specOf } from '../support/world.ts';

export const WRITTEN = {
  kind: 'written',
  attributes: undefined,
  sizeBefore: 0,
  sizeAfter: 1,
} as const;

export function mapOf(number: number, tables: readonly Table[]): ClusterMap {
  const names = ['n1', 'n2', 'n3'];
  return {
    number,
    digest: number,
    clusterId: 'aa',
    nodes: names.map((name) => ({
      name,
      incarnation: name,
      http: '',
      peer: '',
      zone: '',
      draining: false,
      group: 0,
    })),
    removed: [],
    groups: [0, 1, 2, 3].map((id) =>
      newGroup(
        id,
        names.map((node, i) => ({ replica: 10 * id + i, node, incarnation: node })),
      ),
    ),
    tables,
  };
}

/** A table in four shards on groups 1, 2, 3 and 1. */
export function tableOf(id: number, more: Partial<Table> = {}): Table {
  const starts = ['0000000000000000', '4000000000000000', '8000000000000000', 'c000000000000000'];
  return {
    id,
    spec: specOf('t'),
    status: 'ACTIVE',
    createdAt: 0,
    uuid: `u${id}`,
    deletion: '',
    shards: starts.map((hashStart, i) => ({
      id: 100 * id + i,
      hashStart,
      hashEnd: starts[i + 1] ?? '',
      group: 1 + (i % 3),
      movingTo: 0,
      home: 1 + (i % 3),
      epoch: 1,
      state: 'serving',
      becomes: undefined,
      parents: [],
    })),
    ...more,
  };
}

export function done(sessionTime: number, more: Partial<CommandResult> = {}): GroupReply {
  const result = { kind: 'done', sessionTime, outcome: WRITTEN, ...more } as CommandResult;
  return { kind: 'result', result: encodeResult(result) };
}

/** The cluster as a script plays it, and everything that a router asked of it. */
export class FakeCluster implements Cluster {
  readonly self = 'n1';
  map: ClusterMap;
  readonly time = new VirtualTime(nodeHost());
  readonly asked: { readonly node: NodeName; readonly request: GroupRequest }[] = [];
  readonly controllerAsked: NodeName[] = [];
  leader: NodeName | undefined;
  onGroup: (node: NodeName, request: GroupRequest) => GroupReply | Promise<GroupReply>;
  onController: (node: NodeName, request: ControllerRequest) => ControllerReply;
  readonly router: Router;

  constructor(map: ClusterMap) {
    this.map = map;
    this.onGroup = () => ({ kind: 'unknown' });
    this.onController = () => ({ kind: 'map', map: this.map });
    const { clock } = this.time.process('router');
    this.router = new Router(this, clock, new SimRandom(1, 'router'));
  }

  learnMap(map: ClusterMap): void {
    if (map.number > this.map.number) this.map = map;
  }

  leaderOf(): NodeName | undefined {
    return this.leader;
  }

  async askGroup(node: NodeName, request: GroupRequest): Promise<GroupReply> {
    this.asked.push({ node, request });
    return this.onGroup(node, request);
  }

  async askController(node: NodeName, request: ControllerRequest): Promise<ControllerReply> {
    this.controllerAsked.push(node);
    return this.onController(node, request);
  }

  /** The commands of the writes so far. */
  get commands(): WriteCommand[] {
    return this.asked.flatMap(({ request }) => {
      if (request.kind !== 'write') return [];
      const { command } = decodeCommand(request.command);
      return command.kind === 'write' ? [command] : [];
    });
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.time.settle(promise, 20_000);
  }
}
