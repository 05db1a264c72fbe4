import type { Result } from './alternate.ts';
import { type Figures, rate } from './load/figures.ts';
import { medianRatio } from './ratios.ts';
import { WORKS } from './work.ts';

const TEXT_COLUMN = 24;
const NUMBER_COLUMN = 13;

/** Prints one row: text at the left of its columns, then numbers at the right of theirs. */
export function row(
  text: readonly string[],
  numbers: readonly (string | number)[],
  textColumn = TEXT_COLUMN,
): void {
  const left = text.map((cell) => cell.padEnd(textColumn));
  const right = numbers.map((cell) => String(cell).padStart(NUMBER_COLUMN));
  console.log([...left, ...right].join(''));
}

export function printHeader(): void {
  console.log();
  row(['work', 'system'], ['connections', 'ops/s', 'p50 ms', 'p99 ms', 'errors']);
}

export function printFigures(
  work: string,
  system: string,
  connections: number,
  figures: Figures,
): void {
  const { p50, p99, errors } = figures;
  row(
    [work, system],
    [connections, rate(figures).toFixed(0), p50.toFixed(2), p99.toFixed(2), errors],
  );
}

/** The first system over each other one. */
export function printRatios({ action, connections, figures }: Result): void {
  const [first, ...others] = [...figures];
  if (!first) return;
  const [ours, oursFigures] = first;
  for (const [theirs, theirsFigures] of others) {
    const ratios = (['ops/s', 'p50', 'p99'] as const).map(
      (measure) => `x ${medianRatio(oursFigures, theirsFigures, measure).toFixed(2)}`,
    );
    row([`  ${WORKS[action].name}`, `${ours} / ${theirs}`], [connections, ...ratios]);
  }
}
