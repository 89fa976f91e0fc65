// Intervals of medians by a bootstrap in two steps, as repetitions in one process are more alike than processes are:
// processes are drawn anew with replacement, then repetitions inside each (Kalibera and Jones, "Rigorous Benchmarking in
// Reasonable Time", 2013, on the levels that have to be repeated). With few processes the interval spans nearly all of them.

import { randomWords } from "../generate.js";
import { median } from "../statistics.js";

/** A median and the interval that 95 of 100 bootstrap medians lie in. NaN of nothing. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** One process: values of its repetitions. */
export type Sample = readonly number[];

const DRAWS = 1000;
const TAIL = 0.025;

/** The median of all values. `seed` makes the answer the same each time. */
export function medianInterval(samples: readonly Sample[], seed: number): Interval {
  const drawOne = (random: () => number): number =>
    median(samples.flatMap(() => redrawn(samples[Math.floor(random() * samples.length)]!, random)));
  return bootstrap(samples.length, median(samples.flat()), seed, drawOne);
}

/**
 * The median, over processes, of the median of `b` by that of `a`. Processes at the same place of the two lists ran side by
 * side and are drawn together, so that what slowed both cancels.
 */
export function ratioInterval(a: readonly Sample[], b: readonly Sample[], seed: number): Interval {
  const ratios = a.map((sample, i) => median(b[i]!) / median(sample));
  const drawOne = (random: () => number): number =>
    median(
      a.map(() => {
        const at = Math.floor(random() * a.length);
        return median(redrawn(b[at]!, random)) / median(redrawn(a[at]!, random));
      }),
    );
  return bootstrap(a.length, median(ratios), seed, drawOne);
}

function bootstrap(processes: number, told: number, seed: number, drawOne: (random: () => number) => number): Interval {
  if (processes === 0) return { median: Number.NaN, low: Number.NaN, high: Number.NaN };
  const words = randomWords(seed);
  const random = (): number => words() / 2 ** 32;
  const drawn = Float64Array.from({ length: DRAWS }, () => drawOne(random)).sort();
  return { median: told, low: drawn[Math.floor(DRAWS * TAIL)]!, high: drawn[Math.ceil(DRAWS * (1 - TAIL)) - 1]! };
}

function redrawn(sample: Sample, random: () => number): number[] {
  return sample.map(() => sample[Math.floor(random() * sample.length)]!);
}
