// What the options of `simulate` mean: how each is read, and the experiment that they describe together.

import { InvalidArgumentError } from "commander";
import { unknownName } from "../closest.js";
import { parseBytes } from "../config/bytes.js";
import { DEFAULT_GENERATION, type Generation } from "../config/release.js";
import { Refusal } from "../fault.js";
import { type Experiment, type Sweep, SWEEP_KEYS, type SweepKey, withMemory } from "../sim/experiment.js";
import type { RecordedTrace } from "../sim/recorded.js";

export interface Options {
  readonly workload?: string;
  readonly trace?: string;
  readonly policies?: readonly string[];
  readonly spillOrder?: string;
  readonly eviction: string;
  readonly allocation: "static" | "dynamic";
  readonly executors: number;
  readonly cores?: number;
  readonly memory?: number;
  readonly conf?: Readonly<Record<string, string>>;
  readonly generation?: Generation;
  readonly sweep?: readonly Sweep[];
  readonly seeds: number;
  readonly seed: number;
  readonly scale?: number;
  readonly threads: number;
  readonly json: boolean;
  readonly out?: string;
  readonly resume?: string;
  readonly html?: string;
}

const MIB = 2 ** 20;
const DEFAULT_POLICIES = ["unified", "static"];
const MEMORY = "spark.executor.memory";
export const DEFAULT_MEMORY = "8g";
export const DEFAULT_CORES = 4;
const MOST_STEPS = 1000;
const DEFAULT_STEPS = 5;
/** Swept values are whole numbers of so many parts of one: whole MiB, whole cores, four digits of a fraction. */
const PER_UNIT: Readonly<Record<SweepKey, number>> = { memory: 1 / MIB, cores: 1, fraction: 1e4, storageFraction: 1e4 };

/** The experiment of a workload; `recorded` where that is a trace, which says what the options leave open. */
export function experimentOf(workload: string, recorded: RecordedTrace | null, options: Options): Experiment {
  const { policies = DEFAULT_POLICIES, spillOrder = null, eviction, allocation, executors, seed, seeds } = options;
  if (recorded !== null && options.scale !== undefined)
    throw new Refusal("--scale is for named workloads: a trace asks what was recorded");
  const conf = confOf(recorded, options);
  return {
    workload,
    policies,
    spillOrder,
    eviction,
    allocation,
    executors,
    cores: options.cores ?? recorded?.cores ?? DEFAULT_CORES,
    conf,
    generation: options.generation ?? recorded?.generation ?? DEFAULT_GENERATION,
    sweeps: options.sweep ?? [],
    seed,
    seeds,
    scale: options.scale ?? 1,
  };
}

/** The trace's settings or our own, then the user's; what tests of Spark put in place of a heap gives way to a size that is asked for. */
function confOf(recorded: RecordedTrace | null, { conf = {}, memory }: Options): Experiment["conf"] {
  const ours = recorded?.conf ?? { "spark.executor.memory": DEFAULT_MEMORY };
  const size = memory ?? (conf[MEMORY] === undefined ? undefined : mib(conf[MEMORY]));
  return size === undefined ? { ...ours, ...conf } : withMemory({ ...ours, ...conf }, size);
}

export function names(text: string): string[] {
  return [...new Set(text.split(","))];
}

export function addSweep(text: string, sweeps: readonly Sweep[] = []): Sweep[] {
  const [, key, from, to, steps] = /^([A-Za-z]+)=(.+?)\.\.(.+?)(?::(\d{1,4}))?$/.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError("write it as key=from..to or key=from..to:steps.");
  if (!(SWEEP_KEYS as readonly string[]).includes(key))
    throw new InvalidArgumentError(unknownName("setting to sweep", key, SWEEP_KEYS));
  if (sweeps.some((sweep) => sweep.key === key)) throw new InvalidArgumentError(`${key} is swept already.`);
  const count = steps === undefined ? DEFAULT_STEPS : Number(steps);
  if (count < 1 || count > MOST_STEPS) throw new InvalidArgumentError(`write 1 to ${MOST_STEPS} steps.`);
  return [...sweeps, { key: key as SweepKey, values: between(key as SweepKey, from!, to!, count) }];
}

/** Values evenly from one end to the other, whole where the setting is, each once. */
function between(key: SweepKey, fromText: string, toText: string, steps: number): number[] {
  const [from, to] = [fromText, toText].map((text) => valueOf(key, text)) as [number, number];
  const grains = PER_UNIT[key];
  const at = (i: number): number => (steps === 1 ? from : from + ((to - from) * i) / (steps - 1));
  return [...new Set(Array.from({ length: steps }, (_, i) => Math.round(at(i) * grains) / grains))];
}

function valueOf(key: SweepKey, text: string): number {
  if (key === "memory") return mib(text);
  if (key === "cores") return whole(1, 1024)(text);
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value > 1) throw new InvalidArgumentError(`${key} is a number from 0 to 1.`);
  return value;
}

export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,10}$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`write a whole number from ${least} to ${most}.`);
    return value;
  };
}

export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || !(value > 0 && value <= 1000))
    throw new InvalidArgumentError("write a number above 0, up to 1000.");
  return value;
}

/** A size as Spark reads `spark.executor.memory`, where a bare number is MiB; in bytes. */
export function mib(text: string): number {
  try {
    const value = Number(parseBytes(text, "MiB"));
    if (value > 0 && Number.isSafeInteger(value * MIB)) return value * MIB;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  throw new InvalidArgumentError("write a size as Spark does, like 8g or 4096m, at least 1m.");
}

export function addSetting(text: string, settings: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("write it as key=value.");
  return { ...settings, [text.slice(0, at)]: text.slice(at + 1) };
}
