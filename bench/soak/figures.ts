/** The value that a part of them (0.9 for p90) does not exceed. There must be one. */
export function percentile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new Error('no values');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] as number;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** How much values at even intervals rise from the first to the last, by the line of least squares through them. */
export function growthOver(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const middle = (n - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  let both = 0;
  let squares = 0;
  values.forEach((value, i) => {
    both += (i - middle) * (value - mean);
    squares += (i - middle) ** 2;
  });
  return (both / squares) * (n - 1);
}
