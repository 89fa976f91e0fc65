// What the script of a policy comparison draws from, and what the page offers for download: every figure of every place of the
// grid with its interval.

import type { PointReport } from "../../sim/compare.js";
import type { Experiment } from "../../sim/experiment.js";
import { type Figure, figuresOf } from "../../sim/figures.js";

/** A comparison that has been run. */
export interface Comparison extends Experiment {
  readonly version: string;
  readonly interrupted: boolean;
  readonly runs: { readonly done: number; readonly all: number };
  readonly points: readonly PointReport[];
}

/** A mean and its interval. */
export type Range = readonly [mean: number, low: number, high: number];

export interface PoliciesData {
  readonly policies: readonly string[];
  readonly sweeps: Comparison["sweeps"];
  readonly figures: readonly Figure[];
  readonly points: readonly PlaceData[];
}

export interface PlaceData {
  readonly at: Readonly<Record<string, number>>;
  /** By figure, then by policy. */
  readonly ranges: readonly (readonly Range[])[];
}

/** Names of the colours that stand for policies, in their order. */
const POLICY_INKS = ["on", "off", "store", "spill", "wait", "good", "ink", "muted"] as const;

export function inkOf(policy: number): string {
  return POLICY_INKS[policy % POLICY_INKS.length]!;
}

export function policiesData({ workload, policies, sweeps, points }: Comparison): PoliciesData {
  const figures = figuresOf(workload);
  return {
    policies,
    sweeps,
    figures,
    points: points.map((point) => ({
      at: { ...point.at },
      ranges: figures.map(({ metric }) =>
        point.policies.map(({ metrics }) => {
          const { mean, low, high } = metrics[metric];
          return [mean, low, high].map((value) => Number(value.toPrecision(7))) as unknown as Range;
        }),
      ),
    })),
  };
}
