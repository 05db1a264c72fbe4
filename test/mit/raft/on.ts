import { RaftCluster, type RaftClusterOptions } from './cluster.ts';

/** A test's body on a fresh cluster. */
export function on(
  options: Omit<RaftClusterOptions, 'seed'>,
  body: (c: RaftCluster) => Promise<void>,
): (seed: number) => Promise<void> {
  return (seed) => new RaftCluster({ ...options, seed }).run(body);
}
