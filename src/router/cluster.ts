import type {
  ClusterMap,
  ControllerReply,
  ControllerRequest,
  GroupId,
  NodeName,
} from '../controller/index.ts';
import type { GroupReply, GroupRequest } from '../store/index.ts';

/** The cluster as a router reaches it; node/ fulfils this on real connections, the simulator on simulated ones. */
export interface Cluster {
  /** The node that the router runs on. */
  readonly self: NodeName;
  /** The newest map that this node has seen. */
  readonly map: ClusterMap;
  /** A map that a request brought: kept if it is newer. */
  learnMap(map: ClusterMap): void;
  /** The node that leads the group as far as this node knows by itself. */
  leaderOf(group: GroupId): NodeName | undefined;
  /**
   * Asks a node, this one included. Answers `unknown` when the connection breaks, the node falls silent or `timeoutMs`
   * passes: the request may have been carried out or not. `overloaded` when there is no room to send it. Never rejects.
   */
  askGroup(node: NodeName, request: GroupRequest, timeoutMs: number): Promise<GroupReply>;
  /** Likewise, with `unavailable`. */
  askController(
    node: NodeName,
    request: ControllerRequest,
    timeoutMs: number,
  ): Promise<ControllerReply>;
}
