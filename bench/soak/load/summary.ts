import { Histogram, merged } from './histogram.ts';
import type { Second } from './load.ts';

/** Some seconds of a load together. */
export interface Summary {
  readonly seconds: number;
  readonly successes: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly unsent: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly gapMs: number;
  readonly connectionGapMs: number;
}

export function summaryOf(seconds: readonly Second[], beganAtMs = 0): Summary {
  const histogram = merged(seconds.map(({ counts }) => new Histogram(counts)));
  const failures: Record<string, number> = {};
  for (const second of seconds) {
    for (const [why, count] of Object.entries(second.failures)) {
      failures[why] = (failures[why] ?? 0) + count;
    }
  }
  const sum = (of: (second: Second) => number) => seconds.reduce((all, one) => all + of(one), 0);
  const longest = (of: (second: Second) => number) => Math.max(0, ...seconds.map(of));
  const lasted = Math.max(0.001, ((seconds.at(-1)?.atMs ?? 0) - beganAtMs) / 1000);
  const successes = sum((second) => second.successes);
  return {
    seconds: lasted,
    successes,
    failures,
    unsent: sum(({ unsent }) => unsent),
    perSecond: successes / lasted,
    p50: histogram.percentileMs(0.5),
    p99: histogram.percentileMs(0.99),
    gapMs: longest(({ gapMs }) => gapMs),
    connectionGapMs: longest(({ connectionGapMs }) => connectionGapMs),
  };
}

/** What DynamoDB's clients send again by themselves: 5xx, and being asked to slow down. */
const RETRYABLE =
  /^(50[03] |400 (ThrottlingException|ProvisionedThroughputExceededException|RequestLimitExceeded)$)/;

/** How many failures a client may not simply send again after. */
export function notRetryable(failures: Readonly<Record<string, number>>): number {
  const others = Object.entries(failures).filter(([why]) => !RETRYABLE.test(why));
  return others.reduce((sum, [, count]) => sum + count, 0);
}
