import { ByteReader, ByteWriter } from '../../../src/bytes/index.ts';
import type { Replica } from '../../../src/group/index.ts';
import { DataService } from '../../../src/node/data-service.ts';
import type { Clock } from '../../../src/ports/index.ts';
import {
  DataMachine,
  encodeCommand,
  type GroupReply,
  type GroupRequest,
  readGroupReply,
  readGroupRequest,
  writeGroupReply,
  writeGroupRequest,
} from '../../../src/store/index.ts';
import type { Service } from '../group/cluster.ts';

/** The one shard, which has every key. */
export const SHARD = {
  shard: 1,
  table: 1,
  epoch: 1,
  config: 1,
  hashStart: '0000000000000000',
  hashEnd: '',
};

export function nameOf(server: number): string {
  return `s${server}`;
}

/** What a node runs on its replica of a data group: the state machine of store/, and the service that routers ask. */
export class KvService implements Service {
  readonly machine = new DataMachine();
  #service: DataService | undefined;
  #isInstalling = false;

  /**
   * The first leader makes the group serve its shard, as a node's shard keeper would: a leader that takes no proposals at first tries
   * again when it is asked for something.
   */
  onLeading(replica: Replica): void {
    if (this.machine.shard(SHARD.shard) || this.#isInstalling) return;
    this.#isInstalling = true;
    replica.propose(encodeCommand({ kind: 'install-shard', ...SHARD }), () => {
      this.#isInstalling = false;
    });
  }

  /** Nothing is shared by reference (§2). */
  handle(
    replica: Replica,
    clock: Clock,
    request: GroupRequest,
    reply: (reply: GroupReply) => void,
  ): void {
    if (replica.isLeader) this.onLeading(replica);
    this.#service ??= new DataService(
      {
        data: () => ({ replica, machine: this.machine }),
        nodeOf: (_, id) => (id > 0 ? nameOf(id - 1) : undefined),
      },
      clock,
    );
    this.#service.handle(copyOf(request), (answer) => reply(copyOfReply(answer)));
  }

  /** Of everything that a snapshot would hold: keys and values. */
  snapshotBytes({ state }: Replica): number {
    state.complete(this.machine.cacheWrites(state));
    const view = state.view();
    const cursor = view.all();
    let bytes = 0;
    for (let pair = cursor.next(); pair; pair = cursor.next()) {
      bytes += pair.key.length + pair.value.length;
    }
    cursor.close();
    view.close();
    return bytes;
  }
}

function copyOf(request: GroupRequest): GroupRequest {
  const writer = new ByteWriter();
  writeGroupRequest(writer, request);
  return readGroupRequest(new ByteReader(writer.take()));
}

function copyOfReply(reply: GroupReply): GroupReply {
  const writer = new ByteWriter();
  writeGroupReply(writer, reply);
  return readGroupReply(new ByteReader(writer.take()));
}
