/**
 * Flotilla as a library: a whole cluster inside this process, for tests and for embedding.
 *
 *     import { startCluster } from 'flotilla';
 *     const cluster = await startCluster();
 *     // any AWS SDK, with endpoint: cluster.endpoints[0]
 *     await cluster.stop();
 */
import { layOut } from './local-layout.ts';
import { type Server, startServer } from './server.ts';

export interface ClusterOptions {
  /** Number of nodes, 1 to 9; 3 unless told. */
  readonly nodes?: number;
  /** Port of the first node's API, the others take the next ones; any free ports unless told. */
  readonly port?: number;
  /**
   * Where the data is kept. Unless told nothing is: everything is in memory, and gone with the cluster. A cluster with a
   * directory is started again with the same number of nodes.
   */
  readonly directory?: string;
}

export interface Cluster {
  /** URLs of the nodes' DynamoDB endpoints: any of them serves everything. */
  readonly endpoints: readonly string[];
  stop(): Promise<void>;
}

/** Resolves when every node answers. Rejects with the reason when one could not start. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const count = options.nodes ?? 3;
  if (!Number.isInteger(count) || count < 1 || count > 9) {
    throw new RangeError(`nodes must be 1 to 9, not ${count}`);
  }
  const nodes = await layOut(count, options.port, options.directory);
  const initialCluster = nodes.map(({ name, peer }) => ({ name, address: peer }));
  let fail: (reason: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Whoever holds the cluster learns of a later failure from its endpoints; the process does not die of it.
  failed.catch(() => {});
  const starting = nodes.map(({ name, http, peer, directory }) =>
    startServer({
      name,
      directory,
      http,
      peer,
      zone: 'default',
      initialCluster,
      admin: undefined,
      notice: () => {},
      warn: () => {},
      refuse: (reason) => fail(new Error(reason)),
      fatal: fail,
    }),
  );
  let servers: Server[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    servers = await Promise.race([Promise.all(starting), failed]);
    await Promise.race([Promise.all(servers.map(({ node }) => node.whenReady())), failed]);
  } catch (error) {
    const started = await Promise.allSettled(starting);
    servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await stop();
    throw error;
  }
  return { endpoints: servers.map(({ http }) => `http://${http}`), stop };
}
