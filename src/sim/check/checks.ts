import { CONTROLLER_GROUP, type GroupId } from '../../controller/index.ts';
import type { Replica } from '../../group/index.ts';
import type { Node } from '../../node/index.ts';
import type { Entry, Message, RaftView } from '../../raft/index.ts';
import type { Chronicle } from '../chronicle.ts';
import type { Machine } from '../machine.ts';
import type { SimProcess } from '../process.ts';
import type { World } from '../world.ts';
import { Deposed } from './deposed.ts';
import { Maps } from './maps.ts';
import { Ownership } from './ownership.ts';
import { InvariantError, RaftInvariants } from './raft-invariants.ts';
import { Sleepers } from './sleepers.ts';

/** How often what costs more is looked at, in milliseconds. */
const LOOK_MS = 1_000;
/** What a replica may hold uncommitted whatever it is, in bytes: the bound of group/, and one command. */
const UNCOMMITTED_BYTES_MAX = (32 + 3) * 1024 * 1024;
/** Beside proposals: of the entries that begin a term and change the members, in bytes. */
const OWN_ENTRIES_BYTES_MAX = 4 * 1024;

/**
 * Watches a world at every event: Raft's promises in every group (R1, R2, G2), and that what is uncommitted is bounded (R5); every
 * second that replicas which applied the same entries hold the same state (S3), that sleepers wake (G19), and that who is deposed
 * knows it (G8); when entries are applied, that a shard has one group (C2), and that the controller's maps are sound (C5, C6, G15).
 */
export class Checks {
  readonly #world: World;
  readonly #uncommittedBytesMax: number;
  readonly #groups = new Map<number, RaftInvariants>();
  /** By group and index: the digest, and on which node it was seen first. */
  readonly #digests = new Map<string, { readonly digest: string; readonly name: string }>();
  readonly #sleepers: Sleepers;
  readonly #deposed: Deposed;
  readonly #chronicle: Chronicle;
  readonly #heard = new Map<Machine, { notices: number; exits: number }>();
  /** How many messages of Raft were sent, by type, and those that refuse. */
  readonly messages = new Map<string, number>();
  /** Those to which something happened in this event: a few, each once. Mostly it is one, or none. */
  #touched: Replica[] | undefined;
  readonly #ownership = new Ownership();
  readonly #maps = new Maps();
  /** What was found within a process of the world, which may have died of it: the end of the run all the same. */
  #broken: unknown;
  #looksAt = 0;

  /** `uncommittedBytesMax`: see `ReplicaLimits`. */
  constructor(world: World, chronicle: Chronicle, uncommittedBytesMax: number) {
    this.#world = world;
    this.#uncommittedBytesMax = uncommittedBytesMax;
    this.#sleepers = new Sleepers(world);
    this.#deposed = new Deposed(world, (group) => this.#group(group).term);
    this.#chronicle = chronicle;
  }

  get renewals(): number {
    return this.#maps.renewals;
  }

  get elections(): number {
    return this.#sum(({ elections }) => elections);
  }

  get conflicts(): number {
    return this.#sum(({ conflicts }) => conflicts);
  }

  /** How many times shards came to another group, were split and merged. */
  get resharding(): Pick<Ownership, 'moves' | 'splits' | 'merges'> {
    return this.#ownership;
  }

  /** Entries committed, in all groups. */
  get committed(): number {
    return this.#sum(({ commit }) => commit);
  }

  /** To be called after each event. Throws what is wrong. */
  onEvent(owner: SimProcess | undefined): void {
    const { machines, time } = this.#world;
    if (owner) {
      for (const machine of machines) if (machine.process === owner) this.#onMachine(machine);
    }
    if (this.#broken !== undefined) throw this.#broken;
    if (time.now < this.#looksAt) return;
    this.#looksAt = time.now + LOOK_MS;
    for (const machine of machines) this.#look(machine);
    this.#sleepers.look();
    this.#deposed.look();
  }

  #onMachine(machine: Machine): void {
    const { created, starts } = machine;
    this.#listen(machine);
    if (created && !created.watcher) {
      created.watcher = {
        onMessage: (group, message) => {
          this.#countMessage(message);
          this.#within(() => this.#checkMessage(created, group, message));
        },
        onReplica: (replica) => {
          if (!this.#touched) this.#touched = [replica];
          else if (!this.#touched.includes(replica)) this.#touched.push(replica);
        },
        onApplied: ({ group }) => this.#within(() => this.#lookAtApplied(created, group)),
      };
    }
    const touched = this.#touched;
    if (!touched) return;
    this.#touched = undefined;
    for (const replica of touched) this.#check(replica, starts);
  }

  /** For what is called from a node, which must not go on with what was broken. */
  #within(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#broken ??= error;
      throw error;
    }
  }

  #checkMessage(node: Node, group: GroupId, message: Message): void {
    this.#group(group).sent(message);
    const replica = node.replicas.get(group);
    if (replica) checkPromise(replica, message);
  }

  #lookAtApplied({ replicas }: Node, group: GroupId): void {
    const { controller } = replicas;
    if (group === CONTROLLER_GROUP && controller) this.#maps.look(controller.machine.map);
    const held = replicas.data(group);
    if (held) this.#ownership.look(group, held.machine);
  }

  #countMessage(message: Message): void {
    const what = isRefusal(message) ? `${message.type}, refusing` : message.type;
    this.messages.set(what, (this.messages.get(what) ?? 0) + 1);
  }

  /** Everything there is, whether anything happened to it or not. */
  #look({ name, created, starts }: Machine): void {
    if (!created) return;
    for (const replica of created.replicas.all()) {
      this.#check(replica, starts);
      const { uncommittedBytes } = replica.raft;
      if (uncommittedBytes > UNCOMMITTED_BYTES_MAX) {
        throw new InvariantError(`[R5] ${name}: ${uncommittedBytes} bytes are uncommitted`);
      }
    }
    for (const { replica, machine } of created.replicas.allData()) {
      for (const { index, digest } of machine.digests) {
        this.#compare(replica.group, index, digest, name);
      }
    }
  }

  #check(replica: Replica, starts: number): void {
    if (replica.isClosed) return;
    const { group, raft } = replica;
    this.#group(group).check(raft, starts);
    checkUncommitted(group, raft, this.#uncommittedBytesMax);
    checkDurable(replica);
  }

  /** What a node tells its operator, and how its processes end. */
  #listen(machine: Machine): void {
    const { name, notices, exits } = machine;
    let heard = this.#heard.get(machine);
    if (!heard) {
      heard = { notices: 0, exits: 0 };
      this.#heard.set(machine, heard);
    }
    for (; heard.notices < notices.length; heard.notices++) {
      this.#chronicle.tell(`${name}: ${notices[heard.notices]}`);
    }
    for (; heard.exits < exits.length; heard.exits++) {
      this.#chronicle.tell(`${name} ends by itself: ${exits[heard.exits]?.reason}`);
    }
  }

  #compare(group: number, index: number, digest: string, name: string): void {
    const key = `${group}/${index}`;
    const known = this.#digests.get(key);
    if (!known) {
      this.#digests.set(key, { digest, name });
    } else if (known.digest !== digest) {
      throw new InvariantError(
        `[S3] group ${group} at entry ${index}: ${known.name} has the digest ${known.digest}, ${name} ${digest}`,
      );
    }
  }

  #group(group: number): RaftInvariants {
    let invariants = this.#groups.get(group);
    if (!invariants) {
      invariants = new RaftInvariants(`group ${group}`, (what) => this.#chronicle.tell(what));
      this.#groups.set(group, invariants);
    }
    return invariants;
  }

  #sum(of: (invariants: RaftInvariants) => number): number {
    let sum = 0;
    for (const invariants of this.#groups.values()) sum += of(invariants);
    return sum;
  }
}

function isRefusal(message: Message): boolean {
  switch (message.type) {
    case 'append-response':
    case 'read-index-response':
      return message.rejected;
    case 'vote-response':
    case 'pre-vote-response':
      return !message.granted;
    default:
      return false;
  }
}

/** What a leader takes is bounded, but for one proposal of any size where nothing else waits (R5, G17). */
export function checkUncommitted(group: GroupId, raft: RaftView, bytesMax: number): void {
  const { id, role, term, commit, lastIndex, uncommittedBytes } = raft;
  if (role !== 'leader' || uncommittedBytes <= bytesMax + OWN_ENTRIES_BYTES_MAX) return;
  const isTaken = (entry: Entry) => entry.kind === 'normal' && entry.term === term;
  const taken = raft.entriesBetween(commit + 1, lastIndex + 1).filter(isTaken).length;
  if (taken <= 1) return;
  throw new InvariantError(
    `[R5] group ${group}: ${uncommittedBytes} bytes are uncommitted on the leader ${id}, ${taken} of its own entries, of ${bytesMax}`,
  );
}

/** What Raft counts as durable is in the log on disk, as the same entry, or in the state (R1, L5). */
function checkDurable(replica: Replica): void {
  const { group, id, raft, state } = replica;
  const { durableIndex } = raft;
  if (durableIndex <= state.durableIndex || durableIndex <= raft.storedIndex) return;
  const term = raft.termAt(durableIndex);
  const logged = replica.loggedTermAt(durableIndex);
  if (logged === term) return;
  throw new InvariantError(
    `[L5] group ${group}: replica ${id} counts entry ${durableIndex} of term ${term} as durable, and the log has term ${logged} there`,
  );
}

/** What a message promises is on the disk before it leaves (R1): whoever got it goes by that. */
function checkPromise(replica: Replica, message: Message): void {
  const { type, from, to, term } = message;
  const isVote = type === 'vote-response' && message.granted;
  const isCandidacy = type === 'vote-request';
  const isAcknowledgement =
    type === 'append-response' && !message.rejected && message.quarantine === 0;
  if (!(isVote || isCandidacy || isAcknowledgement)) return;
  const logged = replica.loggedHardState ?? { term: 0, vote: 0 };
  // It has moved on meanwhile, which was written after this.
  if (logged.term > term) return;
  const { group, state } = replica;
  const isKept = isAcknowledgement
    ? message.index <= state.durableIndex || replica.loggedTermAt(message.index) !== undefined
    : logged.term === term && logged.vote === (isVote ? to : from);
  if (isKept) return;
  throw new InvariantError(
    `[R1] group ${group}: the ${type} of replica ${from} in term ${term} leaves, and the log has term ${logged.term} and vote ${logged.vote}`,
  );
}
