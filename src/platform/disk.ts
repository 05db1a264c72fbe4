import * as fs from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Disk, DiskError, type DiskErrorCode, type DiskFile } from '../ports/index.ts';

const open = promisify(fs.open);
const close = promisify(fs.close);
const fsync = promisify(fs.fsync);

/** Files below `root`, which exists. */
export function nodeDisk(root: string): Disk {
  const full = (path: string) => join(root, path);
  return {
    open: (path, options = {}) =>
      attempt(path, async () => {
        const { O_RDWR, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;
        const flags =
          O_RDWR | (options.create ? O_CREAT | O_EXCL : 0) | (options.durableWrites ? O_DSYNC : 0);
        return new OpenFile(path, await open(full(path), flags, 0o600));
      }),
    list: (directory) =>
      attempt(directory, async () => (await fs.promises.readdir(full(directory))).sort()),
    exists: (path) =>
      fs.promises.access(full(path)).then(
        () => true,
        () => false,
      ),
    makeDirectory: (path) =>
      attempt(path, async () => {
        await fs.promises.mkdir(full(path), { recursive: true, mode: 0o700 });
      }),
    rename: (from, to) => attempt(from, () => fs.promises.rename(full(from), full(to))),
    remove: (path) =>
      attempt(path, () => fs.promises.rm(full(path), { recursive: true, force: true })),
    syncDirectory: (path) =>
      attempt(path, async () => {
        const directory = await open(full(path), fs.constants.O_RDONLY);
        try {
          await fsync(directory);
        } finally {
          await close(directory);
        }
      }),
    freeBytes: () =>
      attempt('', async () => {
        const { bavail, bsize } = await fs.promises.statfs(root);
        return bavail * bsize;
      }),
  };
}

/** Works on the file's number: a `FileHandle` makes several promises and objects of a write, which the log waits for. */
class OpenFile implements DiskFile {
  readonly #path: string;
  /** Undefined once it is to be closed. */
  #fd: number | undefined;
  /** Calls under way have the number, which would be another file's once it is given back. */
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return Promise.reject(this.#closed());
    this.#underWay++;
    return new Promise((resolve, reject) => {
      const writeFrom = (written: number) => {
        const [left, at] = [bytes.length - written, position + written];
        fs.write(fd, bytes, written, left, at, (error, count) => {
          if (!error && count < left) return writeFrom(written + count);
          this.#ended();
          if (error) reject(diskError(this.#path, error));
          else resolve();
        });
      };
      writeFrom(0);
    });
  }

  read(
    position: number,
    length: number,
    into: Uint8Array = new Uint8Array(length),
  ): Promise<Uint8Array> {
    const fd = this.#fd;
    if (fd === undefined) return Promise.reject(this.#closed());
    this.#underWay++;
    const bytes = into.subarray(0, length);
    return new Promise((resolve, reject) => {
      const readFrom = (filled: number) => {
        const [left, at] = [length - filled, position + filled];
        fs.read(fd, bytes, filled, left, at, (error, count) => {
          if (!error && count > 0 && count < left) return readFrom(filled + count);
          this.#ended();
          if (error) reject(diskError(this.#path, error));
          else resolve(bytes.subarray(0, filled + count));
        });
      };
      readFrom(0);
    });
  }

  sync(): Promise<void> {
    return this.#with(fsync);
  }

  truncate(length: number): Promise<void> {
    return this.#with((fd) => promisify(fs.ftruncate)(fd, length));
  }

  size(): Promise<number> {
    return this.#with(async (fd) => (await promisify(fs.fstat)(fd)).size);
  }

  close(): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return Promise.reject(this.#closed());
    this.#fd = undefined;
    return attempt(this.#path, async () => {
      if (this.#underWay > 0) {
        await new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        });
      }
      await close(fd);
    });
  }

  async #with<T>(work: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.#fd;
    if (fd === undefined) throw this.#closed();
    this.#underWay++;
    try {
      return await attempt(this.#path, () => work(fd));
    } finally {
      this.#ended();
    }
  }

  #ended(): void {
    if (--this.#underWay === 0) this.#onIdle?.();
  }

  #closed(): DiskError {
    return new DiskError('failed', `${this.#path}: closed`);
  }
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
    throw diskError(path, error);
  }
}

function diskError(path: string, error: unknown): DiskError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new DiskError(CODES.get(code) ?? 'failed', `${path}: ${code || String(error)}`);
}
