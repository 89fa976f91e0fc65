// What may be said of a few runs: intervals for a mean, and whether two policies differ on the same seeds. Everything is drawn
// from a seed of its own, so that a report repeats to the last digit.

import { Random } from "../trace/random.js";

export interface Interval {
  readonly mean: number;
  /** The ends of the 95 % interval. */
  readonly low: number;
  readonly high: number;
}

/** A difference b - a over pairs, and how surprising it would be if the pairs were exchangeable. */
export interface Difference extends Interval {
  /** Two-sided, of the sign-flip test. Not corrected for several comparisons. */
  readonly p: number;
}

export const CONFIDENCE = 0.95;
export const RESAMPLES = 4000;
/** Up to so many pairs that differ every pattern of signs is tried, beyond it RESAMPLES drawn ones. */
export const EXACT_PAIRS = 14;

/** NaN of nothing. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/**
 * The mean and its 95 % percentile interval by the bootstrap (Efron 1979): RESAMPLES samples with replacement. One value has
 * an interval of no width; nothing has NaN.
 */
export function bootstrapMean(values: readonly number[], seed: number): Interval {
  const n = values.length;
  const random = new Random(seed);
  const means = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r += 1) {
    let total = 0;
    for (let i = 0; i < n; i += 1) total += values[random.below(n)]!;
    means[r] = total / n;
  }
  means.sort();
  const tail = (1 - CONFIDENCE) / 2;
  return { mean: mean(values), low: quantile(means, tail), high: quantile(means, 1 - tail) };
}

/**
 * The differences b - a of pairs with the same seed: their mean with its bootstrap interval, and the p-value of Fisher's sign-flip
 * (paired permutation) test on the mean. Both lists are of one length.
 */
export function pairedDifference(a: readonly number[], b: readonly number[], seed: number): Difference {
  const differences = a.map((value, i) => b[i]! - value);
  return { ...bootstrapMean(differences, seed), p: signFlip(differences, seed) };
}

/**
 * The part of all patterns of signs whose sum is as far from 0 as that of the values. Exact up to EXACT_PAIRS values that are
 * not 0; beyond, the observed pattern counts as one of those drawn. 1 where there is no difference.
 */
export function signFlip(values: readonly number[], seed: number): number {
  const sizes = values.filter((value) => value !== 0).map(Math.abs);
  const n = sizes.length;
  if (n === 0) return 1;
  // Sums of the same terms in another order may differ in their last digits.
  const bound = Math.abs(sum(values)) - 1e-12 * sum(sizes);
  if (n <= EXACT_PAIRS) {
    let asFar = 0;
    for (let pattern = 0; pattern < 2 ** n; pattern += 1) {
      if (Math.abs(signed(sizes, pattern)) >= bound) asFar += 1;
    }
    return asFar / 2 ** n;
  }
  const random = new Random(seed);
  let asFar = 1;
  for (let r = 0; r < RESAMPLES; r += 1) {
    let total = 0;
    for (const size of sizes) total += random.word() >= 2 ** 31 ? size : -size;
    if (Math.abs(total) >= bound) asFar += 1;
  }
  return asFar / (RESAMPLES + 1);
}

/** Holm's step-down correction (1979) of p-values for being several: the same order, each at most 1. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((i, j) => ps[i]! - ps[j]! || i - j);
  const adjusted = Array.from(ps, () => 1);
  let least = 0;
  order.forEach((i, rank) => {
    least = Math.max(least, Math.min(1, (ps.length - rank) * ps[i]!));
    adjusted[i] = least;
  });
  return adjusted;
}

/** The least p-value that so many pairs can reach. */
export function leastP(pairs: number): number {
  return pairs <= EXACT_PAIRS ? Math.min(1, 2 / 2 ** pairs) : 1 / (RESAMPLES + 1);
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function signed(sizes: readonly number[], pattern: number): number {
  let total = 0;
  for (let i = 0; i < sizes.length; i += 1) total += (pattern & (1 << i)) === 0 ? sizes[i]! : -sizes[i]!;
  return total;
}

// Linear between the two values next to it, of sorted ones.
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  return below + 1 < sorted.length ? low + (at - below) * (sorted[below + 1]! - low) : low;
}
