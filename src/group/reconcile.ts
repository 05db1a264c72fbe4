import type { ReplicaState } from '../engine/index.ts';
import type { LogHardState, LogPosition } from '../log/index.ts';
import type { Entry, ReplicaId, StoredLog } from '../raft/index.ts';
import type { RecoveredLog } from './recovered-log.ts';

export interface Reconciled {
  readonly hardState: LogHardState;
  /** Entries up to here are not in memory. */
  readonly compacted: LogPosition;
  /** What of them the log can read back. */
  readonly stored: StoredLog;
  readonly entries: readonly Entry[];
  /** The log must start anew after this place before anything is appended. */
  readonly reset: LogPosition | undefined;
}

const START: LogPosition = { index: 0, term: 0 };
const NOTHING: RecoveredLog = {
  hardState: { term: 0, vote: 0, commit: 0 },
  compacted: START,
  terms: [],
  base: START,
  entries: [],
};

/**
 * Fits log and engine together after a start (F31).
 *
 * The engine is at some index A, durable with its data (E1). The log holds entries C + 1 to L. Trimming never passes A and
 * flushing never passes L, so C ≤ A ≤ L, unless a snapshot was being installed when the process died: the engine had
 * switched to it and the log was not yet reset. Then the log starts anew after A. So does that of a replica in quarantine,
 * which has none left: its state holds only what was committed. Anything else is damage, and throws.
 */
export function reconcile(
  replica: ReplicaId,
  state: Pick<ReplicaState, 'appliedIndex' | 'appliedTerm'>,
  recovered: RecoveredLog | undefined,
  isQuarantined = false,
): Reconciled {
  const applied = { index: state.appliedIndex, term: state.appliedTerm };
  if (!recovered && applied.index > 0 && !isQuarantined) {
    throw new Error(
      `replica ${replica}: the engine ends at ${applied.index}, and the log knows nothing of it: its votes are lost`,
    );
  }
  const { hardState, compacted, base, terms, entries } = recovered ?? NOTHING;
  if (applied.index < compacted.index) {
    throw new Error(
      `replica ${replica}: the engine ends at ${applied.index}, the log begins after ${compacted.index}: ` +
        'what lies between is lost on this node',
    );
  }
  const commit = Math.max(hardState.commit, applied.index);
  if (base.index === applied.index && base.term === applied.term) {
    const stored = { compacted, terms };
    const current = { ...hardState, commit };
    return { hardState: current, compacted: base, stored, entries, reset: undefined };
  }
  const newer = Math.max(hardState.term, applied.term);
  const vote = newer === hardState.term ? hardState.vote : 0;
  return {
    hardState: { term: newer, vote, commit: applied.index },
    compacted: applied,
    stored: { compacted: applied, terms: [] },
    entries: [],
    reset: applied,
  };
}
