import type { BuggifySite } from '../../ports/index.ts';
import type { FaultKind } from '../faults/faults.ts';
import type { SimRandom } from '../random.ts';
import type { SimBuggify } from './buggify.ts';

/** What a seed has drawn. */
export interface Drawn {
  readonly nodes: number;
  readonly clients: number;
  readonly operationsPerSecond: number;
  /** Scans, queries and batches, which another client sends. */
  readonly bulkPerSecond: number;
  /** Tables that come and go, of a client of their own. */
  readonly tablesPerSecond: number;
  readonly keys: number;
  /** See `Layout`. */
  readonly partitionItems: number;
  /** One read of so many is eventually consistent. 0: none. */
  readonly eventualOnceIn: number;
  readonly faults: readonly FaultKind[];
  readonly buggify: readonly BuggifySite[];
  readonly diskLatencyMs: readonly [min: number, max: number];
  readonly networkLatencyMs: readonly [min: number, max: number];
  readonly clockRates: readonly number[];
  readonly logSegmentBytes: number;
  readonly memtableBytes: number;
  /** When shards are split: bytes of their items, and operations a second. */
  readonly splitBytes: number;
  readonly splitPerSecond: number;
  /** How many changes of a shard that moves are listed at most. */
  readonly listedMax: number;
  /** Of the blocks of answers that clients may ask for again. */
  readonly retryBlockBytes: number;
  /** What is read of a page in one turn, in items. */
  readonly sliceItems: number;
  /** See `ReplicaLimits`. */
  readonly uncommittedBytesMax: number;
  /** Machines that may come besides the first ones. */
  readonly newMachines: number;
  /** See `NodeOptions`. */
  readonly replaceAfterMs: number;
}

/** One is for a machine that is to be replaced when all is over. */
const NEW_MACHINES_MAX = 3;

/** What is given is not drawn. */
export function draw(
  nodes: number,
  faults: readonly FaultKind[],
  given: Partial<Drawn>,
  random: SimRandom,
  buggify: SimBuggify,
): Drawn {
  // Some worlds have few kinds of faults, so that each is seen to work on its own, and some are all noise.
  const share = random.pick([3, 2, 1]);
  const drawn = faults.filter(() => share === 1 || random.once(share));
  const drift = random.pick([0, 0.02, 0.1]);
  return {
    nodes,
    clients: random.pick([4, 10, 20]),
    operationsPerSecond: random.pick([30, 100, 200]),
    keys: random.pick([1, 3, 8]),
    faults: drawn,
    buggify: buggify.sites,
    diskLatencyMs: [0.1, random.pick([0.4, 1, 5])],
    networkLatencyMs: [0.1, random.pick([0.5, 2, 20])],
    clockRates: Array.from({ length: nodes + NEW_MACHINES_MAX }, () =>
      random.between(1 - drift, 1 + drift),
    ),
    logSegmentBytes: random.pick([32, 64, 256]) * 1024,
    memtableBytes: random.pick([8, 32, 128]) * 1024,
    splitBytes: random.pick([300, 2_000, 1_000_000]),
    splitPerSecond: random.pick([10, 50, 1_000]),
    listedMax: random.pick([8, 40, 1_000_000]),
    newMachines: 1 + random.below(NEW_MACHINES_MAX - 1),
    replaceAfterMs: random.pick([2_000, 5_000, 20_000]),
    retryBlockBytes: random.pick([200, 2_000, 32_000]),
    bulkPerSecond: random.pick([0, 0.5, 4]),
    tablesPerSecond: random.pick([0, 0, 0.2]),
    sliceItems: random.pick([1, 4, 200]),
    partitionItems: random.pick([1, 2, 4]),
    eventualOnceIn: random.pick([0, 4]),
    uncommittedBytesMax: random.pick([8, 128, 32 * 1024]) * 1024,
    ...given,
  };
}
