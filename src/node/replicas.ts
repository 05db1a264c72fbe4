import {
  type ClusterMap,
  CONTROLLER_GROUP,
  ControllerMachine,
  type GroupId,
  type GroupRecord,
  type NodeName,
  type ReplicaRecord,
} from '../controller/index.ts';
import type { ReplicaStates } from '../engine/index.ts';
import {
  type MemberPlan,
  Replica,
  type ReplicaHost,
  type ReplicaLimits,
  readRecovered,
} from '../group/index.ts';
import type { RecoveredReplica } from '../log/index.ts';
import { DiskError, wait } from '../ports/index.ts';
import type { Config, Member, ReplicaId } from '../raft/index.ts';
import { DataMachine, type MachineLimits } from '../store/index.ts';
import { causeText, type QuarantineRecord, quarantineText } from './quarantine.ts';
import {
  EMPTY_ROSTER,
  type Roster,
  recordOn,
  replicasOn,
  rosterOf,
  writeRoster,
} from './roster.ts';

/** What finds no room on the disk is tried again after this long. Milliseconds. */
const NO_ROOM_MS = 2_000;
/** How late a map is where something makes it late, in milliseconds. */
const LATE_MS = 700;

/** A data group on this node. */
export interface DataReplica {
  readonly replica: Replica;
  readonly machine: DataMachine;
}

export interface ControllerReplica {
  readonly replica: Replica;
  readonly machine: ControllerMachine;
}

export interface ReplicasOptions {
  readonly host: ReplicaHost;
  readonly states: ReplicaStates;
  readonly recovered: ReadonlyMap<ReplicaId, RecoveredReplica>;
  readonly quarantine: readonly QuarantineRecord[];
  readonly self: NodeName;
  readonly incarnation: string;
  readonly limits: Partial<ReplicaLimits>;
  readonly machine: MachineLimits | undefined;
}

/**
 * The replicas on this node: opened again at the start, made when the controller's map has a record for this node, and
 * never otherwise (C6).
 */
export class Replicas {
  readonly #options: ReplicasOptions;
  /** Members of each group that this node knows: who holds which replica. */
  readonly #groups = new Map<GroupId, GroupRecord>();
  /** Those of them whose members change. */
  readonly #moving = new Set<GroupId>();
  readonly #data = new Map<GroupId, DataReplica>();
  #roster = EMPTY_ROSTER;
  /** Of this process, on the disk: several maps may come while one is written, and the newest is written for all of them. */
  #written: Roster | undefined;
  #controller: ControllerReplica | undefined;
  #changing = Promise.resolve();
  #closed = false;

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  /** What this node knows of the cluster. */
  get roster(): Roster {
    return this.#roster;
  }

  get controller(): ControllerReplica | undefined {
    return this.#controller;
  }

  data(group: GroupId): DataReplica | undefined {
    return this.#data.get(group);
  }

  get(group: GroupId): Replica | undefined {
    return group === CONTROLLER_GROUP ? this.#controller?.replica : this.#data.get(group)?.replica;
  }

  allData(): IterableIterator<DataReplica> {
    return this.#data.values();
  }

  *all(): Iterable<Replica> {
    if (this.#controller) yield this.#controller.replica;
    for (const { replica } of this.#data.values()) yield replica;
  }

  /** The node that holds a replica. */
  nodeOf(group: GroupId, replica: ReplicaId): NodeName | undefined {
    for (const record of this.#records(group)) if (record.replica === replica) return record.node;
    return undefined;
  }

  /** The replica of the group on a node. */
  replicaOn(group: GroupId, node: NodeName): ReplicaId | undefined {
    return this.#records(group).find((record) => record.node === node)?.replica;
  }

  members(group: GroupId): readonly ReplicaId[] {
    return this.#groups.get(group)?.replicas.map(({ replica }) => replica) ?? [];
  }

  /** Where the group's leader should be, all being well. */
  preferredLeader(group: GroupId): ReplicaId | undefined {
    return this.#groups.get(group)?.replicas[0]?.replica;
  }

  /** Why a replica of this node counts for nothing (L2). */
  quarantineOf(replica: ReplicaId): QuarantineRecord | undefined {
    return this.#options.quarantine.find((record) => record.replica === replica);
  }

  /** What was ever found wrong on this node's disk, whether or not the replicas have begun anew since. */
  get damage(): readonly string[] {
    return [...new Set(this.#options.quarantine.map(causeText))];
  }

  /** The node belongs to a cluster. To be called before anything else, once. */
  know(roster: Roster): void {
    this.#take(roster);
  }

  /** Opens what the node held before. */
  async open(): Promise<void> {
    if (this.#closed) return;
    await this.#clearOthers();
    // All are known before the first one works. The controller's replica is last: it brings maps, and these are not new in them.
    const groups = [...this.#roster.groups].sort((a, b) => (b.id > 0 ? 1 : 0) - (a.id > 0 ? 1 : 0));
    for (const group of groups) await this.#whenRoom(() => this.#openGroup(group));
  }

  /**
   * Makes the replicas that the map has for this node and that are not there yet; those that it has no more go. A map that is not
   * newer than what is known says nothing (C4): after a start the controller's replica here comes through all of its past.
   * True when it is newer.
   */
  onMap(map: ClusterMap): boolean {
    if (map.number <= this.#roster.number) return false;
    const before = this.#roster;
    const known = new Map(this.#groups);
    this.#take(rosterOf(map));
    const ids = [...known.keys(), ...this.#groups.keys()];
    const changed = [...new Set(ids)].filter((id) => !isSame(this.#groups.get(id), known.get(id)));
    const areNodesSame = isSame(before.nodes, map.nodes) && isSame(before.removed, map.removed);
    if (changed.length === 0 && areNodesSame) return true;
    const { disk, clock, buggify, fatal } = this.#options.host;
    // Known for good before they take part, or go: a restart finds them without the controller. Newer maps wait for their turn.
    this.#changing = this.#changing
      .then(async () => {
        const roster = this.#roster;
        if (buggify('node: a map is late on the disk')) await wait(clock, LATE_MS);
        if (this.#written !== roster) await this.#whenRoom(() => writeRoster(disk, roster));
        this.#written = roster;
        for (const id of changed) {
          // A node that stops may not have written it any more.
          if (this.#closed) return;
          await this.#follow(id, roster);
        }
      })
      .catch(fatal);
    return true;
  }

  #take(roster: Roster): void {
    this.#roster = roster;
    this.#groups.clear();
    this.#moving.clear();
    for (const group of roster.groups) {
      this.#groups.set(group.id, group);
      if (group.changing) this.#moving.add(group.id);
    }
  }

  /** The groups whose voters are not yet, as far as is known here, those that the controller wants. */
  *moving(): Iterable<{ readonly replica: Replica; readonly plan: MemberPlan }> {
    for (const id of this.#moving) {
      const [group, replica] = [this.#groups.get(id), this.get(id)];
      if (!group || !replica) continue;
      yield { replica, plan: { number: group.plan, voters: membersOf(group.replicas) } };
    }
  }

  /** As the group is in a roster that is on the disk. */
  async #follow(id: GroupId, { groups }: Roster): Promise<void> {
    const held = this.get(id);
    const group = groups.find((other) => other.id === id);
    const own = group && recordOn(group, this.#options.self);
    if (held && own?.replica !== held.id) {
      if (id === CONTROLLER_GROUP) this.#controller = undefined;
      else this.#data.delete(id);
      await held.remove();
    }
    if (group && !this.get(id)) await this.#whenRoom(() => this.#openGroup(group));
  }

  /** A replica that was to go may not have gone before the last process ended. */
  async #clearOthers(): Promise<void> {
    const { host, states, recovered, self } = this.#options;
    const own = new Set(replicasOn(this.#roster, self));
    for (const replica of recovered.keys()) if (!own.has(replica)) host.log.remove(replica);
    for (const replica of states.replicas()) {
      if (!own.has(replica)) await (await states.open(replica)).remove();
    }
  }

  /** Of all replicas that may be members. */
  #records(group: GroupId): readonly ReplicaRecord[] {
    const record = this.#groups.get(group);
    if (!record) return [];
    const { replicas, leaving } = record;
    return leaving.length > 0 ? [...replicas, ...leaving] : replicas;
  }

  /** The node is stopping: what has not begun does not begin any more, and what has is waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const replica of this.all()) replica.close();
    await this.#changing;
  }

  /** On a full disk until there is room: the group's other replicas work meanwhile (F7). */
  async #whenRoom(step: () => Promise<void>): Promise<void> {
    const { notice, clock } = this.#options.host;
    for (let tries = 0; !this.#closed; tries++) {
      try {
        return await step();
      } catch (error) {
        if (!(error instanceof DiskError && error.code === 'full')) throw error;
        if (tries === 0) notice(`no room for new replicas: ${error.message}`);
      }
      await wait(clock, NO_ROOM_MS);
    }
  }

  async #openGroup(group: GroupRecord): Promise<void> {
    const { host, states, recovered, self, incarnation, limits } = this.#options;
    const mine = recordOn(group, self);
    if (!mine) return;
    if (mine.incarnation !== incarnation) {
      throw new Error(`replica ${mine.replica} belongs to another data directory of ${self}`);
    }
    const machine =
      group.id === CONTROLLER_GROUP
        ? new ControllerMachine()
        : new DataMachine(this.#options.machine);
    const found = recovered.get(mine.replica);
    const quarantined = this.quarantineOf(mine.replica);
    if (quarantined) {
      host.notice(`replica ${mine.replica} of group ${group.id} is ${quarantineText(quarantined)}`);
    }
    const state = await states.open(mine.replica);
    const logged =
      found && (await readRecovered(host.log, mine.replica, found, state.appliedIndex));
    // Of a node that stops: the others are closed, and this one would write to a log that is closing.
    if (this.#closed) return;
    const replica = new Replica({
      host,
      group: group.id,
      id: mine.replica,
      incarnation,
      limits,
      initialConfig: birthConfig(group, mine.replica),
      quiesces: true,
      isPreferredLeader: group.replicas[0] === mine,
      machine,
      state,
      quarantine: quarantined?.times ?? 0,
      recovered: logged,
    });
    if (machine instanceof ControllerMachine) this.#controller = { replica, machine };
    else this.#data.set(group.id, { replica, machine });
    host.schedule(replica);
    replica.standIfNew();
  }
}

/** The configuration that a replica was born with; empty for one that was added. */
function birthConfig({ born }: GroupRecord, replica: ReplicaId): Config {
  const isBorn = born.some((record) => record.replica === replica);
  return { incoming: isBorn ? membersOf(born) : [], outgoing: [], learners: [], plan: 0 };
}

function membersOf(records: readonly ReplicaRecord[]): Member[] {
  return records.map(({ replica, incarnation }) => ({ id: replica, incarnation }));
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
