// What is said of several rounds: their middle and their ends. No mean, which one bad round would own.

/** The middle value, the mean of the two middle ones for an even count; NaN of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Median and range; NaN of nothing. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { median: Number.NaN, least: Number.NaN, most: Number.NaN };
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** The place of the value that lies closest to the median. */
export function nearestToMedian(values: readonly number[]): number {
  const middle = median(values);
  let best = 0;
  values.forEach((value, i) => {
    if (Math.abs(value - middle) < Math.abs(values[best]! - middle)) best = i;
  });
  return best;
}
