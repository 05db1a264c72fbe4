import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { atEnd } from './processes.ts';

/** What is the same for every system of a run. */
export interface Settings {
  readonly table: string;
  readonly keys: number;
  readonly valueBytes: number;
  /** Where every system keeps its data, so that all wait for the same disk. */
  readonly directory: string;
}

const TMPFS_MAGIC = 0x01021994;

/** Makes the directory of a run, which is removed at its end. Warns when it is not on a disk. */
export function makeDirectory(parent: string): string {
  const directory = mkdtempSync(join(parent, 'flotilla-bench-'));
  atEnd(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }));
  if (statfsSync(directory).type === TMPFS_MAGIC) {
    console.log(`${parent} is in memory: writes to it are free. Name a disk with --data.`);
  }
  return directory;
}
