import { expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { KvCluster } from './cluster.ts';
import type { Generic } from './generic.ts';

type Row = Omit<Generic, 'stateBytesMax'>;
type Rows = Readonly<Record<string, Row>>;

const five = { servers: 5 };
const everything = { unreliable: true, crash: true, partitions: true };

/** The tests of §9.1 that differ in their options alone. */
export const WITHOUT_SNAPSHOTS: Rows = {
  Basic: { ...five, clients: 1 },
  Concurrent: { ...five, clients: 5 },
  Unreliable: { ...five, clients: 5, unreliable: true },
  ManyPartitionsOneClient: { ...five, clients: 1, partitions: true },
  ManyPartitionsManyClients: { ...five, clients: 5, partitions: true },
  PersistOneClient: { ...five, clients: 1, crash: true },
  PersistConcurrent: { ...five, clients: 5, crash: true },
  PersistConcurrentUnreliable: { ...five, clients: 5, unreliable: true, crash: true },
  PersistPartition: { ...five, clients: 5, crash: true, partitions: true },
  PersistPartitionUnreliable: { ...five, clients: 5, ...everything },
  PersistPartitionUnreliableLinearizable: {
    servers: 7,
    clients: 15,
    randomKeys: true,
    ...everything,
  },
};

/** Those of §9.2. */
export const WITH_SNAPSHOTS: Rows = {
  SnapshotRecover: { ...five, clients: 1, crash: true },
  SnapshotRecoverManyClients: { ...five, clients: 20, crash: true },
  SnapshotUnreliable: { ...five, clients: 5, unreliable: true },
  SnapshotUnreliableRecover: { ...five, clients: 5, unreliable: true, crash: true },
  SnapshotUnreliableRecoverConcurrentPartition: { ...five, clients: 5, ...everything },
  SnapshotUnreliableRecoverConcurrentPartitionLinearizable: {
    servers: 7,
    clients: 15,
    randomKeys: true,
    ...everything,
  },
};

/** A test of each row, whose name ends in `suffix`. */
export function matrix(
  rows: Rows,
  suffix: string,
  stateBytesMax: number,
  test: (options: Generic) => (seed: number) => Promise<void>,
): void {
  for (const [name, row] of Object.entries(rows)) {
    mitTest(`${name}${suffix}`, test({ ...row, stateBytesMax }));
  }
}

/** As much of a client as a scenario needs that clients of all kinds can play. */
interface Player {
  put(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<string>;
}

/** SnapshotRPC of §9.2: a server that was away can only catch up by a snapshot. */
export function snapshotRpc(
  stateBytesMax: number,
  newClient: (cluster: KvCluster, reaches?: readonly number[]) => Player,
): (seed: number) => Promise<void> {
  const expectIn = async (client: Player, values: Readonly<Record<string, string>>) => {
    for (const [key, value] of Object.entries(values)) expect(await client.get(key)).toBe(value);
  };
  return async (seed) => {
    const cluster = new KvCluster({ servers: 3, seed, stateBytesMax });
    await cluster.run(async () => {
      const first = newClient(cluster);
      await first.put('a', 'A');
      await expectIn(first, { a: 'A' });
      cluster.partition([0, 1], [2]);
      const one = newClient(cluster, [0, 1]);
      for (let i = 0; i < 50; i++) await one.put(`${i}`, `${i}`);
      await cluster.sleep(1000);
      await one.put('b', 'B');
      expect(cluster.logSize).toBeLessThanOrEqual(8 * stateBytesMax);
      cluster.partition([0, 2], [1]);
      const two = newClient(cluster, [0, 2]);
      await two.put('c', 'C');
      await two.put('d', 'D');
      await expectIn(two, { a: 'A', b: 'B', 1: '1', 49: '49' });
      cluster.connectAll();
      await first.put('e', 'E');
      await expectIn(first, { c: 'C', e: 'E', 1: '1' });
    });
  };
}
