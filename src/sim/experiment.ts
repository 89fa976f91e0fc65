// An experiment: one workload under several policies, on several seeds, over a grid of settings. It falls into cells that know
// nothing of each other, so that they can be run anywhere in any order, and stopped after any of them.

import { readConf } from "../config/keys.js";
import { executorNumbers, memoryLayout, validateAtStart } from "../config/layout.js";
import { Refusal } from "../fault.js";
import { dynamicRules } from "./allocation.js";
import { spillOrderNamed } from "../policy/registry.js";
import { evictionNamed, type PolicyOf, shippedPolicy } from "./choices.js";
import type { Outcome } from "./outcome.js";
import type { Workload } from "./plan.js";
import { simulate } from "./simulator.js";
import { isNamed, workloadNamed } from "./workloads.js";

/** What can be swept. */
export type SweepKey = "memory" | "fraction" | "storageFraction" | "cores";
export const SWEEP_KEYS: readonly SweepKey[] = ["memory", "fraction", "storageFraction", "cores"];

/** One setting and the values it takes: bytes (whole MiB), fractions, or cores. */
export interface Sweep {
  readonly key: SweepKey;
  readonly values: readonly number[];
}

/** Plain data, so that it can be handed to a worker. */
export interface Experiment {
  /** A named workload, or the file of a recorded one. */
  readonly workload: string;
  readonly policies: readonly string[];
  /** Which of a task's consumers spills first; null as Spark has it. */
  readonly spillOrder: string | null;
  readonly eviction: string;
  readonly allocation: "static" | "dynamic";
  readonly executors: number;
  readonly cores: number;
  readonly conf: Readonly<Record<string, string>>;
  readonly generation: string;
  readonly sweeps: readonly Sweep[];
  /** The first seed and how many follow it, itself included. */
  readonly seed: number;
  readonly seeds: number;
  readonly scale: number;
}

/** A place in the grid: what each swept key is there. */
export type Point = Readonly<Partial<Record<SweepKey, number>>>;

export interface Cell {
  readonly point: number;
  readonly policy: string;
  readonly seed: number;
}

/** A cell that has been run. */
export interface CellResult extends Cell {
  readonly outcome: Outcome;
}

/** All places of the grid, the last key fastest. One without settings where nothing is swept. */
export function pointsOf({ sweeps }: Experiment): Point[] {
  return sweeps.reduce<Point[]>(
    (points, { key, values }) => points.flatMap((point) => values.map((value) => ({ ...point, [key]: value }))),
    [{}],
  );
}

/** All cells, seed by seed: whoever stops early has fewer seeds and every policy and place. */
export function cellsOf(experiment: Experiment): Cell[] {
  const { policies, seed, seeds } = experiment;
  const points = pointsOf(experiment);
  const cells: Cell[] = [];
  for (let i = 0; i < seeds; i += 1)
    for (let point = 0; point < points.length; point += 1)
      for (const policy of policies) cells.push({ point, policy, seed: seed + i });
  return cells;
}

/**
 * Throws Refusal (ConfigError where it is the configuration) for what cannot be run at some place of the grid. `policyOf` finds
 * policies that are not shipped, `workload` is given where it is not a named one.
 */
export function checkExperiment(
  experiment: Experiment,
  policyOf: PolicyOf = shippedPolicy,
  { executor = {} }: Workload = workloadNamed(experiment.workload),
): void {
  for (const policy of experiment.policies) policyOf(policy);
  evictionNamed(experiment.eviction);
  if (experiment.spillOrder !== null)
    spillOrderNamed(experiment.spillOrder, readConf({}, experiment.generation).release);
  for (const point of pointsOf(experiment)) {
    const { conf, cores } = settingsAt(experiment, point);
    const read = readConf(conf, experiment.generation);
    const { collector = "G1", layout: manager = "unified" } = executor;
    const numbers = executorNumbers(read, memoryLayout(read, { cores, collector, manager }));
    validateAtStart(read);
    // What a recorded task asks for need be no page.
    if (isNamed(experiment.workload) && numbers.onHeap.total < numbers.pageBytes)
      throw new Refusal(`memory of ${numbers.onHeap.total} bytes has no room for a page of ${numbers.pageBytes}`);
  }
}

/** Runs one cell. `policyOf` finds policies that are not shipped, `workload` is given where it is not a named one. */
export function runCell(
  experiment: Experiment,
  { point, policy, seed }: Cell,
  policyOf: PolicyOf = shippedPolicy,
  workload: Workload = workloadNamed(experiment.workload),
): Outcome {
  const { eviction, allocation, executors, scale, generation, spillOrder } = experiment;
  const { conf, cores } = settingsAt(experiment, pointsOf(experiment)[point]!);
  const order = spillOrder === null ? {} : { spillOrder };
  return simulate({
    plan: workload.plan(seed, scale),
    executors,
    cores,
    executor: { ...workload.executor, conf, cores, generation, policy: policyOf(policy), ...order },
    eviction: evictionNamed(eviction),
    dynamic: allocation === "dynamic" ? dynamicRules(executors) : null,
  });
}

const MIB = 2 ** 20;

/** The same with so many bytes of executor memory (whole MiB), also where a test's heap stood for it. */
export function withMemory(conf: Experiment["conf"], bytes: number): Record<string, string> {
  const { "spark.testing.memory": _heap, "spark.testing.reservedMemory": _reserve, ...others } = conf;
  return { ...others, "spark.executor.memory": `${bytes / MIB}m` };
}

function settingsAt(
  { conf, cores }: Experiment,
  point: Point,
): { readonly conf: Record<string, string>; readonly cores: number } {
  const settings = { ...(point.memory === undefined ? conf : withMemory(conf, point.memory)) };
  if (point.fraction !== undefined) settings["spark.memory.fraction"] = String(point.fraction);
  if (point.storageFraction !== undefined) settings["spark.memory.storageFraction"] = String(point.storageFraction);
  return { conf: settings, cores: point.cores ?? cores };
}
