import type { Result } from './alternate.ts';
import { type Measure, medianRatio } from './ratios.ts';
import { row } from './tables.ts';
import { type Action, WORKS } from './work.ts';

/** What Flotilla must reach beside a rival, as a ratio. */
interface Target {
  readonly rival: string;
  readonly action: Action;
  readonly measure: Measure;
  /** As they are named; {@link roundUp} says how many are opened. */
  readonly connections: readonly number[];
  readonly bound: 'at least' | 'at most';
  readonly ratio: number;
}

const BOTH = [64, 256];
const TARGETS: readonly Target[] = [
  {
    rival: 'etcd',
    action: 'put',
    measure: 'ops/s',
    connections: BOTH,
    bound: 'at least',
    ratio: 1.2,
  },
  { rival: 'etcd', action: 'put', measure: 'p99', connections: [64], bound: 'at most', ratio: 2 },
  { rival: 'etcd', action: 'put', measure: 'p99', connections: [256], bound: 'at most', ratio: 1 },
  {
    rival: 'etcd',
    action: 'get',
    measure: 'ops/s',
    connections: BOTH,
    bound: 'at least',
    ratio: 2.5,
  },
  {
    rival: 'probe, raw',
    action: 'put',
    measure: 'ops/s',
    connections: BOTH,
    bound: 'at least',
    ratio: 0.5,
  },
  {
    rival: 'probe, raw',
    action: 'get',
    measure: 'ops/s',
    connections: BOTH,
    bound: 'at least',
    ratio: 0.5,
  },
];

/** wrk gives each node the same number of connections, so three nodes get a multiple of three; one connection stays one. */
export function roundUp(connections: number, nodes: number): number {
  return connections === 1 ? 1 : Math.ceil(connections / nodes) * nodes;
}

/** Prints the targets that the results speak of, each beside the median ratio of the rounds. */
export function printVerdict(results: readonly Result[], nodes: number): void {
  const lines = TARGETS.flatMap((target) =>
    results.flatMap((result) => {
      const [ours] = result.figures.values();
      const theirs = result.figures.get(target.rival);
      const asked = target.connections.some(
        (count) => roundUp(count, nodes) === result.connections,
      );
      if (!ours || !theirs || !asked || result.action !== target.action) return [];
      return [{ target, result, ratio: medianRatio(ours, theirs, target.measure) }];
    }),
  );
  if (lines.length === 0) return;
  console.log();
  row(['verdict', 'beside'], ['connections', 'of', 'median', 'target', '']);
  for (const { target, result, ratio } of lines) {
    const holds = target.bound === 'at least' ? ratio >= target.ratio : ratio <= target.ratio;
    const sign = target.bound === 'at least' ? '>=' : '<=';
    row(
      [WORKS[target.action].name, target.rival],
      [
        result.connections,
        target.measure,
        `x ${ratio.toFixed(2)}`,
        `${sign} ${target.ratio}`,
        holds ? 'holds' : 'MISSED',
      ],
    );
  }
}
