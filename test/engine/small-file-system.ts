import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallFileSystem {
  readonly directory: string;
  /** Takes all the room that is left, but for some bytes. */
  fill(spared?: number): void;
  /** Gives it back. */
  free(): void;
  destroy(): void;
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** An ext4 file system in a file of so many megabytes; undefined where one may not be mounted. */
export function makeSmallFileSystem(name: string, megabytes: number): SmallFileSystem | undefined {
  const base = join(tmpdir(), `flotilla-${name}-${process.pid}`);
  const directory = join(base, 'mount');
  const image = join(base, 'image');
  const filler = join(directory, 'filler');
  mkdirSync(directory, { recursive: true });
  const made =
    run('truncate', '-s', `${megabytes}M`, image) &&
    run('mkfs.ext4', '-q', '-F', '-m', '0', '-O', '^has_journal', image) &&
    run('mount', '-o', 'loop', image, directory);
  if (!made) {
    rmSync(base, { recursive: true });
    return undefined;
  }
  return {
    directory,
    fill: (spared = 0) => {
      // Ends when nothing fits any more.
      run('dd', 'if=/dev/zero', `of=${filler}`, 'bs=64k');
      if (spared > 0) run('truncate', '-s', `-${spared}`, filler);
      run('sync', '-f', directory);
    },
    free: () => {
      writeFileSync(filler, '');
      run('sync', '-f', directory);
    },
    destroy: () => {
      run('umount', directory);
      rmSync(base, { recursive: true });
    },
  };
}
