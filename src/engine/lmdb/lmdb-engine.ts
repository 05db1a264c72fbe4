import { mkdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { open, type Transaction } from 'lmdb';
import { DiskError } from '../../ports/index.ts';
import {
  type Commit,
  type Cursor,
  damageText,
  type Engine,
  type EngineDamage,
  EngineDamagedError,
  type EngineSnapshot,
  type Pair,
  type Range,
  type Write,
} from '../engine.ts';
import { MAX_KEY_BYTES } from '../limits.ts';
import { wrongWithFile } from './check-file.ts';
import { checksum } from './checksum.ts';
import { readDamageNote, writeDamageNote } from './damage-note.ts';
import { ENVIRONMENT, RECORDS } from './options.ts';
import { packWrites, SMALL_COMMIT_BYTES, WriteBuffers } from './packed-writes.ts';
import { RecordCopies } from './record-copies.ts';
import { type Answer, startWriterThread, type WriterThread } from './writer-thread.ts';

interface LmdbRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly reverse?: boolean;
  readonly exclusiveStart?: boolean;
  readonly inclusiveEnd?: boolean;
  readonly transaction?: Transaction;
}

/** Of a snapshot; without it a read is of the turn. */
interface ReadOptions {
  readonly transaction: Transaction;
}

const NO_VALUE = new Uint8Array(0);

/** What the engine uses of lmdb-js, with the types that it really takes: keys and values are plain byte arrays. */
interface Database {
  /** Length of what `getBinaryFast` returned, whose buffer is used again and may be longer. */
  readonly lastSize: number;
  getBinaryFast(key: Uint8Array, options?: ReadOptions): Uint8Array<ArrayBuffer> | undefined;
  getRange(options: LmdbRange): Iterable<Pair>;
  getKeys(options: LmdbRange): Iterable<Uint8Array>;
  useReadTransaction(): Transaction;
  resetReadTxn(): void;
}

export interface LmdbOptions {
  /** A commit of more than 64 KiB is refused as `full` when the file system has less room than this; 16 MiB unless told. */
  readonly freeBytesMin?: number;
}

const FREE_BYTES_MIN = 16 * 1024 * 1024;

/**
 * Opens the LMDB environment in a directory, which is made when it is not there. Only one process may have it open.
 *
 * Rejects with an Error that names the file when it holds no LMDB environment, or was found damaged in an earlier life.
 */
export async function openLmdb(directory: string, options: LmdbOptions = {}): Promise<Engine> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'data.mdb');
  const earlier = readDamageNote(directory);
  if (earlier !== undefined) throw new Error(`${earlier} (found earlier)`);
  const wrong = await wrongWithFile(file);
  if (wrong !== undefined) throw new Error(`${file} can not be opened: ${wrong}`);
  try {
    const root = open({ ...ENVIRONMENT, path: directory });
    const copies = new RecordCopies();
    const { name } = RECORDS;
    const records = root.openDB({ name, ...copies.options }) as unknown as Database;
    const thread = startWriterThread(directory);
    const engine = new LmdbEngine(file, root, records, copies, thread, options);
    await engine.ready;
    return engine;
  } catch (error) {
    throw new Error(`${file} can not be opened: ${reasonOf(error)}`);
  }
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: DiskError) => void;
}

/**
 * Reads on the calling thread, from the memory map; writes on a thread of its own, one commit after the other, or a few small
 * ones at once: where one of those is refused, all are.
 */
class LmdbEngine implements Engine {
  readonly maxKeyBytes = MAX_KEY_BYTES;
  onScrubbed: ((records: number) => void) | undefined;
  readonly ready: Promise<void>;
  readonly #file: string;
  readonly #root: { close(): Promise<void> };
  readonly #records: Database;
  readonly #copies: RecordCopies;
  readonly #thread: WriterThread;
  readonly #freeBytesMin: number;
  readonly #buffers = new WriteBuffers();
  /** For the thread's answers, in the order of the orders. */
  readonly #waiting: Waiting[] = [];
  /** Until the newest commit is packed and with the thread. */
  #packed: Promise<void> = Promise.resolve();
  #onDamage: ((damage: EngineDamage) => void) | undefined;
  #failure: DiskError | undefined;
  #open = true;

  constructor(
    file: string,
    root: { close(): Promise<void> },
    records: Database,
    copies: RecordCopies,
    thread: WriterThread,
    options: LmdbOptions,
  ) {
    this.#file = file;
    this.#root = root;
    this.#records = records;
    this.#copies = copies;
    this.#thread = thread;
    this.#freeBytesMin = options.freeBytesMin ?? FREE_BYTES_MIN;
    this.ready = this.#answer();
    const { worker } = thread;
    worker.on('message', (answer: Answer) => this.#take(answer));
    worker.on('error', (error) => this.#fail(String(error)));
    worker.on('exit', () => this.#fail('the writer thread has ended'));
  }

  get onDamage(): ((damage: EngineDamage) => void) | undefined {
    return this.#onDamage;
  }

  set onDamage(listener: ((damage: EngineDamage) => void) | undefined) {
    if (!this.#onDamage && listener) this.#thread.send({ kind: 'scrub' }, []);
    this.#onDamage = listener;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#check();
    return this.read(key, undefined);
  }

  range(range: Range): Cursor {
    this.#check();
    return this.cursor(range, undefined, () => this.#check());
  }

  snapshot(): EngineSnapshot {
    this.#check();
    return new LmdbSnapshot(this, this.#records.useReadTransaction());
  }

  /** Visible and durable are one moment here. */
  commit(writes: Iterable<Write>): Commit {
    return this.#inOrder(() => this.#pack(writes));
  }

  commitStored(keys: readonly Uint8Array[]): Commit {
    return this.#inOrder(async () => {
      await this.#checkRoom();
      const durable = this.#answer();
      this.#thread.send({ kind: 'stored', keys }, []);
      return { durable };
    });
  }

  /** `handOver` gives a commit to the thread, when those before have been given to it. */
  #inOrder(handOver: () => Promise<{ readonly durable: Promise<void> }>): Commit {
    this.#check();
    const handedOver = this.#packed.then(handOver);
    this.#packed = handedOver.then(
      () => {},
      () => {},
    );
    const durable = handedOver.then((order) => order.durable);
    durable.catch(() => {});
    return { visible: durable, durable };
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#packed;
    if (!this.#failure) {
      const closed = this.#answer();
      this.#thread.send({ kind: 'close' }, []);
      await closed;
    }
    await this.#root.close();
  }

  /** For snapshots too. */
  read(key: Uint8Array, options: ReadOptions | undefined): Uint8Array | undefined {
    let found: Uint8Array<ArrayBuffer> | undefined;
    try {
      found = this.#records.getBinaryFast(key, options);
    } catch (error) {
      throw this.damaged(key, reasonOf(error));
    }
    if (!found) return undefined;
    const value = this.#copies.value(found, this.#records.lastSize);
    this.#verify(key, value);
    return value;
  }

  /** For snapshots too. */
  cursor(range: Range, options: ReadOptions | undefined, check: () => void): Cursor {
    const { from, to, reverse, keysOnly } = range;
    const bounds = reverse
      ? { start: to, end: from, reverse, exclusiveStart: true, inclusiveEnd: true }
      : { start: from, end: to };
    const steps = keysOnly
      ? this.#records.getKeys({ ...bounds, ...options })[Symbol.iterator]()
      : this.#records.getRange({ ...bounds, ...options })[Symbol.iterator]();
    return {
      next: () => {
        check();
        let step: IteratorResult<Uint8Array | Pair>;
        try {
          step = steps.next();
        } catch (error) {
          throw this.damaged(from, reasonOf(error));
        }
        if (step.done) return undefined;
        const found = step.value;
        if (found instanceof Uint8Array) return { key: found, value: NO_VALUE };
        this.#verify(found.key, found.value);
        return found;
      },
      close: () => {
        steps.return?.();
      },
    };
  }

  /** Throws when the value that was taken last does not belong to the key. */
  #verify(key: Uint8Array, value: Uint8Array): void {
    const keySum = checksum(0, key, 0, key.length);
    if (checksum(keySum, value, 0, value.length) === this.#copies.lastChecksum) return;
    throw this.damaged(key, `a record of ${value.length} bytes fails its checksum`);
  }

  /** Tells about it; the caller throws what this returns. */
  damaged(key: Uint8Array, reason: string): EngineDamagedError {
    const damage = { file: this.#file, key: key.slice(), reason };
    writeDamageNote(dirname(this.#file), damageText(damage));
    this.#onDamage?.(damage);
    return new EngineDamagedError(damage);
  }

  async #pack(writes: Iterable<Write>): Promise<{ readonly durable: Promise<void> }> {
    let durable: Promise<void> | undefined;
    const send = (
      chunk: Uint8Array<ArrayBuffer> | undefined,
      isLast: boolean,
      isAborted = false,
    ) => {
      if (this.#failure) throw this.#failure;
      durable ??= this.#answer();
      const transfer = chunk ? [chunk.buffer] : [];
      this.#thread.send({ kind: 'part', chunk, isLast, isAborted }, transfer);
    };
    try {
      await packWrites(writes, this.#buffers, async (chunk, isLast) => {
        if (!durable && (!isLast || chunk.length > SMALL_COMMIT_BYTES)) {
          await this.#checkRoom().catch((error) => {
            this.#buffers.give(chunk.buffer);
            throw error;
          });
        }
        send(chunk, isLast);
      });
    } catch (error) {
      if (durable && !this.#failure) {
        send(undefined, true, true);
        await durable.catch(() => {});
      }
      throw error;
    }
    // Wrapped, for a promise of a promise would be waited for here.
    return { durable: durable as Promise<void> };
  }

  /** Large commits end before the file system is full to the last byte, on which everything else of a node lives, too. */
  async #checkRoom(): Promise<void> {
    const free = await freeBytes(this.#file);
    if (free >= this.#freeBytesMin) return;
    const needed = `${this.#freeBytesMin} bytes free, and there are ${free}`;
    throw new DiskError('full', `${this.#file}: a large commit needs ${needed}`);
  }

  /** The process stays alive until the answer is there. */
  #answer(): Promise<void> {
    this.#thread.worker.ref();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #take(answer: Answer): void {
    switch (answer.kind) {
      case 'free':
        this.#buffers.give(answer.buffer);
        return;
      case 'damaged':
        this.damaged(answer.key, answer.reason);
        return;
      case 'scrubbed':
        this.onScrubbed?.(answer.records);
        return;
      case 'closed':
        break;
      default:
        // A read earlier in this turn may hold an older view.
        this.#records.resetReadTxn();
    }
    const { resolve, reject } = this.#waiting.shift() as Waiting;
    if (this.#waiting.length === 0) this.#thread.worker.unref();
    if (answer.kind === 'failed') {
      void isFull(answer.code, this.#file).then((full) => {
        reject(new DiskError(full ? 'full' : 'failed', `${this.#file}: ${answer.message}`));
      });
    } else {
      resolve();
    }
  }

  /** Nothing can be written any more. */
  #fail(message: string): void {
    this.#failure ??= new DiskError('failed', `${this.#file}: ${message}`);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  #check(): void {
    if (!this.#open) throw new Error('the engine is closed');
  }
}

class LmdbSnapshot implements EngineSnapshot {
  readonly #engine: LmdbEngine;
  readonly #options: ReadOptions;
  #open = true;

  constructor(engine: LmdbEngine, transaction: Transaction) {
    this.#engine = engine;
    this.#options = { transaction };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#check();
    return this.#engine.read(key, this.#options);
  }

  range(range: Range): Cursor {
    this.#check();
    return this.#engine.cursor(range, this.#options, () => this.#check());
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#options.transaction.done();
  }

  #check(): void {
    if (!this.#open) throw new Error('the snapshot is closed');
  }
}

const FULL_CODES: readonly (number | undefined)[] = [-30792 /* MDB_MAP_FULL */, 28 /* ENOSPC */];
const EIO = 5;
/** A write that the disk took a part of leaves less than this. */
const NO_ROOM_BYTES = 1024 * 1024;

/** LMDB calls a write that the disk took only a part of an input/output error; whether there is room tells them apart. */
async function isFull(code: number | undefined, file: string): Promise<boolean> {
  if (code !== EIO) return FULL_CODES.includes(code);
  return (await freeBytes(file)) < NO_ROOM_BYTES;
}

/** Of the file system; infinite when it does not tell. */
async function freeBytes(file: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(dirname(file));
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
