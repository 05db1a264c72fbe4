import type { Reader, Write } from '../engine/index.ts';

/** The state as of the entry `appliedIndex`. */
export type AppliedState = Reader & { readonly appliedIndex: number };

/** What applying one entry changed and answers. The bytes of `result` go to whoever proposed the entry. */
export interface Applied {
  readonly writes: readonly Write[];
  readonly result: Uint8Array;
}

/**
 * The replicated state machine of a group, as the group sees it: store/ implements it for data, controller/ for the map.
 *
 * It is deterministic: the same entries in the same order give the same writes and results on every replica. What it
 * keeps in memory besides `state` follows from the entries alone, and `cacheWrites` puts it into the state at the moments
 * when the state is kept (flush, snapshot), so that `restore` finds it again.
 */
export interface StateMachine {
  /** Forgets everything and reads what `state` holds: after the start and after a snapshot. */
  restore(state: AppliedState): void;
  /**
   * Evaluates one command, on the state as of the entry before it. All or nothing: a refusal is a result without writes (S5).
   */
  apply(data: Uint8Array, state: AppliedState): Applied;
  cacheWrites(state: Reader): readonly Write[];
}
