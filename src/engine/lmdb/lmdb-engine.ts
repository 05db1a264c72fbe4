import { mkdir, statfs } from 'node:fs/promises';
import type { Worker } from 'node:worker_threads';
import { open, type Transaction } from 'lmdb';
import { DiskError } from '../../ports/index.ts';
import type { Commit, Cursor, Engine, EngineSnapshot, Range, Write } from '../engine.ts';
import { MAX_KEY_BYTES } from '../limits.ts';
import { LMDB_OPTIONS } from './options.ts';
import { packWrites } from './packed-writes.ts';
import { type Answer, type Order, startWriterThread } from './writer-thread.ts';

/** What the engine uses of lmdb-js, with the types that it really takes: keys and values are plain byte arrays. */
interface Database {
  getBinary(key: Uint8Array, options?: { transaction: Transaction }): Uint8Array | undefined;
  getRange(options: {
    start: Uint8Array;
    end: Uint8Array;
    reverse?: boolean;
    exclusiveStart?: boolean;
    inclusiveEnd?: boolean;
    transaction: Transaction;
  }): Iterable<{ key: Uint8Array; value: Uint8Array }>;
  useReadTransaction(): Transaction;
  resetReadTxn(): void;
  close(): Promise<void>;
}

/** Opens the LMDB environment in a directory, which is made when it is not there. Only one process may have it open. */
export async function openLmdb(directory: string): Promise<Engine> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const database = open({ ...LMDB_OPTIONS, path: directory });
  const thread = startWriterThread(directory);
  const engine = new LmdbEngine(directory, database as unknown as Database, thread);
  await engine.ready;
  return engine;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: DiskError) => void;
}

/** Reads on the calling thread, from the memory map; writes on a thread of its own, one commit after the other. */
class LmdbEngine implements Engine {
  readonly maxKeyBytes = MAX_KEY_BYTES;
  readonly ready: Promise<void>;
  readonly #directory: string;
  readonly #database: Database;
  readonly #thread: Worker;
  /** For the thread's answers, in the order of the orders. */
  readonly #waiting: Waiting[] = [];
  /** Until the newest commit is packed and with the thread. */
  #packed: Promise<void> = Promise.resolve();
  #failure: DiskError | undefined;
  #open = true;

  constructor(directory: string, database: Database, thread: Worker) {
    this.#directory = directory;
    this.#database = database;
    this.#thread = thread;
    this.ready = this.#answer();
    thread.on('message', (answer: Answer) => this.#take(answer));
    thread.on('error', (error) => this.#fail(String(error)));
    thread.on('exit', () => this.#fail('the writer thread has ended'));
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#check();
    return copyOf(this.#database.getBinary(key));
  }

  snapshot(): EngineSnapshot {
    this.#check();
    return new LmdbSnapshot(this.#database);
  }

  /** Visible and durable are one moment here. */
  commit(writes: Iterable<Write>): Commit {
    this.#check();
    const handedOver = this.#packed.then(async () => {
      const chunks = await packWrites(writes);
      if (this.#failure) throw this.#failure;
      // Wrapped, for a promise of a promise would be waited for here.
      return { durable: this.#order({ kind: 'commit', chunks }, chunks) };
    });
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
    if (!this.#failure) await this.#order({ kind: 'close' }, []);
    await this.#database.close();
  }

  #order(order: Order, chunks: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    this.#thread.postMessage(
      order,
      chunks.map(({ buffer }) => buffer),
    );
    return this.#answer();
  }

  /** The process stays alive until the answer is there. */
  #answer(): Promise<void> {
    this.#thread.ref();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #take(answer: Answer): void {
    // A read earlier in this turn may hold an older view.
    if (answer.kind !== 'closed') this.#database.resetReadTxn();
    const { resolve, reject } = this.#waiting.shift() as Waiting;
    if (this.#waiting.length === 0) this.#thread.unref();
    if (answer.kind === 'failed') {
      void isFull(answer.code, this.#directory).then((full) => {
        reject(new DiskError(full ? 'full' : 'failed', `lmdb: ${answer.message}`));
      });
    } else {
      resolve();
    }
  }

  /** Nothing can be written any more. */
  #fail(message: string): void {
    this.#failure ??= new DiskError('failed', `lmdb: ${message}`);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  #check(): void {
    if (!this.#open) throw new Error('the engine is closed');
  }
}

class LmdbSnapshot implements EngineSnapshot {
  readonly #database: Database;
  readonly #transaction: Transaction;
  #open = true;

  constructor(database: Database) {
    this.#database = database;
    this.#transaction = database.useReadTransaction();
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#check();
    return copyOf(this.#database.getBinary(key, { transaction: this.#transaction }));
  }

  range({ from, to, reverse }: Range): Cursor {
    this.#check();
    const bounds = reverse
      ? { start: to, end: from, reverse, exclusiveStart: true, inclusiveEnd: true }
      : { start: from, end: to };
    const iterator = this.#database
      .getRange({ ...bounds, transaction: this.#transaction })
      [Symbol.iterator]();
    return {
      next: () => {
        this.#check();
        const { done, value } = iterator.next();
        if (done) return undefined;
        return { key: copyOf(value.key) as Uint8Array, value: copyOf(value.value) as Uint8Array };
      },
      close: () => {
        iterator.return?.();
      },
    };
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#transaction.done();
  }

  #check(): void {
    if (!this.#open) throw new Error('the snapshot is closed');
  }
}

/** lmdb-js returns copies as Buffers, whose `slice` is a view: what leaves here is a plain array. */
function copyOf(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

const FULL_CODES: readonly (number | undefined)[] = [-30792 /* MDB_MAP_FULL */, 28 /* ENOSPC */];
const EIO = 5;
/** A write that the disk took a part of leaves less than this. */
const NO_ROOM_BYTES = 1024 * 1024;

/** LMDB calls a write that the disk took only a part of an input/output error; whether there is room tells them apart. */
async function isFull(code: number | undefined, directory: string): Promise<boolean> {
  if (code !== EIO) return FULL_CODES.includes(code);
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize < NO_ROOM_BYTES;
  } catch {
    return false;
  }
}
