// The figures of a simulation that are compared, what they are called and how they are told: the same words in a terminal and on
// a page.

import { humanBytes } from "../human.js";
import type { Outcome } from "./outcome.js";
import { isNamed } from "./workloads.js";

export type Metric = keyof Outcome;

/** `us`: virtual microseconds; `index`: 0 to 1. */
export type FigureUnit = "us" | "bytes" | "count" | "index";

export interface Figure {
  readonly metric: Metric;
  readonly title: string;
  readonly unit: FigureUnit;
}

const FIGURES: readonly Figure[] = [
  { metric: "makespanUs", title: "makespan", unit: "us" },
  { metric: "jobUs", title: "time of jobs", unit: "us" },
  { metric: "spillBytes", title: "spilled", unit: "bytes" },
  { metric: "evictions", title: "evictions", unit: "count" },
  { metric: "recomputeUs", title: "recomputing", unit: "us" },
  { metric: "waitUs", title: "waiting", unit: "us" },
  { metric: "longestWaitUs", title: "longest wait", unit: "us" },
  { metric: "starved", title: "starved tasks", unit: "count" },
  { metric: "failedTasks", title: "failed tasks", unit: "count" },
  { metric: "fairness", title: "fairness (Jain)", unit: "index" },
  { metric: "peakBytes", title: "peak memory", unit: "bytes" },
  { metric: "gcUs", title: "collecting", unit: "us" },
  { metric: "executorUs", title: "executor time", unit: "us" },
];

const RECORDED_FIGURES: readonly Figure[] = [
  ...FIGURES,
  { metric: "shortfalls", title: "got less", unit: "count" },
  { metric: "clipped", title: "clipped", unit: "count" },
];

/** The figures of a workload: of a recorded trace also how far it could be asked as it was. */
export function figuresOf(workload: string): readonly Figure[] {
  return isNamed(workload) ? FIGURES : RECORDED_FIGURES;
}

const TELL: Readonly<Record<FigureUnit, (value: number) => string>> = {
  us: (value) =>
    value !== 0 && Math.abs(value) < 1e5 ? `${(value / 1e3).toFixed(1)} ms` : `${(value / 1e6).toFixed(1)} s`,
  bytes: humanBytes,
  count: (value) => value.toFixed(1),
  index: (value) => value.toFixed(3),
};

export function figureText({ unit }: Figure, value: number): string {
  return TELL[unit](value);
}

/** `12.3 s [11.0 s, 13.1 s]`; without an interval of no width. */
export function intervalText(
  figure: Figure,
  { mean, low, high }: { readonly mean: number; readonly low: number; readonly high: number },
): string {
  const [most, least] = [figureText(figure, high), figureText(figure, low)];
  return low === high ? figureText(figure, mean) : `${figureText(figure, mean)} [${least}, ${most}]`;
}
