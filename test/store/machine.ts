import { toHex, utf8Text } from '../../src/bytes/index.ts';
import { MemoryEngine, openReplicaStates, type ReplicaState } from '../../src/engine/index.ts';
import { storageKey } from '../../src/item/index.ts';
import {
  type CommandResult,
  type DataCommand,
  DataMachine,
  decodeResult,
  encodeCommand,
  type MachineLimits,
  stampCommand,
  type WriteCommand,
} from '../../src/store/index.ts';
import { addOf, keyOf, putOf } from '../support/world.ts';

/** A state machine with a state, as a replica drives the two. */
export class TestReplica {
  readonly machine: DataMachine;
  readonly state: ReplicaState;

  readonly #engine: MemoryEngine;
  readonly #limits: MachineLimits | undefined;

  private constructor(engine: MemoryEngine, state: ReplicaState, limits?: MachineLimits) {
    this.machine = new DataMachine(limits);
    this.#limits = limits;
    this.#engine = engine;
    this.state = state;
  }

  static async open(limits?: MachineLimits, engine = new MemoryEngine()): Promise<TestReplica> {
    const state = await openReplicaStates(engine).open(1);
    const replica = new TestReplica(engine, state, limits);
    replica.machine.restore(replica.state);
    return replica;
  }

  apply(sessionTime: number, command: DataCommand): CommandResult {
    return decodeResult(this.applyBytes(sessionTime, encodeCommand(command)));
  }

  applyBytes(sessionTime: number, bytes: Uint8Array): Uint8Array {
    stampCommand(bytes, sessionTime);
    const { writes, result } = this.machine.apply(bytes, this.state);
    this.state.apply(this.state.appliedIndex + 1, 1, writes);
    return result;
  }

  /** Flushes, and starts again from what the engine has. */
  async restart(): Promise<TestReplica> {
    await this.flush();
    return TestReplica.open(this.#limits, this.#engine.crash());
  }

  /** Makes everything durable, what the machine keeps in memory included. */
  async flush(): Promise<void> {
    await this.state.flush({ extra: () => this.machine.cacheWrites(this.state) });
  }
}

export const WHOLE = { hashStart: '0000000000000000', hashEnd: '' };

export function install(shard = 1, more = {}): DataCommand {
  return { kind: 'install-shard', shard, table: 1, epoch: 1, config: 1, ...WHOLE, ...more };
}

export function write(
  router: number,
  sequence: number,
  key: string,
  more: Partial<WriteCommand> = {},
): WriteCommand {
  return {
    kind: 'write',
    router,
    sequence,
    lowestUnanswered: sequence,
    deadline: 10_000,
    shard: 1,
    epoch: 1,
    retry: undefined,
    key: storageKey(1, keyOf(key)),
    operation: addOf(key),
    ...more,
  };
}

export function putting(router: number, sequence: number, key: string, v: string): WriteCommand {
  return write(router, sequence, key, { operation: putOf(key, v) });
}

/** The counter that the result of an addition tells; otherwise its kind. */
export function counted(result: CommandResult): number | string {
  if (result.kind !== 'done' || result.outcome?.kind !== 'written') return result.kind;
  return Number(JSON.parse(utf8Text(result.outcome.attributes as Uint8Array)).n.N);
}

/** Everything in the state. */
export function contentOf({ state }: TestReplica): [string, string][] {
  const view = state.view();
  const pairs: [string, string][] = [];
  const cursor = view.all();
  for (let pair = cursor.next(); pair; pair = cursor.next()) {
    pairs.push([toHex(pair.key), toHex(pair.value)]);
  }
  cursor.close();
  view.close();
  return pairs;
}
