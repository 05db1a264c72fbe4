/**
 * One server (the fourth stage, with router/): many groups over one log, one engine and a connection to each peer, and one
 * beside it for what is large.
 *
 * In: an identity (a data directory), the ports, an engine. Out: a `Node` that forms or joins its cluster, keeps its
 * replicas, answers peers, and lets routers ask any node (`Cluster` in router/).
 * Assumed: the data directory belongs to this process alone; what `fatal` is called with ends the process.
 * Promised: a directory that is not what the cluster's record says is refused in one line, by whoever meets it, and harms
 * nothing (C7); replicas exist only where the controller's records say so (C6); memory for unsent messages is bounded.
 */
export { type Identity, openIdentity, StartError } from './identity.ts';
export { quarantineAll } from './lost-engine.ts';
export { Node } from './node.ts';
export type { NodeLimits, NodeOptions, NodeWatcher } from './options.ts';
export type { PeerAddress } from './peers.ts';
export { forgetNodes } from './rescue.ts';
export type { ClusterStatus } from './status.ts';
