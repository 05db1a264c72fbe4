/**
 * One running node: wires the adapters to the rooms. The command line and `startCluster` start nodes through it and in no
 * other way.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from './bytes/index.ts';
import { type ApiContext, ApiError, errorResponse, handle } from './dynamodb/index.ts';
import { type Engine, MemoryEngine } from './engine/index.ts';
import { openLmdb, setAsideDamaged } from './engine/lmdb/index.ts';
import {
  type Administration,
  DEFAULT_LIMITS,
  type HttpServer,
  startHttpServer,
} from './http/index.ts';
import { startJobs } from './jobs/index.ts';
import {
  forgetNodes,
  Node,
  type NodeLimits,
  openIdentity,
  type PeerAddress,
  quarantineAll,
  StartError,
} from './node/index.ts';
import {
  type DirectoryLock,
  DirectoryLockedError,
  lockDirectory,
  makeDirectories,
  nodeClock,
  nodeDisk,
  nodeNetwork,
  nodeRandom,
  openFilesMax,
} from './platform/index.ts';
import type { Disk } from './ports/index.ts';
import { ControllerClient, LeaderClient, Router } from './router/index.ts';

export { StartError };

export interface ServerOptions {
  readonly name: string;
  /** The data directory, made when it is not there; undefined keeps everything in memory. */
  readonly directory: string | undefined;
  /** `host:port` of the DynamoDB API, and of the listener for the other nodes. */
  readonly http: string;
  readonly peer: string;
  readonly zone: string;
  readonly initialCluster: readonly PeerAddress[];
  /** See `NodeOptions`. */
  readonly join?: readonly string[];
  readonly replaceAfterMs?: number;
  /** See `NodeOptions`. */
  readonly initialGroups?: number | undefined;
  /** `host:port` of a listener for administration alone; undefined serves it with the API. */
  readonly admin: string | undefined;
  /** Tells an operator something, in one line. */
  readonly notice: (message: string) => void;
  readonly warn: (message: string, error: unknown) => void;
  /** The node cannot go on, and one line says why. Ends the process, or whatever the node is part of. */
  readonly refuse: (reason: string) => void;
  /** A broken invariant or a failed disk: likewise, at once. */
  readonly fatal: (error: unknown) => void;
  /** Other sizes than the defaults. */
  readonly limits?: NodeLimits;
  /** Puts something between the node and its disk or engine: tests inject faults there. */
  readonly wrapDisk?: (disk: Disk) => Disk;
  readonly wrapEngine?: (engine: Engine) => Engine;
}

export interface Server {
  /** The address of the DynamoDB API. */
  readonly http: string;
  readonly node: Node;
  /** Answers what is under way, lets others lead, makes everything durable. */
  stop(): Promise<void>;
}

/** For the log, the engine, snapshots, other nodes, and a listener for administration. */
const FILES_RESERVED = 256;
const ADMINISTRATORS_MAX = 64;
const FILES_LEAST = 512;

interface Storage {
  readonly disk: Disk;
  readonly lock: DirectoryLock | undefined;
  readonly limits: NodeLimits;
  openEngine(): Promise<Engine>;
}

/** Rejects with {@link StartError} when the options or the directory do not fit; nothing on the disk is changed then. */
export async function startServer(options: ServerOptions): Promise<Server> {
  checkList(options);
  const connections = connectionsMax(options);
  await checkAddresses(options);
  const storage = await openStorage(options);
  // What was opened is closed in the opposite order, also when the rest can not be opened.
  const opened: (() => Promise<void>)[] = [async () => storage.lock?.release()];
  const close = async () => {
    for (const one of opened.reverse()) await one();
  };
  try {
    const node = await openNode(options, storage, connections, opened);
    return { http: options.http, node, stop: close };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

async function openNode(
  options: ServerOptions,
  storage: Storage,
  connections: number,
  opened: (() => Promise<void>)[],
): Promise<Node> {
  const { name, http, peer, zone, initialCluster, initialGroups, notice, refuse, fatal } = options;
  const { join: addresses = [], replaceAfterMs } = options;
  const identity = await openIdentity(storage.disk, nodeRandom, name);
  const engine = await storage.openEngine();
  opened.push(() => engine.close());
  const node = await Node.start({
    identity,
    http,
    peer,
    zone,
    initialCluster,
    initialGroups,
    join: addresses,
    ...(replaceAfterMs !== undefined && { replaceAfterMs }),
    clock: nodeClock,
    random: nodeRandom,
    network: nodeNetwork,
    disk: storage.disk,
    engine: options.wrapEngine?.(engine) ?? engine,
    limits: { ...storage.limits, ...options.limits },
    notice,
    refuse,
    fatal,
  });
  opened.push(() => node.stop());
  const router = new Router(node, nodeClock, nodeRandom);
  const controller = new ControllerClient(node, nodeClock, nodeRandom);
  const leaders = new LeaderClient(node, nodeClock, nodeRandom);
  startJobs(node, { controller, leaders, clock: nodeClock, notice, fatal });
  const administration: Administration = {
    status: () => node.status(),
    command: (command) => {
      const request = newToken();
      if (command.kind !== 'forget-nodes') return controller.command({ ...command, request });
      const host = node.rescueHost((nodes) =>
        controller.command({ kind: 'forget-nodes', nodes, request }),
      );
      return forgetNodes(host, command.nodes, command.loseData);
    },
  };
  const listeners = await startListeners(options, administration, router, connections);
  opened.push(async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
  });
  return node;
}

/** A list that this node is not in is a mistake of whoever wrote it. */
function checkList(options: ServerOptions): void {
  const { name, peer, directory, initialCluster, join: addresses = [] } = options;
  const isNew = directory === undefined || !existsSync(join(directory, 'cluster'));
  if (isNew && initialCluster.length === 0 && addresses.length === 0) {
    throw new StartError(
      'a node that belongs to no cluster yet needs --initial-cluster, to form one, or --join',
    );
  }
  if (isNew && initialCluster.length > 0 && addresses.length > 0) {
    throw new StartError(
      '--initial-cluster forms a cluster and --join enters one: give one of them',
    );
  }
  if (initialCluster.length === 0) return;
  const self = initialCluster.find((entry) => entry.name === name);
  if (!self) throw new StartError(`--initial-cluster does not name this node, ${name}`);
  if (self.address !== peer) {
    throw new StartError(`--initial-cluster has ${name} at ${self.address}, and --peer is ${peer}`);
  }
}

/**
 * Of clients, at a time: so many that there are always files left for what keeps the node alive. Says so when they are fewer than
 * usual.
 */
function connectionsMax({ notice }: ServerOptions): number {
  const files = openFilesMax();
  if (files < FILES_LEAST) {
    throw new StartError(
      `this process may open ${files} files, and at least ${FILES_LEAST} are needed (ulimit -n)`,
    );
  }
  const { connections } = DEFAULT_LIMITS;
  const left = files - FILES_RESERVED;
  if (left >= connections) return connections;
  notice(
    `clients may have ${left} connections at a time, and not ${connections}: this process may open ${files} files (ulimit -n)`,
  );
  return left;
}

/** Tried before anything is touched: an address that is taken is the commonest mistake. */
async function checkAddresses({ http, peer, admin }: ServerOptions): Promise<void> {
  for (const address of [http, peer, ...(admin === undefined ? [] : [admin])]) {
    try {
      const listener = await nodeNetwork.listen(address, (connection) => {
        connection.close();
        return { onOpen: () => {}, onData: () => {}, onClose: () => {} };
      });
      await listener.close();
    } catch (error) {
      throw new StartError(`can not listen on ${address}: ${reasonOf(error)}`);
    }
  }
}

async function openStorage({ name, directory, wrapDisk, notice }: ServerOptions): Promise<Storage> {
  if (directory === undefined) {
    // Whoever has a directory starts without loading the simulator.
    const { MemoryDisk } = await import('./sim/index.ts');
    return {
      disk: new MemoryDisk(),
      lock: undefined,
      // Zeroing a segment ahead costs no time on a disk, but in memory it does.
      limits: { logSegmentBytes: 8 * 1024 * 1024 },
      openEngine: () => Promise.resolve(new MemoryEngine()),
    };
  }
  try {
    makeDirectories(directory);
    const lock = await lockDirectory(directory);
    const disk = wrapDisk?.(nodeDisk(directory)) ?? nodeDisk(directory);
    const path = join(directory, 'engine');
    const openEngine = async () => {
      await setAsideDamaged(path, async (found) => {
        notice(`${found}: it is set aside, and every replica here begins anew`);
        await quarantineAll(disk, name, found);
      });
      return openLmdb(path);
    };
    return { disk, lock, limits: {}, openEngine };
  } catch (error) {
    if (error instanceof DirectoryLockedError) throw new StartError(error.message);
    throw new StartError(`can not use the data directory ${directory}: ${reasonOf(error)}`);
  }
}

/** The API, and administration on it or on a listener of its own. */
async function startListeners(
  options: ServerOptions,
  administration: Administration,
  router: Router,
  connections: number,
): Promise<readonly HttpServer[]> {
  const context: ApiContext = { database: router, address: options.http };
  const common = {
    random: nodeRandom,
    log: (event: string, fields: Readonly<Record<string, unknown>>) =>
      options.warn(event, fields['error']),
    onFatal: options.fatal,
    limits: { connections },
  };
  const api = await startHttpServer({
    ...common,
    address: options.http,
    handle: (request) => handle(request, context),
    administration: options.admin === undefined ? administration : undefined,
  });
  if (options.admin === undefined) return [api];
  const notHere = new ApiError(
    'UnknownOperationException',
    `This listener is for administration; the API is on ${options.http}`,
  );
  const alone = await startHttpServer({
    ...common,
    address: options.admin,
    handle: () => Promise.resolve(errorResponse(notHere)),
    administration,
    limits: { connections: ADMINISTRATORS_MAX },
  });
  return [api, alone];
}

function newToken(): string {
  const bytes = new Uint8Array(16);
  nodeRandom.fill(bytes);
  return toHex(bytes);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  switch ('code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return 'the port is in use';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'it is not an address of this machine';
    case 'EACCES':
      return 'permission denied';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'it is not a directory';
    default:
      return error.message;
  }
}
