import type { NodeRecord } from '../controller/index.ts';
import type { WriteAheadLog } from '../log/index.ts';
import { type Formation, removedText } from './formation.ts';
import { NO_CLUSTER } from './frame.ts';
import { whereThereIsRoom } from './identity.ts';
import { joinCluster } from './joining.ts';
import type { NodeOptions } from './options.ts';
import type { Peers } from './peers.ts';
import type { Replicas } from './replicas.ts';
import { type Roster, rosterOf, writeRoster } from './roster.ts';
import type { Services } from './services.ts';

export interface MembershipOptions {
  readonly node: Pick<NodeOptions, 'join' | 'clock' | 'disk' | 'refuse' | 'notice'>;
  readonly self: NodeRecord;
  readonly peers: Peers;
  readonly services: Services;
  readonly formation: Formation;
  readonly replicas: Replicas;
  readonly log: Pick<WriteAheadLog, 'isPrepared'>;
}

/** What follows from the nodes of the newest map: whom this node is connected to, and whether it belongs to them itself. */
export class Membership {
  readonly #options: MembershipOptions;
  #stopped = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** The node belongs to a cluster. To be called once. */
  know(roster: Roster): void {
    this.#options.replicas.know(roster);
    this.follow();
  }

  /** Connections are to the nodes of the newest map; a node that was removed stops (F26). */
  follow(): void {
    const { self, peers, formation, node, replicas } = this.#options;
    const { nodes, removed } = replicas.roster;
    if (removed.some(({ incarnation }) => incarnation === self.incarnation)) {
      node.refuse(removedText(self.name, formation.record?.clusterId ?? NO_CLUSTER));
    }
    peers.follow(nodes.map(({ name, peer }) => ({ name, address: peer })));
  }

  /** Gets an empty node into a running cluster, however long that takes. */
  async join(): Promise<void> {
    const { self, peers, services, formation, node, log } = this.#options;
    const map = await joinCluster({
      self,
      addresses: node.join ?? [],
      clock: node.clock,
      peers,
      ask: (name, request, timeoutMs) => services.askController(name, request, timeoutMs),
      isStopped: () => this.#stopped,
      isPrepared: () => log.isPrepared,
      refuse: node.refuse,
      notice: node.notice,
    });
    if (!map || this.#stopped) return;
    // What the record of the cluster does not say of a node that joins: who has the controller.
    await whereThereIsRoom(() => writeRoster(node.disk, rosterOf(map)));
    this.know(rosterOf(map));
    await formation.join({ clusterId: map.clusterId, nodes: map.nodes });
  }

  stop(): void {
    this.#stopped = true;
  }
}
