import {
  type ClusterMap,
  type ControllerReply,
  type ControllerRequest,
  EMPTY_MAP,
  type GroupId,
  type NodeName,
  type NodeRecord,
  type Weights,
} from '../controller/index.ts';
import { damageText, openReplicaStates, type ReplicaStates } from '../engine/index.ts';
import {
  ReadBackPace,
  type Replica,
  type ReplicaHost,
  SNAPSHOT_DIRECTORY,
  SnapshotWork,
} from '../group/index.ts';
import { type LogOptions, openLog, type WriteAheadLog } from '../log/index.ts';
import { DiskError, NEVER, wait } from '../ports/index.ts';
import type { Message } from '../raft/index.ts';
import type { GroupReply, GroupRequest } from '../store/index.ts';
import { ControllerService } from './controller-service.ts';
import { DataService } from './data-service.ts';
import { endWithDifference, isOwnDifference } from './difference.ts';
import { Formation } from './formation.ts';
import { PROTOCOL_VERSION } from './frame.ts';
import {
  type ClusterRecord,
  readCluster,
  StartError,
  whereThereIsRoom,
  writeCluster,
} from './identity.ts';
import { Leaders } from './leaders.ts';
import { ledGroups, quarantinedMembers, settledGroups } from './led-groups.ts';
import { Listeners } from './listeners.ts';
import { Membership } from './membership.ts';
import { type NodeOptions, type NodeWatcher, stateSizes } from './options.ts';
import { Peers } from './peers.ts';
import { Placer } from './placer.ts';
import {
  clearWrongStates,
  type QuarantineRecord,
  quarantine,
  readQuarantine,
  withoutWrong,
} from './quarantine.ts';
import { Replicas } from './replicas.ts';
import { type RescueHost, rescueHere } from './rescue.ts';
import { firstRoster, readRoster, replicasOn } from './roster.ts';
import { Services } from './services.ts';
import { fetchSnapshot } from './snapshot-transfer.ts';
import { type Difference, StateComparison } from './state-comparison.ts';
import { type ClusterStatus, clusterStatus, type NodeStatus, weightsIn } from './status.ts';
import { Ticker } from './ticker.ts';
import { Turn } from './turn.ts';
import { Wakes } from './wakes.ts';
import { watchMap } from './watch-map.ts';

const LOG_DIRECTORY = 'log';
const READY_POLL_MS = 10;
/** An entry and what goes with it must fit into half a segment of the log. */
const COMMANDS_PER_SEGMENT = 4;
const BALANCE_TICKS = 20;
const RATE_TICKS = 50;
/** Small commits of a tick that delete what replaced states left. */
const DELETE_COMMITS = 2;
/** How late a map is learned where something makes it late, in milliseconds. */
const LATE_MAP_MS = 2_000;
const WAITING_NOTICE_TICKS = 30;

/**
 * One server: its replicas of many groups over one log, one engine and one main connection to each other node.
 *
 * It fulfils the `Cluster` that routers ask.
 */
export class Node {
  readonly self: NodeName;
  watcher: NodeWatcher | undefined;
  readonly #options: NodeOptions;
  readonly #peers: Peers;
  readonly #services: Services;
  readonly #formation: Formation;
  readonly #membership: Membership;
  readonly #log: WriteAheadLog;
  readonly #turn: Turn;
  readonly #states: ReplicaStates;
  #quarantine: readonly QuarantineRecord[];
  readonly #replicas: Replicas;
  readonly #wakes: Wakes;
  readonly #data: DataService;
  readonly #controller: ControllerService;
  readonly #comparison: StateComparison;
  readonly #listeners: Listeners;
  readonly #leaders: Leaders;
  readonly #placer: Placer;
  readonly #ticker: Ticker;
  #map: ClusterMap = EMPTY_MAP;
  #ticks = 0;
  /** Of a cluster that was formed, or joined, by this process: its replicas are opened. */
  #opening = Promise.resolve();
  #serving = false;
  #differs = false;
  #stopping = false;
  #stopped = false;

  /** Rejects when the peer address cannot be had. */
  static async start(options: NodeOptions): Promise<Node> {
    const { disk, random, fatal, identity, limits = {}, buggify = NEVER } = options;
    await disk.remove(SNAPSHOT_DIRECTORY);
    await disk.makeDirectory(SNAPSHOT_DIRECTORY);
    const cluster = await readCluster(disk);
    const roster = await readRoster(disk, cluster);
    let inQuarantine = await readQuarantine(disk);
    const logOptions: LogOptions = {
      onFatal: fatal,
      onDamage: async (damage) => {
        const own = replicasOn(roster, identity.name);
        inQuarantine = await quarantine(disk, inQuarantine, damage, own);
      },
      random,
      buggify,
      ...(limits.logSegmentBytes !== undefined && { segmentBytes: limits.logSegmentBytes }),
      ...(limits.logSegmentsMax !== undefined && { segmentsMax: limits.logSegmentsMax }),
    };
    const opened = await whereThereIsRoom(() => openLog(disk, LOG_DIRECTORY, logOptions));
    const { log, replicas, torn } = opened;
    if (torn) {
      options.notice(`${torn.file} ends at byte ${torn.offset} in a write that was never finished`);
    }
    const node = new Node(options, cluster, log, replicas, inQuarantine);
    options.onCreated?.(node);
    if (cluster) node.#replicas.know(roster);
    await node.#peers.start(options.peer);
    if (cluster) {
      node.#membership.follow();
      await node.#serve();
    } else if (options.initialCluster.length > 0) {
      node.#peers.follow(options.initialCluster);
      node.#formation.formAlone();
    } else {
      node.#membership.join().catch((error) => giveUp(options, error));
    }
    node.#ticker.start();
    options.notice(`node ${identity.name} listens for nodes on ${options.peer}`);
    return node;
  }

  private constructor(
    options: NodeOptions,
    cluster: ClusterRecord | undefined,
    log: WriteAheadLog,
    recovered: Awaited<ReturnType<typeof openLog>>['replicas'],
    inQuarantine: readonly QuarantineRecord[],
  ) {
    const { identity, clock, random, network, engine, limits = {}, buggify = NEVER } = options;
    this.self = identity.name;
    this.#options = options;
    this.#log = log;
    this.#listeners = new Listeners(clock);
    this.#quarantine = inQuarantine;
    this.#ticker = new Ticker(clock, random, (lateMs) => this.#onTick(lateMs));
    this.#peers = new Peers({
      self: this.self,
      clock,
      random,
      network,
      hello: () => this.#formation.hello(),
      onQueued: () => this.#turn.arm(),
      buggify,
      handler: {
        onHello: (hello) => this.#formation.onHello(hello),
        onRefusal: (name, refusal) => this.#formation.onRefusal(name, refusal),
        onOtherProtocol: (name, version) =>
          options.notice(
            `${name} speaks version ${version} of the protocol between nodes, and this one ${PROTOCOL_VERSION}: ` +
              'they are of different builds, and do not talk to each other',
          ),
        onUp: (hello) => {
          this.#formation.onUp(hello);
          this.#wakes.onChange(hello.name);
        },
        onSilent: (name) => this.#wakes.onChange(name),
        onRaft: (group, message) => this.#replicas.get(group)?.step(message),
        onRequest: (_, service, payload, respond) =>
          this.#services.onRequest(service, payload, respond),
        onDown: (name, refused) => this.#wakes.onDown(name, refused),
      },
    });
    this.#services = new Services({
      self: this.self,
      peers: this.#peers,
      map: () => this.#map,
      onRecord: (record) => this.#formation.onRecord(record),
      fatal: (error) => giveUp(options, error),
      buggify,
    });
    this.#formation = new Formation(
      {
        self: this.record,
        list: cluster ? [] : options.initialCluster,
        groups: options.initialGroups,
        random,
        roster: () => this.#replicas.roster,
        persist: (record) => writeCluster(options.disk, record),
        onFormed: (record) => this.#onFormed(record),
        fatal: (error) => giveUp(options, error),
        send: (name, record) => this.#services.sendRecord(name, record),
        refuse: options.refuse,
      },
      cluster,
    );
    this.#turn = new Turn({
      clock,
      log,
      afterApply: (replicas) => this.#afterApply(replicas),
      flushPeers: () => this.#peers.flush(),
    });
    this.#states = openReplicaStates(engine, { hashSeed: random.uint32(), ...stateSizes(limits) });
    // A node that cannot trust its disk ends, and the others go on: nothing that is damaged is served (F4).
    this.#states.onDamage((replica, damage) => {
      const whose = replica === undefined ? 'all replicas of this node' : `replica ${replica}`;
      options.fatal(new Error(`the state of ${whose} is damaged: ${damageText(damage)}`));
    });
    this.#replicas = new Replicas({
      host: this.#replicaHost(),
      states: this.#states,
      recovered: withoutWrong(recovered, inQuarantine),
      quarantine: inQuarantine,
      self: this.self,
      incarnation: identity.incarnation,
      limits: limits.replica ?? {},
      machine: limits.machine,
    });
    this.#wakes = new Wakes(this.#replicas);
    this.#membership = new Membership({
      node: options,
      self: this.record,
      peers: this.#peers,
      services: this.#services,
      formation: this.#formation,
      replicas: this.#replicas,
      log,
    });
    this.#data = new DataService(this.#replicas, clock, buggify);
    this.#controller = new ControllerService(this.#replicas, clock);
    this.#leaders = new Leaders({
      self: this.self,
      clock,
      log,
      states: this.#states,
      replicas: this.#replicas,
      peers: this.#peers,
      nodes: () => this.#map.nodes.map(({ name }) => name),
      notice: options.notice,
      buggify,
    });
    this.#placer = new Placer({
      node: options,
      replicas: this.#replicas,
      peers: this.#peers,
      isHeard: (node) => this.#services.isHeard(node),
    });
    this.#comparison = new StateComparison({
      self: this.self,
      replicas: this.#replicas,
      clock,
      ask: (node, group) => this.#services.askForDigests(node, group),
      tell: (node, difference) => this.#services.tellDifference(node, difference),
    });
  }

  /** The newest map that this node has seen. */
  get map(): ClusterMap {
    return this.#map;
  }

  get replicas(): Replicas {
    return this.#replicas;
  }

  /** What this node says of itself. */
  get record(): NodeRecord {
    const { identity, http, peer, zone } = this.#options;
    return { name: identity.name, incarnation: identity.incarnation, http, peer, zone };
  }

  learnMap(map: ClusterMap): void {
    if (map.number <= this.#map.number) return;
    const { buggify = NEVER, clock } = this.#options;
    if (!buggify('node: a map is late')) this.#takeMap(map);
    else clock.after(LATE_MAP_MS, () => this.#takeMap(map));
  }

  #takeMap(map: ClusterMap): void {
    if (map.number <= this.#map.number) return;
    this.#map = map;
    if (this.#replicas.onMap(map)) this.#membership.follow();
    this.#controller.onMap(map);
    this.#listeners.tell();
  }

  /** Calls back after each change of the map, when a group is led from here on, and every two seconds besides. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  leaderOf(group: GroupId): NodeName | undefined {
    const replica = this.#replicas.get(group);
    return replica && this.#replicas.nodeOf(group, replica.leader);
  }

  askGroup(node: NodeName, request: GroupRequest, timeoutMs: number): Promise<GroupReply> {
    return this.#services.askGroup(node, request, timeoutMs);
  }

  askController(
    node: NodeName,
    request: ControllerRequest,
    timeoutMs: number,
  ): Promise<ControllerReply> {
    return this.#services.askController(node, request, timeoutMs);
  }

  /** Resolves when the node can serve: it has a map, and every group that it holds a replica of has a leader. */
  async whenReady(): Promise<void> {
    const isReady = () =>
      this.#map.number > 0 && [...this.#replicas.all()].every((replica) => replica.leader !== 0);
    while (!isReady() && !this.#stopping) {
      await wait(this.#options.clock, READY_POLL_MS);
    }
  }

  led() {
    const commandBytesMax = this.#log.segmentBytes / COMMANDS_PER_SEGMENT;
    return ledGroups(this.#replicas, this.#data, commandBytesMax);
  }

  settled() {
    return settledGroups(this.#replicas);
  }

  quarantined() {
    return quarantinedMembers(this.#replicas);
  }

  get leadsController(): boolean {
    return this.#replicas.controller?.replica.isCurrent ?? false;
  }

  async status(): Promise<ClusterStatus> {
    const reports = await this.#reports();
    return clusterStatus(this.#map, reports);
  }

  /** Of all shards whose leaders answered. */
  async weights(): Promise<Weights> {
    const reports = await this.#reports();
    return weightsIn(this.#map, reports);
  }

  /** For what is done when groups have lost their majorities for good: see rescue.ts. */
  rescueHost(forget: RescueHost['forget']): RescueHost {
    return {
      roster: this.#replicas.roster,
      isHeard: (node) => this.#services.isHeard(node),
      survey: (node) => this.#services.askForSurvey(node),
      rescue: (node, group) => this.#services.askForRescue(node, group),
      forget,
    };
  }

  /** Lets others lead, makes everything durable, and goes (R8). */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#membership.stop();
    await this.#leaders.stepAside();
    this.#stopped = true;
    this.#ticker.stop();
    await Promise.all([...this.#replicas.all()].map((replica) => replica.flush()));
    await this.#replicas.close();
    await this.#opening;
    await this.#peers.close();
    await this.#log.close();
  }

  /** What the nodes say of themselves; `undefined` for one that does not answer. */
  async #reports(): Promise<Map<NodeName, NodeStatus | undefined>> {
    const reports = this.#map.nodes.map(
      async ({ name }) => [name, await this.#services.askForStatus(name)] as const,
    );
    return new Map(await Promise.all(reports));
  }

  #onFormed(record: ClusterRecord): void {
    this.#peers.joinCluster(record.clusterId);
    this.#options.notice(`cluster ${record.clusterId} is formed`);
    if (this.#replicas.roster.nodes.length === 0) this.#membership.know(firstRoster(record));
    this.#opening = this.#serve().catch(this.#options.fatal);
  }

  async #serve(): Promise<void> {
    const { clock, disk } = this.#options;
    this.#quarantine = await clearWrongStates(this.#quarantine, this.#states, this.#log, disk);
    await this.#replicas.open();
    this.#services.serve({
      replicas: this.#replicas,
      data: this.#data,
      controller: this.#controller,
      comparison: this.#comparison,
      rescue: (group) => rescueHere(this.#replicas, group, clock),
      onDifference: (difference) => this.#onDifference(difference),
    });
    this.#serving = true;
    this.#afterApply([]);
    watchMap(this, clock, () => this.#stopping);
  }

  #onLeading(): void {
    const cluster = this.#formation.record;
    if (cluster) this.#controller.tick(cluster);
    this.#listeners.tell();
  }

  #afterApply(replicas: readonly Replica[]): void {
    if (this.watcher) for (const replica of replicas) this.watcher.onApplied(replica);
    const map = this.#replicas.controller?.machine.map;
    if (map) this.learnMap(map);
  }

  #onTick(lateMs: number): void {
    this.#ticks++;
    this.#leaders.tick(this.#ticker.at, lateMs);
    this.#log.tick();
    this.#wakes.tick();
    for (const { replica, plan } of this.#replicas.moving()) replica.moveTo(plan);
    // What replaced states left behind goes bit by bit. A full disk can wait: it is tried again.
    if (this.#states.hasDeletedSpaces) {
      this.#states.deleteSpaces(DELETE_COMMITS).catch((error) => {
        const isFull = error instanceof DiskError && error.code === 'full';
        if (!isFull && !this.#stopped) this.#options.fatal(error);
      });
    }
    const cluster = this.#formation.record;
    if (cluster && this.#serving) this.#controller.tick(cluster);
    if (this.#serving && !this.#stopping) {
      this.#comparison.tick();
      this.#placer.tick();
    }
    if (this.#ticks % RATE_TICKS === 0) this.#data.measureRates(this.#replicas.allData());
    if (this.#ticks % BALANCE_TICKS === 0) {
      this.#leaders.balance();
      this.#listeners.tell();
    }
    const waiting = this.#formation.waitingFor();
    if (waiting.length > 0 && this.#ticks % WAITING_NOTICE_TICKS === 10) {
      this.#options.notice(`waits for ${waiting.join(', ')} to form the cluster`);
    }
  }

  #onDifference(difference: Difference): void {
    // Only what this node said itself counts: it may have started again since.
    const said = this.#comparison.digestsOf(difference.group);
    if (this.#differs || !isOwnDifference(difference, said, this.#replicas)) return;
    this.#differs = true;
    const aside = () => this.#leaders.stepAside();
    const { fatal } = this.#options;
    endWithDifference(difference, this.#options, this.#quarantine, aside).then(fatal, fatal);
  }

  #send(group: GroupId, message: Message): void {
    this.watcher?.onMessage(group, message);
    const node = this.#replicas.nodeOf(group, message.to);
    if (node !== undefined) this.#peers.sendRaft(node, group, message);
  }

  #replicaHost(): ReplicaHost {
    const { clock, random, disk, notice, fatal, limits = {} } = this.#options;
    return {
      clock,
      random,
      disk,
      log: this.#log,
      snapshotWork: new SnapshotWork(clock, limits.snapshotBytesPerSecond),
      readBackPace: new ReadBackPace(clock, this.#log, limits.readBackBytesPerSecond),
      buggify: this.#options.buggify ?? NEVER,
      notice,
      fatal,
      send: (group, message) => this.#send(group, message),
      schedule: (replica) => {
        this.watcher?.onReplica(replica);
        this.#wakes.add(replica);
        this.#turn.schedule(replica);
      },
      onLeading: () => this.#onLeading(),
      fetchSnapshot: async (group, from, index, path, pace) => {
        const node = this.#replicas.nodeOf(group, from);
        if (node === undefined) return false;
        const ask = (piece: { group: number; index: number; offset: number }) =>
          this.#services.askForSnapshot(node, piece);
        return fetchSnapshot(ask, { group, index }, disk, path, clock, pace);
      },
    };
  }
}

/** The node cannot begin, which is a line for its operator, or it is broken. */
function giveUp({ refuse, fatal }: NodeOptions, error: unknown): void {
  if (error instanceof StartError) refuse(error.message);
  else fatal(error);
}
