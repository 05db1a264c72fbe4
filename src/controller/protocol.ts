import type { ControllerCommand, ControllerOutcome } from './command.ts';
import type { ClusterMap, ConfigNumber } from './types.ts';

/** What nodes and routers ask the controller's replicas. On the wire it is JSON. */
export type ControllerRequest =
  /** For the leader. */
  | { readonly kind: 'command'; readonly command: ControllerCommand }
  /** The map: with `consistent` not older than the request, which needs a leader; else the newest that the node has seen. */
  | { readonly kind: 'map'; readonly consistent: boolean }
  /** The map as soon as its number is above `after`, from any replica, or any node that has one; `unavailable` when that takes long. */
  | { readonly kind: 'watch'; readonly after: ConfigNumber };

export type ControllerReply =
  | { readonly kind: 'outcome'; readonly outcome: ControllerOutcome }
  | { readonly kind: 'map'; readonly map: ClusterMap }
  /** Nothing was done; `leader` is a node's name, empty when not known. */
  | { readonly kind: 'not-leader'; readonly leader: string }
  /** Not known whether it was done: ask again, commands are idempotent. */
  | { readonly kind: 'unavailable' };
