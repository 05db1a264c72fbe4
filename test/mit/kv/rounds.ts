import { checkLinearizable, type Model, type Operation } from '../../../src/sim/index.ts';
import type { KvCluster } from './cluster.ts';

const CALM_MS = 1000;

/** Set when clients shall end once they have their last answers. */
export interface Flags {
  stopped: boolean;
}

export interface Trouble {
  readonly crash?: boolean | undefined;
  readonly partitions?: boolean | undefined;
}

/** Steps 2 to 5 of procedure G (§5.2): `roundMs` of trouble for the clients that run, and the end of it. */
export async function trouble(
  cluster: KvCluster,
  { crash, partitions }: Trouble,
  roundMs: number,
  flags: Flags,
): Promise<void> {
  let partitioning: Promise<void> = Promise.resolve();
  if (partitions) {
    await cluster.sleep(CALM_MS);
    partitioning = partition(cluster, flags);
  }
  await cluster.sleep(roundMs);
  flags.stopped = true;
  if (partitions) {
    await partitioning;
    cluster.connectAll();
    await cluster.sleep(CALM_MS);
  }
  if (crash) {
    cluster.crashAll();
    await cluster.sleep(CALM_MS);
    await cluster.startAll();
  }
}

/** Puts each server on one of two sides, again and again. */
async function partition(cluster: KvCluster, flags: Flags): Promise<void> {
  const { random, n } = cluster;
  while (!flags.stopped) {
    const sides: [number[], number[]] = [[], []];
    for (let i = 0; i < n; i++) sides[random.below(2)]?.push(i);
    cluster.partition(...sides);
    await cluster.sleep(1000 + random.below(200));
  }
}

/** Key by key (§7); not to know is to fail (§12.10). */
export function expectLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  histories: ReadonlyMap<string, readonly Operation<Input, Output>[]>,
): void {
  for (const [key, history] of histories) {
    const result = checkLinearizable(model, history);
    if (result.kind === 'illegal') throw new Error(`[D1] key ${key}:\n${result.window}`);
    if (result.kind === 'unknown') throw new Error(`key ${key}: too many states to tell`);
  }
}
