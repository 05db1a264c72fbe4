import { type Figures, rate } from './load/figures.ts';

export const MEASURES = {
  'ops/s': rate,
  p50: ({ p50 }: Figures) => p50,
  p99: ({ p99 }: Figures) => p99,
} as const;

export type Measure = keyof typeof MEASURES;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[half - 1 + (sorted.length % 2)],
    sorted[half],
  ];
  return (low + high) / 2;
}

/** The median of the rounds' ratios: both of a pair saw the same moment of the machine. */
export function medianRatio(
  ours: readonly Figures[],
  theirs: readonly Figures[],
  measure: Measure,
): number {
  const of = MEASURES[measure];
  return median(ours.map((figures, round) => of(figures) / of(theirs[round] as Figures)));
}
