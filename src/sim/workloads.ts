// The named workloads. What each stands for is told in its file and in one sentence here; none knows how much memory there is.

import { unknownName } from "../closest.js";
import { Refusal } from "../fault.js";
import type { Workload } from "./plan.js";
import { adversarial } from "./workloads/adversarial.js";
import { etl } from "./workloads/etl.js";
import { iterativeMl } from "./workloads/iterative-ml.js";
import { joinHeavy } from "./workloads/join-heavy.js";
import { streaming } from "./workloads/streaming.js";

export const WORKLOADS: readonly Workload[] = [etl, joinHeavy, iterativeMl, streaming, adversarial];

export const WORKLOAD_NAMES: readonly string[] = WORKLOADS.map(({ name }) => name);

/** Whether it is one of these; others are recorded traces. */
export function isNamed(name: string): boolean {
  return WORKLOAD_NAMES.includes(name);
}

/** The workload of that name; Refusal for one that there is not. */
export function workloadNamed(name: string): Workload {
  const workload = WORKLOADS.find((each) => each.name === name);
  if (workload === undefined) throw new Refusal(unknownName("workload", name, WORKLOAD_NAMES));
  return workload;
}
