import type { BatchWriter, Placed } from './batch-writer.ts';
import { REMOVE, RESET, type RecordPlace, TRIM, VOID } from './format.ts';
import type { LiveIndex, LiveReplica } from './live-index.ts';
import type { LogAppend, LogEntry, LogPosition } from './types.ts';

/** What waits to be written, or is being written; `bytes` is the exact length of its records. */
export type Queued =
  | {
      readonly kind: 'step';
      readonly replica: number;
      readonly step: LogAppend;
      readonly bytes: number;
      readonly done: () => void;
    }
  | {
      readonly kind: 'trim';
      readonly replica: number;
      readonly position: LogPosition;
      readonly bytes: number;
    }
  | { readonly kind: 'remove' | 'void'; readonly replica: number; readonly bytes: number };

const NOWHERE: LogPosition = { index: 0, term: 0 };

export function encode(writer: BatchWriter, queued: Queued): void {
  switch (queued.kind) {
    case 'step': {
      const { replica, step } = queued;
      if (step.reset) writer.position(RESET, replica, step.reset);
      if (step.entries) writer.entries(replica, step.entries);
      if (step.hardState) writer.hardState(replica, step.hardState);
      return;
    }
    case 'trim':
      writer.position(TRIM, queued.replica, queued.position);
      return;
    case 'remove':
      writer.position(REMOVE, queued.replica, NOWHERE);
      return;
    case 'void':
      writer.position(VOID, 0, NOWHERE);
      return;
  }
}

/** Hands out, in the order in which they were encoded, where the records of a written batch stand. */
export class WrittenRecords {
  readonly #placed: readonly Placed[];
  readonly #segment: number;
  readonly #offset: number;
  #next = 0;

  /** `offset`: of the batch in its segment. */
  constructor(placed: readonly Placed[], segment: number, offset: number) {
    this.#placed = placed;
    this.#segment = segment;
    this.#offset = offset;
  }

  /** The records that hold the entries up to `lastIndex`: one for each term. */
  forEach(
    entries: readonly LogEntry[],
    use: (first: number, count: number, term: number, place: RecordPlace) => void,
  ): void {
    for (let left = entries.length; left > 0; ) {
      const placed = this.#placed[this.#next++];
      if (!placed) throw new Error(`${left} entries have no record`);
      const { first, count, term, offset, length } = placed;
      use(first, count, term, { segment: this.#segment, offset: this.#offset + offset, length });
      left -= count;
    }
  }
}

export function becameDurable(live: LiveIndex, queued: Queued, records: WrittenRecords): void {
  switch (queued.kind) {
    case 'step':
      stepBecameDurable(live.ensure(queued.replica), queued.step, records);
      return;
    case 'trim':
      live.ensure(queued.replica).trim(queued.position);
      return;
    case 'remove':
      live.remove(queued.replica);
      return;
    case 'void':
      live.clear();
      return;
  }
}

function stepBecameDurable(
  live: LiveReplica,
  { reset, entries, hardState }: LogAppend,
  records: WrittenRecords,
): void {
  if (reset) live.reset(reset);
  if (entries) {
    records.forEach(entries, (first, count, term, place) => live.append(first, count, term, place));
  }
  if (hardState) live.hardState = hardState;
}
