import {
  ControllerMachine,
  type ControllerReply,
  type ControllerRequest,
  encodeControllerCommand,
  type NodeRecord,
} from '../../../src/controller/index.ts';
import type { Replica } from '../../../src/group/index.ts';
import { ControllerService } from '../../../src/node/controller-service.ts';
import type { Clock } from '../../../src/ports/index.ts';
import type { Service } from '../group/cluster.ts';

/** The three that hold the controller's replicas. */
const CONTROLLERS = ['s0', 's1', 's2'];
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];

/** Every node that there is: the controller's, and those that groups are made of, named by letters. */
export const NODES: readonly NodeRecord[] = [...CONTROLLERS, ...LETTERS].map((name) => ({
  name,
  incarnation: name,
  http: '',
  peer: '',
  zone: '',
}));

/** The servers of a group, any that are there. */
export function serversOf(group: number, count = 3): string[] {
  return Array.from(
    { length: count },
    (_, i) => LETTERS[(group + 9 * i) % LETTERS.length] as string,
  );
}

/** What a node runs on its replica of the controller: the state machine, and the service that everybody asks. */
export class ControllerHost implements Service {
  readonly machine = new ControllerMachine();
  #service: ControllerService | undefined;
  #isForming = false;

  /** The first leader forms a cluster without groups. One that takes no proposals at first tries again when it is asked. */
  onLeading(replica: Replica): void {
    if (this.machine.map.number > 0 || this.#isForming) return;
    this.#isForming = true;
    const form = { kind: 'form', clusterId: 'mit', nodes: NODES, groups: 0 } as const;
    replica.propose(encodeControllerCommand(form), () => {
      this.#isForming = false;
    });
  }

  /** Nothing is shared by reference (§2). */
  handle(
    replica: Replica,
    clock: Clock,
    request: ControllerRequest,
    reply: (reply: ControllerReply) => void,
  ): void {
    if (replica.isLeader) this.onLeading(replica);
    this.#service ??= new ControllerService(
      {
        controller: { replica, machine: this.machine },
        nodeOf: (_, id) => CONTROLLERS[id - 1],
      },
      clock,
    );
    this.#service.handle(structuredClone(request), (answer) => reply(structuredClone(answer)));
  }
}
