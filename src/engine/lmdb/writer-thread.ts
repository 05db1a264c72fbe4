import { createRequire } from 'node:module';
import { type MessagePort, Worker } from 'node:worker_threads';
import { LMDB_OPTIONS } from './options.ts';
import { DELETED, HEADER_BYTES } from './packed-writes.ts';

/** A commit as {@link packWrites} made it, or the end. */
export type Order =
  | { readonly kind: 'commit'; readonly chunks: readonly Uint8Array[] }
  | { readonly kind: 'close' };

/** One for each order, in their order. `ready` comes first, unasked. */
export type Answer =
  | { readonly kind: 'ready' | 'done' | 'closed' }
  | { readonly kind: 'failed'; readonly code: number | undefined; readonly message: string };

/** Starts the thread that writes. Its first answer says that it is ready. */
export function startWriterThread(directory: string): Worker {
  const workerData: ThreadData = {
    lmdb: createRequire(import.meta.url).resolve('lmdb'),
    options: { ...LMDB_OPTIONS, path: directory },
    headerBytes: HEADER_BYTES,
    deleted: DELETED,
  };
  // The function's source and not a file, so that the thread starts alike from TypeScript, from compiled files and in
  // tests. `__name` is what esbuild puts around inner functions.
  const source = `const __name = (f) => f; (${runWriterThread})(require);`;
  return new Worker(source, { eval: true, workerData });
}

interface ThreadData {
  readonly lmdb: string;
  readonly options: object;
  readonly headerBytes: number;
  readonly deleted: number;
}

interface ThreadDatabase {
  transactionSync(write: () => void): void;
  put(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
  close(): Promise<void>;
}

/**
 * Runs in the thread, so it may name nothing of this module. Each commit is one synchronous transaction, which is durable
 * when it returns: inserting into the tree and waiting for the disk cost the main thread nothing.
 */
function runWriterThread(require: (name: string) => unknown): void {
  const threads = require('node:worker_threads') as {
    parentPort: MessagePort;
    workerData: ThreadData;
  };
  const { parentPort } = threads;
  const { lmdb, options, headerBytes, deleted } = threads.workerData;
  const { open } = require(lmdb) as { open(options: object): ThreadDatabase };
  const database = open(options);

  const writeChunk = (chunk: Uint8Array) => {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < chunk.length; ) {
      const key = at + headerBytes;
      const value = key + view.getUint16(at, true);
      const valueLength = view.getUint32(at + 2, true);
      const isDelete = valueLength === deleted;
      at = isDelete ? value : value + valueLength;
      if (isDelete) database.remove(chunk.subarray(key, value));
      else database.put(chunk.subarray(key, value), chunk.subarray(value, at));
    }
  };

  parentPort.on('message', (order: Order) => {
    if (order.kind === 'close') {
      void database.close().then(() => {
        parentPort.postMessage({ kind: 'closed' } satisfies Answer);
        parentPort.close();
      });
      return;
    }
    let answer: Answer = { kind: 'done' };
    try {
      database.transactionSync(() => {
        for (const chunk of order.chunks) writeChunk(chunk);
      });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? Number(error.code) : undefined;
      answer = { kind: 'failed', code, message: String(error) };
    }
    parentPort.postMessage(answer);
  });
  parentPort.postMessage({ kind: 'ready' } satisfies Answer);
}
