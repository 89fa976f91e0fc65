// `simulate --resume FILE`: the runs that an earlier call has left there, if they are of the same experiment. It may have grown
// since, by seeds, policies or places of its grid: what there is of it is not run again.

import { existsSync, readFileSync } from "node:fs";
import { Refusal } from "../fault.js";
import { VERSION } from "../generated/version.js";
import { type CellResult, cellsOf, type Experiment, type Point, pointsOf, SWEEP_KEYS } from "../sim/experiment.js";
import type { Outcome } from "../sim/outcome.js";
import { same } from "../trace/verify.js";

/** Keys of an experiment that every run depends on. */
const FIXED = [
  "workload",
  "spillOrder",
  "eviction",
  "allocation",
  "executors",
  "cores",
  "conf",
  "generation",
  "scale",
] as const;

/** Runs of the experiment that the file holds; none where there is no file yet. Throws Refusal for one of another experiment. */
export function earlierRuns(file: string, experiment: Experiment): CellResult[] {
  if (!existsSync(file)) return [];
  const report = reportIn(file);
  if (report["version"] !== VERSION)
    throw new Refusal(`--resume ${file}: was written by version ${String(report["version"])}, this is ${VERSION}`);
  const other = FIXED.find((key) => !same(report[key], experiment[key]));
  if (other !== undefined)
    throw new Refusal(
      `--resume ${file}: is of another experiment: ${other} is ${JSON.stringify(report[other])} there and ${JSON.stringify(experiment[other])} here`,
    );
  const rows = new Map(
    (report["rows"] as Row[]).map(({ at, policy, seed, ...outcome }) => [keyOf(at, policy, seed), outcome]),
  );
  const points = pointsOf(experiment);
  const found = cellsOf(experiment).flatMap((cell) => {
    const outcome = rows.get(keyOf(points[cell.point]!, cell.policy, cell.seed));
    return outcome === undefined ? [] : [{ ...cell, outcome: outcome as unknown as Outcome }];
  });
  // They would be lost when it is written again.
  if (found.length < rows.size)
    throw new Refusal(
      `--resume ${file}: holds ${rows.size - found.length} runs of other policies, seeds or places than are asked for here`,
    );
  return found;
}

interface Row {
  readonly at: Point;
  readonly policy: string;
  readonly seed: number;
}

function keyOf(at: Point, policy: string, seed: number): string {
  return JSON.stringify([SWEEP_KEYS.map((key) => at[key]), policy, seed]);
}

function reportIn(file: string): Readonly<Record<string, unknown>> {
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    if (Array.isArray(report["rows"])) return report;
  } catch (cause) {
    throw new Refusal(`--resume ${file}: ${(cause as Error).message}`, null, { cause });
  }
  throw new Refusal(`--resume ${file}: is no report of simulate`);
}
