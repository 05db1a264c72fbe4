import { row } from '../tables.ts';

interface Verdict {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly holds: boolean;
}

const WHAT_COLUMN = 58;

/** What a run promised to show, and whether it did. */
export class Verdicts {
  readonly #all: Verdict[] = [];

  /** `value` must not be above `most`. */
  atMost(what: string, value: number, most: number, unit: string, digits = 0): void {
    const measured = `${value.toFixed(digits)} ${unit}`;
    const target = `<= ${most.toFixed(digits)} ${unit}`;
    this.#all.push({ what, measured, target, holds: value <= most });
  }

  atLeast(what: string, value: number, least: number, unit: string): void {
    const [measured, target] = [`${value} ${unit}`, `>= ${least} ${unit}`];
    this.#all.push({ what, measured, target, holds: value >= least });
  }

  /** Prints them, and returns whether all hold. */
  print(): boolean {
    console.log();
    row(['verdict'], ['measured', 'target', ''], WHAT_COLUMN);
    for (const { what, measured, target, holds } of this.#all) {
      row([what], [measured, target, holds ? 'holds' : 'MISSED'], WHAT_COLUMN);
    }
    return this.#all.every(({ holds }) => holds);
  }
}
