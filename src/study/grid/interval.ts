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
  const count = samples.length;
  const most = count * Math.max(0, ...samples.map(({ length }) => length));
  const scratch = new Float64Array(most);
  return bootstrap(count, median(samples.flat()), seed, (random) => {
    let length = 0;
    for (let i = 0; i < count; i += 1) {
      const sample = samples[Math.floor(random() * count)]!;
      length = redraw(sample, random, scratch, length);
    }
    return medianIn(scratch, length);
  });
}

/**
 * The median, over processes, of the median of `b` by that of `a`. Processes at the same place of the two lists ran side by
 * side and are drawn together, so that what slowed both cancels.
 */
export function ratioInterval(a: readonly Sample[], b: readonly Sample[], seed: number): Interval {
  const count = a.length;
  const ratios = new Float64Array(count);
  const scratch = new Float64Array(Math.max(0, ...a.map(({ length }) => length), ...b.map(({ length }) => length)));
  const told = median(a.map((sample, i) => median(b[i]!) / median(sample)));
  return bootstrap(count, told, seed, (random) => {
    for (let i = 0; i < count; i += 1) {
      const at = Math.floor(random() * count);
      const over = medianIn(scratch, redraw(b[at]!, random, scratch, 0));
      ratios[i] = over / medianIn(scratch, redraw(a[at]!, random, scratch, 0));
    }
    return medianIn(ratios, count);
  });
}

function bootstrap(processes: number, told: number, seed: number, draw: (random: () => number) => number): Interval {
  if (processes === 0) return { median: Number.NaN, low: Number.NaN, high: Number.NaN };
  const words = randomWords(seed);
  const random = (): number => words() / 2 ** 32;
  const drawn = Float64Array.from({ length: DRAWS }, () => draw(random)).sort();
  return { median: told, low: drawn[Math.floor(DRAWS * TAIL)]!, high: drawn[Math.ceil(DRAWS * (1 - TAIL)) - 1]! };
}

/** Puts as many values as the sample has, drawn with replacement, into `to` from `at` on; returns where they end. */
function redraw(sample: Sample, random: () => number, to: Float64Array, at: number): number {
  for (let i = 0; i < sample.length; i += 1) to[at + i] = sample[Math.floor(random() * sample.length)]!;
  return at + sample.length;
}

/** Up to so many values insertion is the faster sort. */
const FEW = 40;

/** The median of the first `length` values, which are put in order. */
function medianIn(values: Float64Array, length: number): number {
  if (length > FEW) values.subarray(0, length).sort();
  else {
    for (let i = 1; i < length; i += 1) {
      const value = values[i]!;
      let at = i;
      for (; at > 0 && values[at - 1]! > value; at -= 1) values[at] = values[at - 1]!;
      values[at] = value;
    }
  }
  const half = length >> 1;
  return length % 2 === 1 ? values[half]! : (values[half - 1]! + values[half]!) / 2;
}
