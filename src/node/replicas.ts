import {
  type ClusterMap,
  CONTROLLER_GROUP,
  ControllerMachine,
  controllerReplicas,
  type GroupId,
  type GroupRecord,
  type NodeName,
} from '../controller/index.ts';
import type { ReplicaStates } from '../engine/index.ts';
import { Replica, type ReplicaHost, type ReplicaLimits, readRecovered } from '../group/index.ts';
import type { RecoveredReplica } from '../log/index.ts';
import { type Disk, DiskError } from '../ports/index.ts';
import type { Config, ReplicaId } from '../raft/index.ts';
import { DataMachine } from '../store/index.ts';
import type { ClusterRecord } from './identity.ts';
import { type QuarantineRecord, quarantineText } from './quarantine.ts';
import { readRecord, writeRecord } from './small-file.ts';

const REPLICAS_FILE = 'replicas';
/** What finds no room on the disk is tried again after this long. Milliseconds. */
const NO_ROOM_MS = 2_000;

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
}

/**
 * The replicas on this node: opened again at the start, made when the controller's map has a record for this node, and
 * never otherwise (C6).
 */
export class Replicas {
  readonly #options: ReplicasOptions;
  /** Members of each group that this node knows: who holds which replica. */
  readonly #groups = new Map<GroupId, GroupRecord>();
  readonly #data = new Map<GroupId, DataReplica>();
  #controller: ControllerReplica | undefined;
  #creating = Promise.resolve();
  #closed = false;

  constructor(options: ReplicasOptions) {
    this.#options = options;
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
    return this.#groups.get(group)?.replicas.find((record) => record.replica === replica)?.node;
  }

  /** The replica of the group on a node. */
  replicaOn(group: GroupId, node: NodeName): ReplicaId | undefined {
    return this.#groups.get(group)?.replicas.find((record) => record.node === node)?.replica;
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

  /** Opens what the node held before. The controller's members come with the record of the cluster's birth. */
  async open(cluster: ClusterRecord): Promise<void> {
    const groups = await knownGroups(this.#options.host.disk, cluster);
    // All are known before the first one works: the controller's replica brings a map, and these are not new in it.
    for (const group of groups) this.#groups.set(group.id, group);
    for (const group of groups) await this.#whenRoom(() => this.#openGroup(group));
  }

  /** Makes the replicas that the map has for this node and that are not there yet. */
  onMap(map: ClusterMap): void {
    const missing = map.groups.filter(({ id }) => !this.#groups.has(id));
    if (missing.length === 0) return;
    for (const group of missing) this.#groups.set(group.id, group);
    // Known for good before they take part: a restart finds them without the controller.
    this.#creating = this.#creating
      .then(() => this.#whenRoom(() => this.#persist()))
      .then(async () => {
        for (const group of missing) await this.#whenRoom(() => this.#openGroup(group));
      })
      .catch((error) => this.#options.host.fatal(error));
  }

  /** The node is stopping: what still has no room is not made any more. */
  close(): void {
    this.#closed = true;
    for (const replica of this.all()) replica.close();
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
      await new Promise<void>((resolve) => clock.after(NO_ROOM_MS, resolve));
    }
  }

  #persist(): Promise<void> {
    const groups = [...this.#groups.values()].filter(({ id }) => id !== CONTROLLER_GROUP);
    return writeRecord(this.#options.host.disk, REPLICAS_FILE, groups);
  }

  async #openGroup(group: GroupRecord): Promise<void> {
    const { host, states, recovered, self, incarnation, limits } = this.#options;
    const mine = group.replicas.find(({ node }) => node === self);
    if (!mine) return;
    if (mine.incarnation !== incarnation) {
      throw new Error(`replica ${mine.replica} belongs to another data directory of ${self}`);
    }
    const machine = group.id === CONTROLLER_GROUP ? new ControllerMachine() : new DataMachine();
    const found = recovered.get(mine.replica);
    const quarantined = this.quarantineOf(mine.replica);
    if (quarantined) {
      host.notice(`replica ${mine.replica} of group ${group.id} is ${quarantineText(quarantined)}`);
    }
    const state = await states.open(mine.replica);
    const replica = new Replica({
      host,
      group: group.id,
      id: mine.replica,
      incarnation,
      limits,
      initialConfig: configOf(group),
      isPreferredLeader: group.replicas[0] === mine,
      machine,
      state,
      quarantine: quarantined?.times ?? 0,
      recovered: found && (await readRecovered(host.log, mine.replica, found, state.appliedIndex)),
    });
    if (machine instanceof ControllerMachine) this.#controller = { replica, machine };
    else this.#data.set(group.id, { replica, machine });
    host.schedule(replica);
    replica.standIfNew();
  }
}

/** The groups that a node knew when it was last up, in the order in which it opens them. */
async function knownGroups(disk: Disk, cluster: ClusterRecord): Promise<readonly GroupRecord[]> {
  const stored = ((await readRecord(disk, REPLICAS_FILE)) ?? []) as readonly GroupRecord[];
  return [...stored, { id: CONTROLLER_GROUP, replicas: controllerReplicas(cluster.nodes) }];
}

/** The replicas that a node holds according to its own records. */
export async function knownReplicas(
  disk: Disk,
  cluster: ClusterRecord | undefined,
  self: NodeName,
): Promise<readonly ReplicaId[]> {
  if (!cluster) return [];
  const groups = await knownGroups(disk, cluster);
  return groups.flatMap(({ replicas }) =>
    replicas.filter(({ node }) => node === self).map(({ replica }) => replica),
  );
}

function configOf(group: GroupRecord): Config {
  const incoming = group.replicas.map(({ replica, incarnation }) => ({
    id: replica,
    incarnation,
  }));
  return { incoming, outgoing: [], learners: [] };
}
