import type { ControllerCommand, ControllerOutcome } from './command.ts';
import type { ClusterMap, ConfigNumber, Configuration } from './types.ts';

/** What nodes and routers ask the controller's replicas. On the wire it is JSON. */
export type ControllerRequest =
  /** For the leader. */
  | { readonly kind: 'command'; readonly command: ControllerCommand }
  /** The map: with `consistent` not older than the request, which needs a leader; else the newest that the node has seen. */
  | { readonly kind: 'map'; readonly consistent: boolean }
  /** A configuration by its number, -1 for the newest, as of a moment not before the request, which needs a leader. */
  | { readonly kind: 'query'; readonly number: ConfigNumber }
  /** The map as soon as its number is above `after`, from any replica, or any node that has one; `unavailable` when that takes long. */
  | { readonly kind: 'watch'; readonly after: ConfigNumber };

export type ControllerReply =
  | { readonly kind: 'outcome'; readonly outcome: ControllerOutcome }
  | { readonly kind: 'map'; readonly map: ClusterMap }
  | { readonly kind: 'configuration'; readonly configuration: Configuration }
  /** There is no such configuration, for this reason. */
  | { readonly kind: 'no-configuration'; readonly reason: string }
  /** Nothing was done; `leader` is a node's name, empty when not known. */
  | { readonly kind: 'not-leader'; readonly leader: string }
  /** Not known whether it was done: ask again, commands are idempotent. */
  | { readonly kind: 'unavailable' };
