import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { type Disk, DiskError, type DiskErrorCode, type DiskFile } from '../ports/index.ts';

/** Files below `root`, which exists. */
export function nodeDisk(root: string): Disk {
  const full = (path: string) => join(root, path);
  return {
    open: (path, options = {}) =>
      attempt(path, async () => {
        const flags =
          constants.O_RDWR |
          (options.create ? constants.O_CREAT | constants.O_EXCL : 0) |
          (options.durableWrites ? constants.O_DSYNC : 0);
        return openedFile(path, await fs.open(full(path), flags, 0o600));
      }),
    list: (directory) => attempt(directory, async () => (await fs.readdir(full(directory))).sort()),
    exists: (path) =>
      fs.access(full(path)).then(
        () => true,
        () => false,
      ),
    makeDirectory: (path) =>
      attempt(path, async () => {
        await fs.mkdir(full(path), { recursive: true, mode: 0o700 });
      }),
    rename: (from, to) => attempt(from, () => fs.rename(full(from), full(to))),
    remove: (path) => attempt(path, () => fs.rm(full(path), { recursive: true, force: true })),
    syncDirectory: (path) =>
      attempt(path, async () => {
        const directory = await fs.open(full(path), constants.O_RDONLY);
        try {
          await directory.sync();
        } finally {
          await directory.close();
        }
      }),
    freeBytes: () =>
      attempt('', async () => {
        const { bavail, bsize } = await fs.statfs(root);
        return bavail * bsize;
      }),
  };
}

function openedFile(path: string, handle: fs.FileHandle): DiskFile {
  return {
    write: (position, bytes) =>
      attempt(path, async () => {
        let written = 0;
        while (written < bytes.length) {
          const { bytesWritten } = await handle.write(
            bytes,
            written,
            bytes.length - written,
            position + written,
          );
          written += bytesWritten;
        }
      }),
    read: (position, length) =>
      attempt(path, async () => {
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await handle.read(
            bytes,
            filled,
            length - filled,
            position + filled,
          );
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      }),
    sync: () => attempt(path, () => handle.sync()),
    truncate: (length) => attempt(path, () => handle.truncate(length)),
    size: () => attempt(path, async () => (await handle.stat()).size),
    close: () => attempt(path, () => handle.close()),
  };
}

const CODES: ReadonlyMap<string, DiskErrorCode> = new Map([
  ['ENOENT', 'not-found'],
  ['EEXIST', 'exists'],
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
  ['EROFS', 'denied'],
]);

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new DiskError(CODES.get(code) ?? 'failed', `${path}: ${code || String(error)}`);
  }
}
