/**
 * One node as the command line starts it, with faults put between it and its disk and engine. Takes the same arguments as
 * `flotilla start`, after that word; the faults come as messages ({@link Fault}) and, for what happens at the start, in FLOTILLA_FAULT.
 */
import { parseArgs } from 'node:util';
import type { Engine } from '../../src/engine/index.ts';
import type { Disk, DiskFile } from '../../src/ports/index.ts';

// What runs is what was built, as in the other tests on real processes. Nothing is awaited out here: this file is loaded by `require`.
const built = new URL('../../dist/', import.meta.url);
const server = import(new URL('server.js', built).href) as Promise<
  typeof import('../../src/server.ts')
>;
const ports = import(new URL('ports/index.js', built).href) as Promise<
  typeof import('../../src/ports/index.ts')
>;

export type Fault =
  /** Each write to the log takes so much longer. */
  | { readonly kind: 'slow-log'; readonly ms: number }
  /** The next write to the log fails. */
  | { readonly kind: 'fail-log' }
  /** The process kills itself at the `count`th step of this kind from now on, before or after it is done. */
  | {
      readonly kind: 'kill';
      readonly at: Step;
      readonly when: 'before' | 'after';
      count: number;
    };

/** What a node does with its disk. */
export type Step =
  | 'log-write'
  | 'log-create'
  | 'log-rename'
  | 'log-remove'
  | 'snapshot-write'
  | 'snapshot-remove'
  | 'engine-commit';

let slowMs = 0;
let failNext = false;
let kill: Extract<Fault, { kind: 'kill' }> | undefined;

function take(fault: Fault): void {
  switch (fault.kind) {
    case 'slow-log':
      slowMs = fault.ms;
      break;
    case 'fail-log':
      failNext = true;
      break;
    case 'kill':
      kill = fault;
      break;
  }
}

async function step<T>(at: Step | undefined, work: () => Promise<T>): Promise<T> {
  const isDue = at !== undefined && kill?.at === at && --kill.count === 0;
  if (isDue && kill?.when === 'before') die();
  const result = await work();
  if (isDue) die();
  return result;
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function faultyDisk(disk: Disk): Disk {
  const isLog = (path: string) => path.startsWith('log/');
  const isSnapshot = (path: string) => path.startsWith('snapshots/');
  return {
    ...disk,
    open: async (path, options) => {
      const at = options?.create && isLog(path) ? 'log-create' : undefined;
      return faultyFile(path, await step(at, () => disk.open(path, options)));
    },
    rename: (from, to) => step(isLog(from) ? 'log-rename' : undefined, () => disk.rename(from, to)),
    remove: (path) => {
      const at = isLog(path) ? 'log-remove' : isSnapshot(path) ? 'snapshot-remove' : undefined;
      return step(at, () => disk.remove(path));
    },
  };

  function faultyFile(path: string, file: DiskFile): DiskFile {
    const at: Step | undefined = isLog(path)
      ? 'log-write'
      : isSnapshot(path)
        ? 'snapshot-write'
        : undefined;
    return {
      write: (position, bytes) =>
        step(at, async () => {
          if (at === 'log-write' && failNext) {
            failNext = false;
            const { DiskError } = await ports;
            throw new DiskError('failed', `${path}: EIO`);
          }
          if (at === 'log-write' && slowMs > 0) {
            await new Promise((resolve) => setTimeout(resolve, slowMs));
          }
          return file.write(position, bytes);
        }),
      read: (position, length) => file.read(position, length),
      sync: () => file.sync(),
      truncate: (length) => file.truncate(length),
      size: () => file.size(),
      close: () => file.close(),
    };
  }
}

function faultyEngine(engine: Engine): Engine {
  return new Proxy(engine, {
    // The engine's private fields are its own, not the proxy's.
    set: (target, name, value) => Reflect.set(target, name, value, target),
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'commit') return value.bind(target);
      return (writes: Parameters<Engine['commit']>[0]) => {
        const isDue = kill?.at === 'engine-commit' && kill.count === 1;
        if (isDue && kill?.when === 'before') die();
        const commit = target.commit(writes);
        return { ...commit, durable: step('engine-commit', () => commit.durable) };
      };
    },
  });
}

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    node: { type: 'string', default: '' },
    data: { type: 'string', default: '' },
    http: { type: 'string', default: '' },
    peer: { type: 'string', default: '' },
    'initial-cluster': { type: 'string', default: '' },
  },
});

function end(error: unknown): void {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

async function run(): Promise<void> {
  const { FLOTILLA_FAULT: first } = process.env;
  if (first !== undefined) take(JSON.parse(first) as Fault);
  process.on('message', (fault) => take(fault as Fault));
  const { startServer } = await server;
  const running = await startServer({
    name: values.node,
    directory: values.data,
    http: values.http,
    peer: values.peer,
    zone: 'default',
    initialCluster: values['initial-cluster'].split(',').map((entry) => {
      const [name, address] = entry.split('=') as [string, string];
      return { name, address };
    }),
    admin: undefined,
    // Small enough that segments change and memtables are flushed within a second.
    limits: {
      logSegmentBytes: 512 * 1024,
      logSegmentsMax: 2,
      memtableBytes: 128 * 1024,
      replica: { logBytesKept: 128 * 1024 },
    },
    notice: (message) => console.error(message),
    warn: (message, error) => console.error(message, error),
    refuse: end,
    fatal: end,
    wrapDisk: faultyDisk,
    wrapEngine: faultyEngine,
  });
  process.on('SIGTERM', () => {
    running.stop().then(() => process.exit(0), end);
  });
}

run().catch(end);
