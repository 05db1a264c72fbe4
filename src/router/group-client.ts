import type { GroupId, NodeName } from '../controller/index.ts';
import type { GroupReply, GroupRequest } from '../store/index.ts';
import type { Attempts } from './attempts.ts';
import type { Cluster } from './cluster.ts';
import { RoutingTable } from './routing-table.ts';

/** Asks the replicas of groups, and remembers who leads them. */
export class GroupClient {
  readonly #cluster: Cluster;
  readonly #leaders = new Map<GroupId, NodeName>();
  #routing: RoutingTable;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#routing = new RoutingTable(cluster.map);
  }

  /** Of the newest map that this node has seen. */
  get routing(): RoutingTable {
    const { map } = this.#cluster;
    if (this.#routing.map !== map) this.#routing = new RoutingTable(map);
    return this.#routing;
  }

  /** What is answered is for {@link learnLeader} first. */
  askLeader(request: GroupRequest, attempts: Attempts): Promise<GroupReply> {
    const { group } = request;
    const known = this.#cluster.leaderOf(group) ?? this.#leaders.get(group);
    return this.#ask(attempts.next(known, this.routing.replicas(group)), request, attempts);
  }

  learnLeader(group: GroupId, reply: GroupReply, attempts: Attempts): void {
    if (reply.kind === 'not-leader' && reply.leader !== '') {
      this.#leaders.set(group, reply.leader);
      attempts.redirect(reply.leader);
    } else if (reply.kind === 'not-leader' || reply.kind === 'unknown') {
      this.#leaders.delete(group);
    } else if (attempts.asked !== undefined) {
      this.#leaders.set(group, attempts.asked);
    }
  }

  /**
   * This node if it holds a replica: it asks its leader for no more than the read index (R6). What is answered is for
   * {@link learnFromReplica} first.
   */
  askReplica(request: GroupRequest, attempts: Attempts): Promise<GroupReply> {
    const replicas = this.routing.replicas(request.group);
    const { self } = this.#cluster;
    const preferred = replicas.includes(self) ? self : this.#leaders.get(request.group);
    return this.#ask(attempts.next(preferred, replicas), request, attempts);
  }

  /** A replica that is behind, as one that has just come, names the leader, which is not. */
  learnFromReplica(group: GroupId, reply: GroupReply, attempts: Attempts): void {
    if (reply.kind === 'not-leader' && reply.leader !== '') {
      this.learnLeader(group, reply, attempts);
    }
  }

  #ask(node: NodeName | undefined, request: GroupRequest, attempts: Attempts): Promise<GroupReply> {
    if (node === undefined) return Promise.resolve({ kind: 'wrong-shard' });
    return this.#cluster.askGroup(node, request, attempts.tryTimeoutMs);
  }
}
