import { type Disk, DiskError, type DiskErrorCode, type DiskFile } from '../ports/index.ts';
import { Inode, SECTOR_BYTES } from './inode.ts';

/** What a {@link MemoryDisk} is about to do, for faults: return an error code to refuse it. */
export interface DiskOperation {
  readonly kind:
    | 'open'
    | 'write'
    | 'read'
    | 'sync'
    | 'truncate'
    | 'rename'
    | 'remove'
    | 'sync-directory';
  readonly path: string;
}

/** A read or write as the disk carries it out. */
export interface Transfer {
  readonly kind: 'read' | 'write';
  readonly path: string;
  readonly position: number;
  /** Of a write; empty for a read. */
  readonly bytes: Uint8Array;
}

export interface MemoryDiskOptions {
  /** Decides which un-synced sectors and names a crash keeps. */
  readonly seed?: number;
  /** Writes that would make the files longer than this in all fail with `full`. */
  readonly capacityBytes?: number;
  /** Runs `complete` later, never at once, and in the order of the calls; a microtask later unless told. */
  readonly schedule?: (operation: DiskOperation, complete: () => void) => void;
}

const NOTHING = new Uint8Array(0);

/**
 * A disk in memory that loses what a real one may lose.
 *
 * `crash()` is a power cut: of each write that was not made durable (by `sync`, or by completing on a file opened with
 * `durableWrites`) any subset of the 512-byte sectors stays; of the names created, renamed and removed without
 * `syncDirectory` any subset holds; calls under way never settle and handles of before the crash never answer again.
 * `kill()` is the end of the process alone: the operating system keeps every completed write, durable or not, and any
 * subset of the sectors under way.
 *
 * Calls complete in order, each a microtask later, or while `hold()` is on only when `release` lets them.
 */
export class MemoryDisk implements Disk {
  /** Consulted before each call; an error code refuses it. */
  fault: ((operation: DiskOperation) => DiskErrorCode | undefined) | undefined;
  /** A disk that fails in silence does what this returns in place of a transfer, and nobody is told. */
  lie: ((transfer: Transfer) => Transfer | undefined) | undefined;
  capacityBytes: number;
  /** Writes completed since the start, for tests that count them. */
  writes = 0;
  #names = new Map<string, Inode>();
  #stableNames = new Map<string, Inode>();
  #directories = new Set<string>(['']);
  #nameChanges: NameChange[] = [];
  #epoch = 0;
  #held: (() => void)[] | undefined;
  #inFlight = new Set<PendingWrite>();
  #state: number;
  readonly #schedule: (operation: DiskOperation, complete: () => void) => void;

  constructor(options: MemoryDiskOptions = {}) {
    this.#schedule = options.schedule ?? ((_, complete) => void Promise.resolve().then(complete));
    this.#state = (options.seed ?? 1) >>> 0;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
  }

  /**
   * The disk as one process sees it: after the next crash or kill no call through it settles, so that what is left of the
   * process in this one does nothing any more.
   */
  process(): Disk {
    const epoch = this.#epoch;
    const alive = <T>(call: () => Promise<T>): Promise<T> =>
      epoch === this.#epoch ? call() : new Promise(() => {});
    return {
      open: (path, options) => alive(() => this.open(path, options)),
      list: (directory) => alive(() => this.list(directory)),
      exists: (path) => alive(() => this.exists(path)),
      makeDirectory: (path) => alive(() => this.makeDirectory(path)),
      rename: (from, to) => alive(() => this.rename(from, to)),
      remove: (path) => alive(() => this.remove(path)),
      syncDirectory: (path) => alive(() => this.syncDirectory(path)),
      freeBytes: () => alive(() => this.freeBytes()),
    };
  }

  /** Calls from now on wait for `release`. */
  hold(): void {
    this.#held ??= [];
  }

  /** Number of calls that `hold` keeps back. */
  get heldCalls(): number {
    return this.#held?.length ?? 0;
  }

  /** Lets `count` held calls complete, or all of them and ends `hold`. */
  release(count?: number): void {
    const held = this.#held ?? [];
    if (count === undefined) this.#held = undefined;
    for (const run of held.splice(0, count ?? held.length)) run();
  }

  /** A power cut. */
  crash(): void {
    this.#landInFlight((write, sector) => {
      if (this.#chance()) write.inode.landStable(write.position, write.bytes, sector);
    });
    for (const change of this.#nameChanges) {
      if (this.#chance()) applyChange(this.#stableNames, change);
    }
    for (const inode of new Set([...this.#names.values(), ...this.#stableNames.values()])) {
      inode.crash(() => this.#chance());
    }
    this.#names = new Map(this.#stableNames);
    this.#nameChanges = [];
    this.#restart();
  }

  /** The process ends; what it wrote stays in the operating system's cache. */
  kill(): void {
    this.#landInFlight((write, sector) => {
      if (this.#chance()) write.inode.landCached(write.position, write.bytes, sector);
    });
    this.#restart();
  }

  /** Inverts the bits of `mask` in one byte, as ageing does, in every copy. */
  flip(path: string, offset: number, mask = 0xff): void {
    this.#inode(path).flip(offset, mask);
  }

  /** The sector at `offset` is empty, in every copy. */
  zero(path: string, offset: number): void {
    this.#inode(path).zero(offset - (offset % SECTOR_BYTES));
  }

  /** A file ends after `length` bytes, in every copy. */
  cut(path: string, length: number): void {
    this.#inode(path).cut(length);
  }

  /** A file is gone, and its name with it. */
  lose(path: string): void {
    this.#names.delete(path);
    this.#stableNames.delete(path);
  }

  /** The content as a reader sees it now; a copy. */
  content(path: string): Uint8Array {
    return this.#inode(path).cached.slice();
  }

  /** Of all files, as a reader sees them now. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const inode of this.#names.values()) bytes += inode.cached.length;
    return bytes;
  }

  #lacksRoomFor(growth: number): boolean {
    const { capacityBytes } = this;
    return capacityBytes < Number.POSITIVE_INFINITY && this.usedBytes + growth > capacityBytes;
  }

  open(
    path: string,
    options: { readonly create?: boolean; readonly durableWrites?: boolean } = {},
  ): Promise<DiskFile> {
    return this.#call({ kind: 'open', path }, () => {
      const existing = this.#names.get(path);
      if (options.create) {
        if (existing) throw new DiskError('exists', `${path}: exists`);
        if (!this.#directories.has(parent(path))) throw notFound(parent(path));
        const inode = new Inode();
        this.#change({ kind: 'create', directory: parent(path), path, inode });
        return this.#file(path, inode, options.durableWrites ?? false);
      }
      if (!existing) throw notFound(path);
      return this.#file(path, existing, options.durableWrites ?? false);
    });
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#call({ kind: 'read', path: directory }, () => {
      if (!this.#directories.has(directory)) throw notFound(directory);
      const prefix = directory === '' ? '' : `${directory}/`;
      const names = new Set<string>();
      for (const path of [...this.#names.keys(), ...this.#directories]) {
        if (path !== '' && path !== directory && path.startsWith(prefix)) {
          names.add(path.slice(prefix.length).split('/')[0] as string);
        }
      }
      return [...names].sort();
    });
  }

  exists(path: string): Promise<boolean> {
    return this.#call(
      { kind: 'read', path },
      () => this.#names.has(path) || this.#directories.has(path),
    );
  }

  /** Directories are durable at once: what is lost with them is covered by the files in them. */
  makeDirectory(path: string): Promise<void> {
    return this.#call({ kind: 'open', path }, () => {
      for (let at = path; at !== ''; at = parent(at)) this.#directories.add(at);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call({ kind: 'rename', path: from }, () => {
      const inode = this.#names.get(from);
      if (!inode) throw notFound(from);
      this.#change({ kind: 'rename', directory: parent(to), path: to, from, inode });
    });
  }

  remove(path: string): Promise<void> {
    return this.#call({ kind: 'remove', path }, () => {
      for (const name of [...this.#names.keys()]) {
        if (name !== path && !name.startsWith(`${path}/`)) continue;
        this.#change({ kind: 'remove', directory: parent(name), path: name });
      }
      for (const directory of [...this.#directories]) {
        if (directory === path || directory.startsWith(`${path}/`)) {
          this.#directories.delete(directory);
        }
      }
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#call({ kind: 'sync-directory', path }, () => {
      this.#nameChanges = this.#nameChanges.filter((change) => {
        if (change.directory !== path) return true;
        applyChange(this.#stableNames, change);
        return false;
      });
    });
  }

  freeBytes(): Promise<number> {
    return this.#call({ kind: 'read', path: '' }, () =>
      Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, this.capacityBytes - this.usedBytes)),
    );
  }

  #file(path: string, inode: Inode, durableWrites: boolean): DiskFile {
    let closed = false;
    const epoch = this.#epoch;
    const call = <T>(kind: DiskOperation['kind'], work: () => T): Promise<T> => {
      if (epoch !== this.#epoch) return new Promise(() => {});
      if (closed) return Promise.reject(new DiskError('failed', `${path}: closed`));
      return this.#call({ kind, path }, work);
    };
    return {
      write: (position, bytes) => {
        const pending = { inode, position, bytes };
        if (!closed && epoch === this.#epoch) this.#inFlight.add(pending);
        return call('write', () => {
          this.#inFlight.delete(pending);
          const growth = Math.max(0, position + bytes.length - inode.cached.length);
          if (this.#lacksRoomFor(growth)) throw new DiskError('full', path);
          const transfer = { kind: 'write', path, position, bytes } as const;
          const done = this.lie?.(transfer) ?? transfer;
          if (durableWrites) inode.writeDurably(done.position, done.bytes);
          else inode.write(done.position, done.bytes);
          this.writes++;
        }).catch((error: unknown) => {
          this.#inFlight.delete(pending);
          throw error;
        });
      },
      read: (position, length) =>
        call('read', () => {
          const transfer = { kind: 'read', path, position, bytes: NOTHING } as const;
          const from = (this.lie?.(transfer) ?? transfer).position;
          return inode.cached.slice(from, from + length);
        }),
      sync: () => call('sync', () => inode.sync()),
      truncate: (length) => call('truncate', () => inode.truncate(length)),
      size: () => call('read', () => inode.cached.length),
      close: () => {
        const ended = call('read', () => {});
        closed = true;
        return ended;
      },
    };
  }

  #call<T>(operation: DiskOperation, work: () => T): Promise<T> {
    const epoch = this.#epoch;
    return new Promise((resolve, reject) => {
      const run = () => {
        if (epoch !== this.#epoch) return; // The process that called is gone.
        const code = this.fault?.(operation);
        try {
          if (code) throw new DiskError(code, `${operation.path}: injected`);
          resolve(work());
        } catch (error) {
          reject(error);
        }
      };
      if (this.#held) this.#held.push(run);
      else this.#schedule(operation, run);
    });
  }

  #landInFlight(land: (write: PendingWrite, sector: number) => void): void {
    for (const write of this.#inFlight) {
      const first = Math.floor(write.position / SECTOR_BYTES);
      const end = Math.ceil((write.position + write.bytes.length) / SECTOR_BYTES);
      for (let sector = first; sector < end; sector++) land(write, sector);
    }
  }

  #restart(): void {
    this.#epoch++;
    this.#inFlight.clear();
    this.#held = undefined;
  }

  #change(change: NameChange): void {
    applyChange(this.#names, change);
    this.#nameChanges.push(change);
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw notFound(path);
    return inode;
  }

  /** xorshift32 (Marsaglia, 2003). */
  #chance(): boolean {
    let x = this.#state || 0x9e3779b9;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return (this.#state & 0x10000) !== 0;
  }
}

interface PendingWrite {
  readonly inode: Inode;
  readonly position: number;
  readonly bytes: Uint8Array;
}

type NameChange =
  | {
      readonly kind: 'create';
      readonly directory: string;
      readonly path: string;
      readonly inode: Inode;
    }
  | { readonly kind: 'remove'; readonly directory: string; readonly path: string }
  | {
      readonly kind: 'rename';
      readonly directory: string;
      readonly path: string;
      readonly from: string;
      readonly inode: Inode;
    };

function applyChange(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === 'remove') {
    names.delete(change.path);
    return;
  }
  names.set(change.path, change.inode);
  if (change.kind === 'rename' && names.get(change.from) === change.inode)
    names.delete(change.from);
}

function parent(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

function notFound(path: string): DiskError {
  return new DiskError('not-found', `${path}: not found`);
}
