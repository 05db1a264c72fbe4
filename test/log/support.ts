import {
  type LogDamage,
  type LogEntry,
  type LogHardState,
  type LogOptions,
  type LogPosition,
  openLog,
  type RecoveredReplica,
  type WriteAheadLog,
} from '../../src/log/index.ts';
import type { Disk } from '../../src/ports/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';

export function entry(
  index: number,
  term: number,
  text = `entry ${index} of term ${term}`,
): LogEntry {
  return { index, term, kind: 'normal', data: new TextEncoder().encode(text) };
}

export function entries(from: number, to: number, term: number, bytes = 20): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, i) =>
    entry(from + i, term, `${from + i}.${term}`.padEnd(bytes, '.')),
  );
}

/** What was found of a replica, with its entries read back. */
export interface FoundReplica {
  readonly hardState: LogHardState;
  readonly compacted: LogPosition;
  readonly entries: readonly LogEntry[];
}

/** [index, term] of each. */
export function places(replica: FoundReplica | undefined): number[][] {
  return (replica?.entries ?? []).map(({ index, term }) => [index, term]);
}

export interface Opened {
  readonly log: WriteAheadLog;
  readonly replicas: Map<number, FoundReplica>;
  readonly damage: readonly LogDamage[];
  /** What `onFatal` was called with. */
  readonly fatal: Error[];
}

export async function opened(disk: Disk, options: Partial<LogOptions> = {}): Promise<Opened> {
  const fatal: Error[] = [];
  const damage: LogDamage[] = [];
  const { log, replicas } = await openLog(disk, 'log', {
    segmentBytes: 64 * 1024,
    onFatal: (error) => fatal.push(error),
    onDamage: async (found) => void damage.push(...found),
    ...options,
  });
  return { log, replicas: await readBack(log, replicas), damage, fatal };
}

export async function readBack(
  log: WriteAheadLog,
  replicas: ReadonlyMap<number, RecoveredReplica>,
): Promise<Map<number, FoundReplica>> {
  const found = new Map<number, FoundReplica>();
  for (const [id, { hardState, compacted, last }] of replicas) {
    const entries = await entriesOf(log, id, compacted.index + 1, last + 1);
    found.set(id, { hardState, compacted, entries });
  }
  return found;
}

/** All entries of [from, to), which the log must have. */
export async function entriesOf(
  log: WriteAheadLog,
  replica: number,
  from: number,
  to: number,
  bytesMax = 1 << 20,
): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  while (from + entries.length < to) {
    const read = await log.read(replica, from + entries.length, to, bytesMax);
    if (read.length === 0) throw new Error(`entry ${from + entries.length} cannot be read`);
    entries.push(...read);
  }
  return entries;
}

/** Appends entries and resolves when they are durable. */
export function written(log: WriteAheadLog, replica: number, list: LogEntry[]): Promise<void> {
  return new Promise((resolve) => {
    log.append(replica, { entries: list }, resolve);
    log.flush();
  });
}

/** The files of the log, oldest first. */
export async function segmentsOf(disk: Disk): Promise<string[]> {
  return (await disk.list('log')).map((name) => `log/${name}`);
}

/** Copies the log onto a fresh disk, durably; `change` returns what is there in place of a file, or nothing for no file. */
export async function copied(
  disk: MemoryDisk,
  change: (bytes: Uint8Array, path: string) => Uint8Array | undefined = (bytes) => bytes,
): Promise<MemoryDisk> {
  const copy = new MemoryDisk();
  await copy.makeDirectory('log');
  for (const path of await segmentsOf(disk)) {
    const bytes = change(disk.content(path), path);
    if (!bytes) continue;
    const file = await copy.open(path, { create: true });
    await file.write(0, bytes);
    await file.sync();
    await file.close();
  }
  await copy.syncDirectory('log');
  return copy;
}

/** Writes batches of ten entries of replica 1 until the log has this many segments; returns the last index. */
export async function fill(log: WriteAheadLog, segments: number, last = 0): Promise<number> {
  let index = last;
  while (log.liveSegments < segments) {
    await written(log, 1, entries(index + 1, index + 10, 1, 200));
    index += 10;
  }
  return index;
}

/** Until everything that needs no release from outside has happened. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}
