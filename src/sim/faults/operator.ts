import {
  type ControllerCommand,
  type ControllerOutcome,
  type GroupId,
  type NodeName,
  type OperatorRequest,
  REPLICAS,
} from '../../controller/index.ts';
import { majority } from '../../raft/index.ts';
import { ControllerClient } from '../../router/index.ts';
import type { Chronicle } from '../chronicle.ts';
import type { Machine } from '../machine.ts';
import type { SimRandom } from '../random.ts';
import type { World } from '../world.ts';

/** When something has to be asked for again, in milliseconds. */
const AGAIN_MS = [100, 1_000] as const;
/** Longer than the controller is asked: then the node has died with the question. Milliseconds. */
const TIMEOUT_MS = 9_000;
const LOOK_MS = 100;
/** How long a machine runs on after its node was removed. Milliseconds. */
const LINGER_MS = [0, 8_000] as const;

/** What an operator has brought to its end. */
export type OperatorDeed =
  | 'a node joined'
  | 'a drained node was removed'
  | 'a lost node was replaced';

/**
 * Who brings machines to a cluster and takes them away, one thing at a time, and goes on asking for it until it is done, whatever
 * else happens.
 */
export class Operator {
  readonly counts = new Map<OperatorDeed, number>();
  readonly #world: World;
  readonly #random: SimRandom;
  readonly #chronicle: Chronicle;
  readonly #replaceAfterMs: number;
  #newMachines: number;
  #requests = 0;
  #tasks = 0;
  /** Requests to leave that are still on their way, or may be. */
  #leaves = 0;
  #isReplacing = false;
  #draining: NodeName | undefined;

  /** `newMachines`: how many it may bring. */
  constructor(
    world: World,
    random: SimRandom,
    chronicle: Chronicle,
    {
      newMachines,
      replaceAfterMs,
    }: { readonly newMachines: number; readonly replaceAfterMs: number },
  ) {
    this.#world = world;
    this.#random = random;
    this.#chronicle = chronicle;
    this.#newMachines = newMachines;
    this.#replaceAfterMs = replaceAfterMs;
  }

  get isIdle(): boolean {
    return this.#tasks === 0;
  }

  /** A machine is lost, and the cluster is not yet without it. */
  get isReplacing(): boolean {
    return this.#isReplacing;
  }

  /** A new machine joins. False when it can not be now, here and below. */
  bring(): boolean {
    if (!this.isIdle || this.#newMachines < 1) return false;
    this.#begin(async () => {
      const name = this.#newMachine();
      while (!this.#isMember(name)) await this.#sleep(LOOK_MS);
      this.#done('a node joined');
    });
    return true;
  }

  /** A node is emptied and removed, and its machine taken away, where enough others stay for all replicas of a group. */
  drain(name: string, damaged: string | undefined): boolean {
    if (!this.isIdle || !this.#isMember(name) || !this.#enoughStay(name, damaged)) return false;
    this.#draining = name;
    this.#begin(async () => {
      this.#chronicle.tell(`${name} is to be drained`);
      await this.#insist(() => ({ kind: 'drain-node', node: name }));
      await this.#remove(name);
      this.#draining = undefined;
      this.#done('a drained node was removed');
      await this.#sleep(this.#random.between(...LINGER_MS));
      this.#world.takeAway(name);
    });
    return true;
  }

  /** Without the machine a node that is being drained would wait for ever: a group needs all the others. */
  needs(name: string): boolean {
    return this.#draining !== undefined && !this.#enoughStay(this.#draining, name);
  }

  /** A machine is lost with its disk, where every group keeps its majority, and a new one comes in its place. */
  lose(name: string): boolean {
    if (!this.isIdle || this.#newMachines < 1 || !canDoWithout(this.#world, name)) return false;
    this.#replace(name);
    return true;
  }

  /** Groups take no part for a while, if that is heard at all. */
  leave(machine: Machine, groups: readonly GroupId[]): void {
    this.#leaves++;
    void this.request(machine, { kind: 'leave', groups }).finally(() => {
      this.#leaves--;
    });
  }

  /** Groups that left come back: shards have no home while none takes part, and a node with one of them is never empty. */
  rejoin(): void {
    this.#begin(async () => {
      // World 8379: what was asked before the end came after it, and a table had no group.
      while (this.#leaves > 0) await this.#sleep(LOOK_MS);
      // One that was there a moment ago may be gone.
      await this.#insist(() => {
        const groups = (this.#world.map?.groups ?? []).filter(
          ({ id, retiring }) => id > 0 && !retiring,
        );
        return { kind: 'join', groups: groups.map(({ id }) => ({ id, nodes: [] })) };
      });
    });
  }

  /** When all has come to rest: a machine whose disk did not keep what it took is replaced, and groups that left after all come back. */
  tidyUp(damaged: string | undefined): void {
    if (damaged !== undefined) this.#replace(damaged);
    this.rejoin();
  }

  /** Asks the controller through a node, which may die: then there is no answer. Undefined, too, when the controller gave none. */
  ask(machine: Machine, command: ControllerCommand): Promise<ControllerOutcome | undefined> {
    const { node, process, isRunning } = machine;
    if (!node || !process || !isRunning) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timeout = this.#world.time.after(TIMEOUT_MS, () => resolve(undefined));
      process.schedule('io', 0, () => {
        const client = new ControllerClient(node, process.clock, this.#random, this.#world.buggify);
        client.command(command).then(
          (outcome) => {
            timeout.cancel();
            resolve(outcome);
          },
          (error: unknown) => process.fail(error),
        );
      });
    });
  }

  /** As administration sends it: every request has a token of its own. */
  request(machine: Machine, command: OperatorRequest): Promise<ControllerOutcome | undefined> {
    return this.ask(machine, { ...command, request: `request ${++this.#requests}` });
  }

  #begin(task: () => Promise<void>): void {
    this.#tasks++;
    void task().finally(() => {
      this.#tasks--;
    });
  }

  #replace(lost: string): void {
    this.#isReplacing = true;
    this.#world.takeAway(lost);
    this.#chronicle.tell(`${lost} is lost for good`);
    this.#begin(async () => {
      await this.#sleep(this.#random.between(0, 2 * this.#replaceAfterMs));
      this.#newMachine();
      await this.#remove(lost);
      this.#isReplacing = false;
      this.#done('a lost node was replaced');
    });
  }

  #newMachine(): string {
    this.#newMachines--;
    const { name } = this.#world.add();
    this.#chronicle.tell(`${name} is new, and is to join`);
    this.#world.launch(name);
    return name;
  }

  /** Refused for as long as it holds a replica. */
  async #remove(name: NodeName): Promise<void> {
    await this.#insist(() => ({ kind: 'remove-node', node: name }));
    this.#chronicle.tell(`${name} is removed`);
  }

  /** Asks one node after the other for what `command` says then, until one of them says that it is done. */
  async #insist(command: () => OperatorRequest): Promise<void> {
    for (;;) {
      const outcome = await this.request(this.#random.pick(this.#world.machines), command());
      if (outcome?.kind === 'done') return;
      await this.#sleep(this.#random.between(...AGAIN_MS));
    }
  }

  #enoughStay(going: NodeName, damaged: NodeName | undefined): boolean {
    const nodes = this.#world.map?.nodes ?? [];
    return nodes.filter(({ name }) => name !== going && name !== damaged).length >= REPLICAS;
  }

  #isMember(name: NodeName): boolean {
    return this.#world.map?.nodes.some((node) => node.name === name) ?? false;
  }

  #done(deed: OperatorDeed): void {
    this.counts.set(deed, (this.counts.get(deed) ?? 0) + 1);
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.time.after(delayMs, resolve));
  }
}

/** Every group has a majority without the machine, in each configuration that anybody goes by. */
export function canDoWithout({ machines, map }: World, name: string): boolean {
  const groups = map?.groups ?? [];
  return (
    groups.length > 0 &&
    groups.every(({ id }) => {
      const configs = machines.flatMap(({ created }) => {
        const replica = created?.replicas.get(id);
        if (!replica) return [];
        const lost = created?.replicas.replicaOn(id, name);
        const { incoming, outgoing } = replica.raft.config;
        return [incoming, outgoing]
          .filter((voters) => voters.length > 0)
          .map((voters) => ({ voters, rest: voters.filter((voter) => voter.id !== lost) }));
      });
      return (
        configs.length > 0 && configs.every(({ voters, rest }) => rest.length >= majority(voters))
      );
    })
  );
}
