import type { ReplicaStates } from '../engine/index.ts';
import type { LogDamage, RecoveredReplica, WriteAheadLog } from '../log/index.ts';
import type { Disk } from '../ports/index.ts';
import type { ReplicaId } from '../raft/index.ts';
import { readRecord, writeRecord } from './small-file.ts';

const QUARANTINE_FILE = 'quarantine';

/** A replica whose log was damaged (L2), or whose state was wrong (S3): it never votes or acknowledges again. */
export interface QuarantineRecord {
  readonly replica: ReplicaId;
  /** How often its log was lost. */
  readonly times: number;
  /** Where, the last time; empty when it was the state. */
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
  /** Its state and what is left of its log are still to be thrown away, before it is opened. */
  readonly isToBeCleared: boolean;
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
      const { times = 0, isToBeCleared = false } = records.get(replica) ?? {};
      records.set(replica, { replica, times: times + 1, file, offset, reason, isToBeCleared });
    }
  }
  await writeRecord(disk, QUARANTINE_FILE, [...records.values()]);
  return [...records.values()];
}

/** Adds a replica whose state is wrong for good: whatever it holds is thrown away at the next start. */
export async function quarantineState(
  disk: Disk,
  known: readonly QuarantineRecord[],
  replica: ReplicaId,
  reason: string,
): Promise<void> {
  const times = 1 + (known.find((record) => record.replica === replica)?.times ?? 0);
  const others = known.filter((record) => record.replica !== replica);
  const record = { replica, times, file: '', offset: 0, reason, isToBeCleared: true };
  await writeRecord(disk, QUARANTINE_FILE, [...others, record]);
}

/** What was to be thrown away is. */
async function quarantineCleared(
  disk: Disk,
  known: readonly QuarantineRecord[],
): Promise<readonly QuarantineRecord[]> {
  const records = known.map((record) => ({ ...record, isToBeCleared: false }));
  await writeRecord(disk, QUARANTINE_FILE, records);
  return records;
}

/** Of replicas that went apart nothing is kept: they begin as empty ones do, with a snapshot (S3). */
export async function clearWrongStates(
  known: readonly QuarantineRecord[],
  states: ReplicaStates,
  log: WriteAheadLog,
  disk: Disk,
): Promise<readonly QuarantineRecord[]> {
  const wrong = known.filter(({ isToBeCleared }) => isToBeCleared);
  if (wrong.length === 0) return known;
  const nowhere = { index: 0, term: 0 };
  const hardState = { term: 0, vote: 0, commit: 0 };
  for (const { replica } of wrong) {
    await (await states.open(replica)).remove();
    await new Promise<void>((resolve) => {
      log.append(replica, { reset: nowhere, hardState }, resolve);
      log.flush();
    });
  }
  return quarantineCleared(disk, known);
}

export function quarantineText(record: QuarantineRecord): string {
  return `quarantined: ${causeText(record)}`;
}

export function causeText({ file, offset, reason }: QuarantineRecord): string {
  return file === '' ? reason : `${file} is damaged at byte ${offset}: ${reason}`;
}

/** What the log holds of replicas whose state was wrong is thrown away with it. */
export function withoutWrong(
  recovered: ReadonlyMap<ReplicaId, RecoveredReplica>,
  inQuarantine: readonly QuarantineRecord[],
): ReadonlyMap<ReplicaId, RecoveredReplica> {
  const left = new Map(recovered);
  for (const { replica, isToBeCleared } of inQuarantine) if (isToBeCleared) left.delete(replica);
  return left;
}
