import {
  type ConfigNumber,
  type Configuration,
  type ControllerCommand,
  ControllerMachine,
  type ControllerOutcome,
  decodeControllerOutcome,
  encodeControllerCommand,
  type NodeRecord,
  type ShardRecord,
  type Table,
} from '../../src/controller/index.ts';
import { MemoryEngine, openReplicaStates, type ReplicaState } from '../../src/engine/index.ts';
import { specOf } from '../support/world.ts';

/** A replica of the controller by itself: what is applied is in its state. */
export class TestController {
  readonly machine = new ControllerMachine();
  readonly state: ReplicaState;

  constructor(state: ReplicaState) {
    this.state = state;
    this.machine.restore(state);
  }

  static async open(engine = new MemoryEngine()): Promise<TestController> {
    return new TestController(await openReplicaStates(engine).open(1));
  }

  apply(command: ControllerCommand): ControllerOutcome {
    const { writes, result } = this.machine.apply(encodeControllerCommand(command));
    this.state.apply(this.state.appliedIndex + 1, 1, writes);
    return decodeControllerOutcome(result);
  }

  create(name: string, uuid = `uuid of ${name}`): ControllerOutcome {
    return this.apply({ kind: 'create-table', spec: specOf(name), uuid, createdAt: 1 });
  }

  table(name: string): Table {
    const table = this.machine.map.tables.find(({ spec }) => spec.name === name);
    if (!table) throw new Error(`no table ${name}`);
    return table;
  }

  /** Or why there is none. */
  configuration(number: ConfigNumber): Configuration | string {
    return this.machine.configuration(number, this.state);
  }

  /** Of all tables. */
  get shards(): readonly ShardRecord[] {
    return this.machine.map.tables.flatMap(({ shards }) => shards);
  }

  shard(id: number): ShardRecord {
    const shard = this.shards.find((other) => other.id === id);
    if (!shard) throw new Error(`no shard ${id}`);
    return shard;
  }

  /** The group that fetches the shard has it. */
  arrive(id: number): ControllerOutcome {
    return this.apply({ kind: 'shard-moved', shard: id, epoch: this.shard(id).epoch + 1 });
  }

  serve(name: string): void {
    for (const { id, epoch } of this.table(name).shards) {
      this.apply({ kind: 'shard-serving', shard: id, epoch });
    }
  }

  remove(name: string): void {
    this.apply({ kind: 'delete-table', table: this.table(name).id, deletion: 'd' });
    for (const { id } of this.table(name).shards) this.apply({ kind: 'shard-gone', shard: id });
  }
}

/** n1, n2, … */
export function nodes(count: number): NodeRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `n${i + 1}`,
    incarnation: `i${i + 1}`,
    http: `n${i + 1}:80`,
    peer: `n${i + 1}:70`,
    zone: '',
  }));
}

/** With a group for each node. */
export async function formed(count = 3): Promise<TestController> {
  const controller = await TestController.open();
  controller.apply({ kind: 'form', clusterId: 'aa', nodes: nodes(count) });
  return controller;
}
