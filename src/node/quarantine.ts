import type { LogDamage } from '../log/index.ts';
import type { Disk } from '../ports/index.ts';
import type { ReplicaId } from '../raft/index.ts';
import { readRecord, writeRecord } from './small-file.ts';

const QUARANTINE_FILE = 'quarantine';

/** A replica whose log was damaged: it never votes or acknowledges again (L2). */
export interface QuarantineRecord {
  readonly replica: ReplicaId;
  /** How often its log was lost. */
  readonly times: number;
  /** Where, the last time. */
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
}

export async function readQuarantine(disk: Disk): Promise<readonly QuarantineRecord[]> {
  return ((await readRecord(disk, QUARANTINE_FILE)) as QuarantineRecord[] | undefined) ?? [];
}

/**
 * Adds the replicas of `damage` for good, before anything of them runs; `own` are those of this node, of which any may be
 * damaged where the log cannot tell.
 */
export async function quarantine(
  disk: Disk,
  known: readonly QuarantineRecord[],
  damage: readonly LogDamage[],
  own: readonly ReplicaId[],
): Promise<readonly QuarantineRecord[]> {
  const records = new Map(known.map((record) => [record.replica, record]));
  const added = new Set<ReplicaId>();
  for (const { file, offset, reason, replicas } of damage) {
    for (const replica of replicas ?? own) {
      if (added.has(replica)) continue;
      added.add(replica);
      const times = 1 + (records.get(replica)?.times ?? 0);
      records.set(replica, { replica, times, file, offset, reason });
    }
  }
  await writeRecord(disk, QUARANTINE_FILE, [...records.values()]);
  return [...records.values()];
}

export function quarantineText({ file, offset, reason }: QuarantineRecord): string {
  return `quarantined: ${file} is damaged at byte ${offset}: ${reason}`;
}
