import type { ControllerOutcome } from './command.ts';
import type { ClusterMap, GroupId, ShardId, Table, TableId } from './types.ts';

/** Everything that the controller's commands are decided on. Immutable. */
export interface ControllerState {
  readonly map: ClusterMap;
  /** Ids are given out once (C6, S6). */
  readonly nextReplica: number;
  readonly nextTable: TableId;
  readonly nextShard: ShardId;
  /** Above every group that there ever was: a node that was away must not take one for another. */
  readonly nextGroup: GroupId;
}

/** What a command changes. Without `head` and `tables` it changes nothing. */
export interface Change {
  readonly outcome: ControllerOutcome;
  /** So many numbers of maps are left out. */
  readonly skips?: number;
  /** Of everything but the tables; the map's number is counted up by whoever takes the change in. */
  readonly head?: {
    readonly map?: Omit<ClusterMap, 'number' | 'digest' | 'tables'>;
    readonly nextReplica?: number;
    readonly nextTable?: TableId;
    readonly nextShard?: ShardId;
    readonly nextGroup?: GroupId;
  };
  /** Tables in their new form, or with `undefined` their end. */
  readonly tables?: readonly { readonly id: TableId; readonly next: Table | undefined }[];
}

export const DONE: Change = { outcome: { kind: 'done' } };

export function refused(reason: string): Change {
  return { outcome: { kind: 'refused', reason } };
}
