/** Of each power of two; so a figure is at most 1/64 off. */
const PARTS = 64;
const PARTS_LOG2 = 6;
/** Values below 2^31 microseconds, 35 minutes. */
const BUCKETS = (31 - PARTS_LOG2) * PARTS + PARTS;

/** Counts of latencies in microseconds, in buckets that widen with the value (as HdrHistogram's). */
export class Histogram {
  readonly counts: Uint32Array;
  #total: number;

  /** Takes over the counts of another one, which may come from another process. */
  constructor(counts: Uint32Array = new Uint32Array(BUCKETS)) {
    if (counts.length !== BUCKETS) throw new Error(`${counts.length} buckets, not ${BUCKETS}`);
    this.counts = counts;
    this.#total = counts.reduce((sum, count) => sum + count, 0);
  }

  get total(): number {
    return this.#total;
  }

  add(microseconds: number): void {
    const value = Math.min(Math.max(microseconds, 0), 0x7fffffff) | 0;
    const shift = Math.max(0, 31 - Math.clz32(value | 1) - PARTS_LOG2);
    const bucket = shift * PARTS + (value >>> shift);
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.#total++;
  }

  merge(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++) {
      this.counts[i] = (this.counts[i] as number) + (other.counts[i] as number);
    }
    this.#total += other.total;
  }

  /** Milliseconds that a part of the values (0.99 for p99) does not exceed; 0 when there are none. */
  percentileMs(part: number): number {
    const wanted = Math.max(1, Math.ceil(part * this.#total));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.counts[i] as number;
      if (seen >= wanted) return middleOf(i) / 1000;
    }
    return 0;
  }
}

function middleOf(bucket: number): number {
  const shift = Math.max(0, Math.floor(bucket / PARTS) - 1);
  return (bucket - shift * PARTS + 0.5) * 2 ** shift;
}

/** All of them together. */
export function merged(histograms: readonly Histogram[]): Histogram {
  const sum = new Histogram();
  for (const one of histograms) sum.merge(one);
  return sum;
}
