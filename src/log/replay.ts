import type { Chunk, LogRecord } from './chunk.ts';
import {
  CARRY,
  ENTRIES,
  HARD_STATE,
  RANGE,
  REMOVE,
  RESET,
  type SegmentName,
  TRIM,
  VOID,
} from './format.ts';
import { LiveIndex } from './live-index.ts';
import type { LogDamage, RecoveredReplica } from './types.ts';

/** The state of every replica's log after the records so far, and what was found damaged on the way. */
export class Replay {
  readonly live = new LiveIndex();
  #damage: LogDamage[] = [];

  apply(chunk: Chunk, record: LogRecord, segment: SegmentName): void {
    const { kind, replica, index, term, count } = record;
    if (kind === VOID) {
      this.live.clear();
      this.#damage = [];
      return;
    }
    if (kind === REMOVE) {
      this.live.remove(replica);
      this.#heal(replica);
      return;
    }
    const live = this.live.ensure(replica);
    switch (kind) {
      case ENTRIES:
        live.append(index, count, term, placeOf(record, segment));
        return;
      case CARRY:
        live.carry(index, count, term, placeOf(record, segment));
        return;
      case HARD_STATE:
        live.hardState = { term, vote: chunk.number(record), commit: index };
        return;
      case RESET:
        live.reset({ index, term });
        return;
      case TRIM:
        live.trim({ index, term });
        return;
      case RANGE:
        live.trim({ index, term });
        live.last = chunk.number(record);
        return;
      default:
        throw new Error(`log record of unknown kind ${kind} for replica ${replica}`);
    }
  }

  damaged(damage: LogDamage): void {
    this.#damage.push(damage);
  }

  /** Entries that no record holds went with a segment that is gone: `oldest` is the first file that is there. */
  finish(oldest: string): { replicas: Map<number, RecoveredReplica>; damage: LogDamage[] } {
    const lost = new Set(this.#damage.flatMap(({ replicas }) => replicas ?? []));
    const isAnybodys = this.#damage.some(({ replicas }) => replicas === undefined);
    const recovered = new Map<number, RecoveredReplica>();
    for (const [replica, live] of this.live.replicas()) {
      const { hardState, compacted, last } = live;
      const missing = live.missing();
      if (missing !== undefined && !isAnybodys && !lost.has(replica)) {
        const reason = `entries of replica ${replica} from ${missing} on are missing`;
        this.#damage.push({ file: oldest, offset: 0, reason, replicas: [replica] });
      } else if (!lost.has(replica)) {
        recovered.set(replica, { hardState, compacted, last, terms: live.termStarts() });
      }
    }
    if (isAnybodys) recovered.clear();
    return { replicas: recovered, damage: this.#damage };
  }

  #heal(replica: number): void {
    this.#damage = this.#damage.flatMap((damage) => {
      if (!damage.replicas?.includes(replica)) return [damage];
      const replicas = damage.replicas.filter((other) => other !== replica);
      return replicas.length > 0 ? [{ ...damage, replicas }] : [];
    });
  }
}

function placeOf({ offset, end }: LogRecord, { generation }: SegmentName) {
  return { segment: generation, offset, length: end - offset };
}
