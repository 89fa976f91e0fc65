// From cells to what may be said: per place of the grid each policy's figures with intervals over seeds, and the differences
// from the first policy, paired by seed, with those that are not significant named as such.

import type { CellResult, Experiment, Point } from "./experiment.js";
import { pointsOf } from "./experiment.js";
import { figuresOf, type Metric } from "./figures.js";
import { bootstrapMean, type Difference, holm, type Interval, leastP, pairedDifference } from "./statistics.js";

/** Differences whose corrected p-value is below this are called significant. */
export const LEVEL = 0.05;

export interface PolicyFigures {
  readonly policy: string;
  /** Those of `figuresOf`. */
  readonly metrics: Readonly<Record<Metric, Interval>>;
}

export interface Compared extends Difference {
  readonly policy: string;
  /** The policy that it is compared with: the difference is `policy` less this one. */
  readonly against: string;
  readonly metric: Metric;
  /** The same on every seed. Nothing is tested then, and nothing corrected for it. */
  readonly alike: boolean;
  /** `p` corrected for all comparisons at this place that are not alike. */
  readonly pCorrected: number;
  readonly significant: boolean;
}

export interface PointReport {
  readonly at: Point;
  /** Seeds that every policy has run here; others are left out, so that all is paired. */
  readonly seeds: readonly number[];
  readonly policies: readonly PolicyFigures[];
  readonly differences: readonly Compared[];
  /** Whether so few seeds could show any difference at all, after the correction. */
  readonly enoughSeeds: boolean;
}

/** Reports every place of the grid where at least one seed is complete. */
export function compare(experiment: Experiment, results: readonly CellResult[]): PointReport[] {
  return pointsOf(experiment).flatMap((at, point) => {
    const here = results.filter((result) => result.point === point);
    const seeds = [...new Set(here.map(({ seed }) => seed))]
      .filter((seed) => experiment.policies.every((policy) => here.some((r) => r.seed === seed && r.policy === policy)))
      .sort((a, b) => a - b);
    return seeds.length === 0 ? [] : [reportOf(experiment, at, here, seeds)];
  });
}

function reportOf(
  { workload, policies, seed }: Experiment,
  at: Point,
  here: readonly CellResult[],
  seeds: readonly number[],
): PointReport {
  const metrics = figuresOf(workload).map(({ metric }) => metric);
  const columns = new Map(
    policies.map((policy) => [
      policy,
      seeds.map((s) => here.find((r) => r.seed === s && r.policy === policy)!.outcome),
    ]),
  );
  const values = (policy: string, metric: Metric): number[] => columns.get(policy)!.map((outcome) => outcome[metric]);
  const figures = policies.map((policy) => ({
    policy,
    metrics: Object.fromEntries(metrics.map((m) => [m, bootstrapMean(values(policy, m), seed)])) as Record<
      Metric,
      Interval
    >,
  }));
  const [against, ...others] = policies as [string, ...string[]];
  const pairs = others.flatMap((policy) =>
    metrics.map((metric) => ({
      policy,
      against,
      metric,
      alike: isSame(values(against, metric), values(policy, metric)),
      ...pairedDifference(values(against, metric), values(policy, metric), seed),
    })),
  );
  // Which are tested depends on how far values lie apart, and no sign of a difference: the test takes that as given.
  const tested = pairs.filter(({ alike }) => !alike);
  const corrected = holm(tested.map(({ p }) => p));
  const differences = pairs.map((pair) => {
    const pCorrected = pair.alike ? 1 : corrected[tested.indexOf(pair)]!;
    return { ...pair, pCorrected, significant: pCorrected < LEVEL };
  });
  return { at, seeds, policies: figures, differences, enoughSeeds: leastP(seeds.length) * tested.length < LEVEL };
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.every((value, i) => value === b[i]);
}
