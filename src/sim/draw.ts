// What plans draw from their seed: sizes that vary, a few that are very large, the odd straggler. Only + - * / and the square
// root are used, so that a seed draws the same on every machine.

import { Random } from "../trace/random.js";

export const KIB = 1024;
export const MIB: number = 1024 * KIB;
export const SECOND_US = 1_000_000;

/** A whole number around `base`: `base` times something from `low` to `high`. 1 or more. */
export function around(random: Random, base: number, low: number, high: number): number {
  return Math.max(1, Math.round(base * (low + (high - low) * random.fraction())));
}

/**
 * A factor with a heavy tail: Pareto's distribution with index 2 from 1 on, cut off at `most`. Half of all are below 1.42, one
 * in a hundred is above 10.
 */
export function heavyTail(random: Random, most: number): number {
  return Math.min(most, 1 / Math.sqrt(1 - random.fraction()));
}

/** How slow a task is: one in `oneIn` takes 2 to 6 times as long. */
export function straggling(random: Random, oneIn: number): number {
  return random.below(oneIn) === 0 ? 2 + 4 * random.fraction() : 1;
}

/** `n` times `scale`, at least 1. */
export function scaled(n: number, scale: number): number {
  return Math.max(1, Math.round(n * scale));
}

/** A list of `n` made one by one. */
export function times<T>(n: number, make: (index: number) => T): T[] {
  return Array.from({ length: n }, (_, index) => make(index));
}

export { Random };
