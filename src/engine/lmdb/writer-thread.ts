import { createRequire } from 'node:module';
import { type MessagePort, Worker } from 'node:worker_threads';
import { PACKED_DELETE, PACKED_HEADER_BYTES, PACKED_ROOM_BYTES } from '../packed.ts';
import { checksum } from './checksum.ts';
import { CHECKSUM_BYTES, DIGESTS, ENVIRONMENT, RECORDS } from './options.ts';
import { BUFFERS_MAX, SMALL_COMMIT_BYTES } from './packed-writes.ts';
import { type Scrubber, startScrubber } from './scrubber.ts';

interface Part {
  readonly kind: 'part';
  readonly chunk: Uint8Array<ArrayBuffer> | undefined;
  readonly isLast: boolean;
  readonly isAborted: boolean;
}

/**
 * A commit comes as one or more parts, as `packWrites` made them. `isAborted` ends one that turned out to be wrong.
 * `stored` is a commit of the writes that values in the database hold. `scrub` begins to look for damage, for ever.
 */
export type Order =
  | Part
  | { readonly kind: 'stored'; readonly keys: readonly Uint8Array[] }
  | { readonly kind: 'scrub' }
  | { readonly kind: 'close' };

/**
 * `done`, `failed` and `closed` answer a commit or `close`, in the order of the orders; `ready` comes first, unasked. `free`
 * gives a buffer back. `damaged` and `scrubbed` (the number of records of a whole pass) come from the scrub.
 */
export type Answer =
  | { readonly kind: 'ready' | 'done' | 'closed' }
  | { readonly kind: 'failed'; readonly code: number | undefined; readonly message: string }
  | { readonly kind: 'free'; readonly buffer: ArrayBuffer }
  | { readonly kind: 'damaged'; readonly key: Uint8Array; readonly reason: string }
  | { readonly kind: 'scrubbed'; readonly records: number };

/** Hands orders to the thread, also while it is in the middle of a commit. */
export interface WriterThread {
  readonly worker: Worker;
  send(order: Order, transfer: readonly ArrayBuffer[]): void;
}

/** Starts the thread that writes. Its first answer says that it is ready. */
export function startWriterThread(directory: string): WriterThread {
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadData = {
    lmdb: createRequire(import.meta.url).resolve('lmdb'),
    environment: { ...ENVIRONMENT, path: directory },
    records: RECORDS,
    digests: DIGESTS,
    headerBytes: PACKED_HEADER_BYTES,
    roomBytes: PACKED_ROOM_BYTES,
    checksumBytes: CHECKSUM_BYTES,
    deleted: PACKED_DELETE,
    togetherMax: BUFFERS_MAX,
    smallBytes: SMALL_COMMIT_BYTES,
    sent,
  };
  // The functions' sources and not files, so that the thread starts alike from TypeScript, from compiled files and in
  // tests. `__name` is what esbuild puts around inner functions.
  const source = `const __name = (f) => f; (${runWriterThread})(require, ${checksum}, ${startScrubber});`;
  const worker = new Worker(source, { eval: true, workerData });
  return {
    worker,
    send: (order, transfer) => {
      worker.postMessage(order, transfer);
      Atomics.add(sent, 0, 1);
      Atomics.notify(sent, 0);
    },
  };
}

interface ThreadData {
  readonly lmdb: string;
  readonly environment: object;
  readonly records: object;
  readonly digests: object;
  readonly headerBytes: number;
  readonly roomBytes: number;
  readonly checksumBytes: number;
  readonly deleted: number;
  readonly togetherMax: number;
  readonly smallBytes: number;
  /** Counts the orders, so that the thread can wait for one within a transaction. */
  readonly sent: Int32Array;
}

/** What the thread uses of lmdb-js, with the types that it really takes. `getBinaryFast` returns a buffer that is used again. */
export interface ThreadDatabase {
  transactionSync(write: () => void): void;
  getBinaryFast(key: Uint8Array): Uint8Array | undefined;
  getKeys(options: { start?: Uint8Array; end?: Uint8Array; limit?: number }): Iterable<Uint8Array>;
  put(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
  openDB(options: object): ThreadDatabase;
  close(): Promise<void>;
}

/**
 * Runs in the thread, so it may name nothing of this module. Each commit is one synchronous transaction, which is durable
 * when it returns: inserting into the tree and waiting for the disk cost the main thread nothing. Small commits that came
 * while another one was written share a transaction.
 */
function runWriterThread(
  require: (name: string) => unknown,
  checksumOf: typeof checksum,
  scrubberOf: typeof startScrubber,
): void {
  const { parentPort, workerData, receiveMessageOnPort } = require('node:worker_threads') as {
    parentPort: MessagePort;
    workerData: ThreadData;
    receiveMessageOnPort(port: MessagePort): { message: Order } | undefined;
  };
  const { lmdb, environment, headerBytes, roomBytes, checksumBytes, deleted } = workerData;
  const { togetherMax, smallBytes, sent } = workerData;
  const { open } = require(lmdb) as { open(options: object): ThreadDatabase };
  const root = open(environment);
  const records = root.openDB(workerData.records);
  const digests = root.openDB(workerData.digests);
  const tell = (answer: Answer, transfer: ArrayBuffer[] = []) =>
    parentPort.postMessage(answer, transfer);

  // Where processors are few, whoever answers clients goes first. On Linux a priority is a thread's.
  const { platform } = require('node:process') as { platform: string };
  const os = require('node:os') as { setPriority(pid: number, priority: number): void };
  if (platform === 'linux') os.setPriority(0, 5);

  const scrubber: Scrubber = scrubberOf({
    records,
    digests,
    checksumOf,
    checksumBytes,
    onDamage: (key, reason) => tell({ kind: 'damaged', key: Uint8Array.from(key), reason }),
    onPass: (count) => tell({ kind: 'scrubbed', records: count }),
  });

  const oldChecksum = (key: Uint8Array): number | undefined => {
    const old = records.getBinaryFast(key);
    if (!old) return undefined;
    const { length } = old;
    if (length < checksumBytes) {
      tell({ kind: 'damaged', key: Uint8Array.from(key), reason: `${length} bytes` });
      return undefined;
    }
    return new DataView(old.buffer, old.byteOffset).getUint32(length - checksumBytes);
  };

  const writeChunk = (chunk: Uint8Array) => {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < chunk.length; ) {
      const keyAt = at + headerBytes;
      const valueAt = keyAt + view.getUint16(at, true);
      const valueLength = view.getUint32(at + 2, true);
      const key = chunk.subarray(keyAt, valueAt);
      const old = oldChecksum(key);
      if (valueLength === deleted) {
        at = valueAt;
        if (old === undefined) continue;
        scrubber.count(key, old, undefined);
        records.remove(key);
      } else {
        const end = valueAt + valueLength;
        at = end + roomBytes;
        const seed = checksumOf(0, chunk, keyAt, valueAt);
        const sum = checksumOf(seed, chunk, valueAt, end);
        view.setUint32(end, sum);
        scrubber.count(key, old, sum);
        records.put(key, chunk.subarray(valueAt, at));
      }
    }
  };

  /** The next part of the commit that is under way. */
  const nextPart = (): Part => {
    for (;;) {
      const seen = Atomics.load(sent, 0);
      const received = receiveMessageOnPort(parentPort);
      if (!received) {
        Atomics.wait(sent, 0, seen);
      } else if (received.message.kind === 'part') {
        return received.message;
      } else {
        throw new Error(`${received.message.kind} in the middle of a commit`);
      }
    }
  };

  /** Nothing of the transaction is there. */
  const failed = (error: unknown): Answer => {
    scrubber.forget();
    const code = error instanceof Error && 'code' in error ? Number(error.code) : undefined;
    return { kind: 'failed', code, message: String(error) };
  };

  /** Durable when it returns, or not there at all. */
  const transaction = (write: () => void): Answer => {
    try {
      root.transactionSync(() => {
        write();
        scrubber.flush();
      });
      return { kind: 'done' };
    } catch (error) {
      return failed(error);
    }
  };

  /** A whole commit of few bytes. A large one goes alone, so that it takes no others with it where there is no room for it. */
  const isSmall = (order: Order): order is Part =>
    order.kind === 'part' &&
    order.isLast &&
    !order.isAborted &&
    (order.chunk?.length ?? 0) <= smallBytes;

  /** One wait for the disk for all of them, and one answer: after an error of the disk nothing is tried again here. */
  const commitTogether = (orders: readonly Part[]): void => {
    const chunks = orders.flatMap(({ chunk }) => chunk ?? []);
    const answer = transaction(() => chunks.forEach(writeChunk));
    for (const _ of orders) tell(answer);
    for (const { buffer } of chunks) tell({ kind: 'free', buffer }, [buffer]);
  };

  const commit = (first: Part): Answer => {
    let part = first;
    /** Whatever goes wrong, every part of the commit is taken before it is answered. */
    const each = (use: (chunk: Uint8Array) => void) => {
      for (;;) {
        const { chunk } = part;
        if (chunk) {
          try {
            use(chunk);
          } finally {
            part = { ...part, chunk: undefined };
            tell({ kind: 'free', buffer: chunk.buffer }, [chunk.buffer]);
          }
        }
        if (part.isLast) return;
        part = nextPart();
      }
    };
    const answer = transaction(() => {
      each(writeChunk);
      if (part.isAborted) throw new Error('aborted');
    });
    if (answer.kind === 'failed') each(() => {});
    return answer;
  };

  /** A piece of what was written down to be written later. */
  const storedPiece = (key: Uint8Array): Uint8Array => {
    const stored = records.getBinaryFast(key);
    if (!stored) throw new Error('there is nothing under the key of a stored commit');
    // A copy: the value's bytes are the database's, and there are more of them than its length says.
    const value = new Uint8Array(stored.length);
    value.set(stored.subarray(0, value.length));
    const end = value.length - checksumBytes;
    const sum = checksumOf(checksumOf(0, key, 0, key.length), value, 0, end);
    if (new DataView(value.buffer).getUint32(end) !== sum) {
      tell({ kind: 'damaged', key, reason: `a record of ${end} bytes fails its checksum` });
      throw new Error('what was to be committed is damaged');
    }
    return value.subarray(0, end);
  };

  const commitStored = (keys: readonly Uint8Array[]): Answer =>
    transaction(() => {
      const pieces = keys.map(storedPiece);
      const writes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const piece of pieces) {
        writes.set(piece, at);
        at += piece.length;
      }
      writeChunk(writes);
    });

  const take = (order: Order): void => {
    if (order.kind === 'part') {
      tell(commit(order));
    } else if (order.kind === 'stored') {
      tell(commitStored(order.keys));
    } else if (order.kind === 'scrub') {
      scrubber.start();
    } else {
      scrubber.stop();
      void root.close().then(() => {
        tell({ kind: 'closed' });
        parentPort.close();
      });
    }
  };

  parentPort.on('message', (first: Order) => {
    const together: Part[] = [];
    let order: Order | undefined = first;
    while (order && isSmall(order)) {
      together.push(order);
      const isEnough = together.length === togetherMax;
      order = isEnough ? undefined : receiveMessageOnPort(parentPort)?.message;
    }
    if (together.length > 0) commitTogether(together);
    if (order) take(order);
  });
  tell({ kind: 'ready' });
}
