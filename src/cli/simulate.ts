// `simulate`: a workload in virtual time under several policies, on several seeds and over a grid of settings, and what of the
// differences between policies can be relied on.

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, parse } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { unknownName } from "../closest.js";
import { parseBytes } from "../config/bytes.js";
import { readConf } from "../config/keys.js";
import { keyNotices } from "../config/notices.js";
import { DEFAULT_GENERATION, type Generation, GENERATIONS } from "../config/release.js";
import { Refusal } from "../fault.js";
import { VERSION } from "../generated/version.js";
import { loadPolicies } from "../lab/load-policy.js";
import { policiesPage } from "../report/policies/page.js";
import { EVICTION_NAMES } from "../sim/choices.js";
import { compare } from "../sim/compare.js";
import {
  type CellResult,
  cellsOf,
  checkExperiment,
  type Experiment,
  pointsOf,
  type Sweep,
  SWEEP_KEYS,
  type SweepKey,
} from "../sim/experiment.js";
import { WORKLOAD_NAMES, WORKLOADS } from "../sim/workloads.js";
import { SPILL_ORDERS } from "../policy/registry.js";
import { runCells } from "./cells.js";
import { noticeLine } from "./layout.js";
import { exitWith, print, printError, printJson } from "./output.js";
import { progressOn } from "./progress.js";
import { listed, simulateTrace } from "./redecided.js";
import { EXIT_INTERRUPTED, untilSignal } from "./signals.js";
import { simulationText } from "./simulate-text.js";
import { EXIT_USAGE } from "./trouble.js";

interface Options {
  readonly workload?: string;
  readonly trace?: string;
  readonly policies?: readonly string[];
  readonly spillOrder?: string;
  readonly eviction: string;
  readonly allocation: "static" | "dynamic";
  readonly executors: number;
  readonly cores: number;
  readonly memory?: number;
  readonly conf?: Readonly<Record<string, string>>;
  readonly generation: Generation;
  readonly sweep?: readonly Sweep[];
  readonly seeds: number;
  readonly seed: number;
  readonly scale: number;
  readonly threads: number;
  readonly json: boolean;
  readonly out?: string;
  readonly html?: string;
}

const MIB = 2 ** 20;
const DEFAULT_POLICIES = ["unified", "static"];
const DEFAULT_MEMORY = "8g";
const MOST_STEPS = 1000;
const DEFAULT_STEPS = 5;
/** Swept values are whole numbers of so many parts of one: whole MiB, whole cores, four digits of a fraction. */
const PER_UNIT: Readonly<Record<SweepKey, number>> = { memory: 1 / MIB, cores: 1, fraction: 1e4, storageFraction: 1e4 };

const EXAMPLES = `
Workloads:
${WORKLOADS.map(({ name, about }) => `  ${name.padEnd(23)}${about}`).join("\n")}

${listed()}

Examples:
  tungsten-memory simulate --workload etl --policies unified,static --memory 4g --seeds 20
  tungsten-memory simulate --workload iterative-ml --sweep memory=4g..12g:5 --json --out ml.json
  tungsten-memory simulate --workload etl --sweep memory=2g..8g:7 --html etl.html
  tungsten-memory simulate --workload iterative-ml --eviction gdsf --policies unified,./mine.mjs
  tungsten-memory simulate --trace waiting.jsonl.gz --policies unified,fair,arbitrated
  tungsten-memory simulate --workload adversarial --sweep storageFraction=0.1..0.9:5 --sweep cores=2..8:3

The same seed is the same demand under every policy and setting, and gives the same figures on every machine.
Exit code: 0 done, 2 wrong usage or a configuration that is refused, 130 interrupted (what is complete is reported and marked).`;

/** The command `simulate`. */
export function simulateCommand(): Command {
  return new Command("simulate")
    .description("compare policies on a workload in virtual time, or on a recorded trace")
    .addOption(new Option("--workload <name>", "what is to be done").choices(WORKLOAD_NAMES))
    .addOption(
      new Option("--trace <file>", "decide the requests of this memory trace again instead").conflicts("workload"),
    )
    .option(
      "--policies <names>",
      "allocation policies, names or files, separated by commas; others are compared with the first (default: unified,static; of a trace: all)",
      names,
    )
    .addOption(
      new Option("--spill-order <name>", "which of a task's consumers spills first").choices(
        SPILL_ORDERS.map(({ name }) => name),
      ),
    )
    .addOption(new Option("--eviction <name>", "which block goes first").choices(EVICTION_NAMES).default("lru"))
    .addOption(
      new Option("--allocation <kind>", "executors from the start, or as the backlog asks for them")
        .choices(["static", "dynamic"])
        .default("static"),
    )
    .option("--executors <n>", "executors, the most of them where they come and go", whole(1, 10_000), 1)
    .option("--cores <n>", "cores of an executor", whole(1, 1024), 4)
    .option(
      "--memory <size>",
      `spark.executor.memory, as in 8g (default: what --conf says, else ${DEFAULT_MEMORY})`,
      mib,
    )
    .option("--conf <key=value>", "a Spark setting; may be repeated", addSetting)
    .addOption(
      new Option("--generation <version>", "rules of which Spark").choices(GENERATIONS).default(DEFAULT_GENERATION),
    )
    .option(
      "--sweep <key=from..to[:steps]>",
      `a setting to vary: ${SWEEP_KEYS.join(", ")}; may be repeated for a grid`,
      addSweep,
    )
    .option("--seeds <n>", "runs of everything, each on a seed of its own", whole(1, 100_000), 20)
    .option("--seed <n>", "the first of them", whole(0, 2 ** 31 - 1), 1)
    .option("--scale <x>", "how much there is to do, 1 being as much as the workload says", positive, 1)
    .option("--threads <n>", "threads to run on, 0 being this one (default: one for each core)", whole(0, 1024))
    .option("--json", "one JSON object on standard output", false)
    .option("--out <file>", "where the JSON object goes besides, with every run")
    .addOption(
      new Option("--html <file>", "a page of the comparison, with every run in a JSON file beside it").conflicts(
        "trace",
      ),
    )
    .addHelpText("after", EXAMPLES)
    .action(simulate);
}

async function simulate(options: Options): Promise<void> {
  const progress = progressOn(process.stderr);
  try {
    if (options.trace !== undefined) {
      await redecided(options.trace, options);
      return;
    }
    if (options.workload === undefined)
      throw new Refusal(`say what is to be done: --workload ${WORKLOAD_NAMES.join(", ")}, or --trace FILE`);
    const experiment = experimentOf(options.workload, options);
    checkExperiment(experiment, await loadPolicies(experiment.policies));
    for (const notice of keyNotices(readConf(experiment.conf, experiment.generation))) printError(noticeLine(notice));
    const report = await untilSignal(async (signal) => {
      const results = await runCells(experiment, {
        threads: options.threads ?? availableParallelism(),
        signal,
        onDone: (done, all) => progress.part(done, all, "runs"),
      });
      return simulationReport(experiment, results);
    });
    progress.clear();
    if (options.out !== undefined) writeOut(options.out, report);
    if (options.html !== undefined) writePage(options.html, report);
    if (options.json) printJson(report);
    else print(simulationText(report));
    if (report.interrupted) exitWith(EXIT_INTERRUPTED);
  } catch (error) {
    progress.clear();
    if (!(error instanceof Refusal)) throw error;
    if (options.json) printJson({ error: { condition: error.condition, message: error.message } });
    printError(`simulate: ${error.message}`);
    exitWith(EXIT_USAGE);
  }
}

async function redecided(file: string, { policies, spillOrder, json }: Options): Promise<void> {
  await simulateTrace(file, {
    json,
    ...(policies === undefined ? {} : { policies }),
    ...(spillOrder === undefined ? {} : { spillOrder }),
  });
}

/** What `--json` prints and `--out` writes. */
export interface SimulationReport extends Experiment {
  readonly version: string;
  /** Whether it was ended before all runs were done; what is here is complete in itself. */
  readonly interrupted: boolean;
  readonly runs: { readonly done: number; readonly all: number };
  readonly points: ReturnType<typeof compare>;
  /** Every run: where, which policy, which seed, and what came of it. */
  readonly rows: readonly object[];
}

/** Reports what of an experiment has been run. */
export function simulationReport(experiment: Experiment, results: readonly CellResult[]): SimulationReport {
  const all = cellsOf(experiment).length;
  const places = pointsOf(experiment);
  return {
    version: VERSION,
    ...experiment,
    interrupted: results.length < all,
    runs: { done: results.length, all },
    points: compare(experiment, results),
    rows: results.map(({ point, policy, seed, outcome }) => ({ at: places[point], policy, seed, ...outcome })),
  };
}

function experimentOf(workload: string, options: Options): Experiment {
  const {
    policies = DEFAULT_POLICIES,
    eviction,
    allocation,
    executors,
    cores,
    generation,
    seed,
    seeds,
    scale,
  } = options;
  const conf: Record<string, string> = { "spark.executor.memory": DEFAULT_MEMORY, ...options.conf };
  if (options.memory !== undefined) conf["spark.executor.memory"] = `${options.memory / MIB}m`;
  const sweeps = options.sweep ?? [];
  const spillOrder = options.spillOrder ?? null;
  return {
    workload,
    policies,
    spillOrder,
    eviction,
    allocation,
    executors,
    cores,
    conf,
    generation,
    sweeps,
    seed,
    seeds,
    scale,
  };
}

function writeOut(file: string, report: SimulationReport): void {
  write("--out", file, () => `${JSON.stringify(report, null, 1)}\n`);
}

/** Writes the page, and every run in a file of the same name beside it. */
function writePage(file: string, report: SimulationReport): void {
  const { dir, name, base } = parse(file);
  const raw = `${name}.json`;
  if (raw === base)
    throw new Refusal(`--html ${file}: every run is written to ${raw} beside it, so it needs another name`);
  write("--html", join(dir, raw), () => `${JSON.stringify(report, null, 1)}\n`);
  write("--html", file, () => policiesPage(report, raw));
}

function write(option: string, file: string, text: () => string): void {
  const content = text();
  try {
    writeFileSync(file, content);
  } catch (cause) {
    throw new Refusal(`${option} ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
  }
}

function names(text: string): string[] {
  return [...new Set(text.split(","))];
}

function addSweep(text: string, sweeps: readonly Sweep[] = []): Sweep[] {
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

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,10}$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`write a whole number from ${least} to ${most}.`);
    return value;
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || !(value > 0 && value <= 1000))
    throw new InvalidArgumentError("write a number above 0, up to 1000.");
  return value;
}

/** A size as Spark reads `spark.executor.memory`, where a bare number is MiB; in bytes. */
function mib(text: string): number {
  try {
    const value = Number(parseBytes(text, "MiB"));
    if (value > 0 && Number.isSafeInteger(value * MIB)) return value * MIB;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  throw new InvalidArgumentError("write a size as Spark does, like 8g or 4096m, at least 1m.");
}

function addSetting(text: string, settings: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("write it as key=value.");
  return { ...settings, [text.slice(0, at)]: text.slice(at + 1) };
}
