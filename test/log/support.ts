import {
  type LogEntry,
  type LogOptions,
  openLog,
  type RecoveredReplica,
  type WriteAheadLog,
} from '../../src/log/index.ts';
import type { Disk, DiskError } from '../../src/ports/index.ts';

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

/** [index, term] of each. */
export function places(replica: RecoveredReplica | undefined): number[][] {
  return (replica?.entries ?? []).map(({ index, term }) => [index, term]);
}

export interface Opened {
  readonly log: WriteAheadLog;
  readonly replicas: Map<number, RecoveredReplica>;
  /** What `onFatal` was called with. */
  readonly fatal: DiskError[];
}

export async function opened(disk: Disk, options: Partial<LogOptions> = {}): Promise<Opened> {
  const fatal: DiskError[] = [];
  const { log, replicas } = await openLog(disk, 'log', {
    segmentBytes: 64 * 1024,
    onFatal: (error) => fatal.push(error),
    ...options,
  });
  return { log, replicas, fatal };
}

/** Appends entries and resolves when they are durable. */
export function written(log: WriteAheadLog, replica: number, list: LogEntry[]): Promise<void> {
  return new Promise((resolve) => {
    log.append(replica, { entries: list }, resolve);
    log.flush();
  });
}

/** Until everything that needs no release from outside has happened. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}
