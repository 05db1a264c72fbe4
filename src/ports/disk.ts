export type DiskErrorCode = 'not-found' | 'exists' | 'full' | 'locked' | 'denied' | 'failed';

/** What every method of the disk port rejects with. `failed` covers input/output errors of the device. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: DiskErrorCode;
  constructor(code: DiskErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface OpenOptions {
  /** Creates the file; rejects with `exists` when it is there. */
  readonly create?: boolean;
  /** Each write is durable when it resolves (O_DSYNC). Otherwise only `sync` makes writes durable. */
  readonly durableWrites?: boolean;
}

export interface DiskFile {
  /**
   * Writes all bytes at `position`. The bytes must not change until it settles. After a crash before it resolved, any
   * subset of the touched 512-byte sectors may hold the new bytes, the others the old ones.
   */
  write(position: number, bytes: Uint8Array): Promise<void>;
  /**
   * Reads up to `length` bytes from `position`; shorter only at the end of the file. `into` is memory of that length which the
   * disk may read to and return a view of, so that it need not make new one; the caller's again when this settles.
   */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** Makes earlier writes and the file's length durable. After a failure the content is unknown: never retry. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  /** Calls under way end first; later ones reject. */
  close(): Promise<void>;
}

/** Files under one root directory, which is a node's data directory. Paths are relative, parts separated by `/`. */
export interface Disk {
  open(path: string, options?: OpenOptions): Promise<DiskFile>;
  /** Names in a directory, sorted. Rejects with `not-found`. */
  list(directory: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** Makes the directory and its parents; harmless when it exists. */
  makeDirectory(path: string): Promise<void>;
  /** Replaces the target atomically. Durable only after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Harmless when nothing is there. */
  remove(path: string): Promise<void>;
  /** Makes created, renamed and removed names in the directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Free bytes of the file system. */
  freeBytes(): Promise<number>;
}
