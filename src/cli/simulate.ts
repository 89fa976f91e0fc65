// `simulate`: a workload in virtual time under several policies, on several seeds and over a grid of settings, and what of the
// differences between policies can be relied on.

import { availableParallelism } from "node:os";
import { Command, Option } from "commander";
import { readConf } from "../config/keys.js";
import { keyNotices } from "../config/notices.js";
import { DEFAULT_GENERATION, GENERATIONS } from "../config/release.js";
import { Refusal } from "../fault.js";
import { VERSION } from "../generated/version.js";
import { loadPolicies } from "../lab/load-policy.js";
import { SPILL_ORDERS } from "../policy/registry.js";
import { policiesPage } from "../report/policies/page.js";
import { EVICTION_NAMES } from "../sim/choices.js";
import { compare } from "../sim/compare.js";
import { ROW_US } from "../sim/costs.js";
import { type CellResult, cellsOf, checkExperiment, type Experiment, pointsOf, SWEEP_KEYS } from "../sim/experiment.js";
import { readRecorded, type RecordedTrace, recordedWorkload } from "../sim/recorded.js";
import { WORKLOAD_NAMES, workloadNamed, WORKLOADS } from "../sim/workloads.js";
import { runCells } from "./cells.js";
import { earlierRuns } from "./earlier-runs.js";
import { noticeLine } from "./layout.js";
import { openRecorded } from "./lines.js";
import { exitWith, print, printError, printJson } from "./output.js";
import { progressOn } from "./progress.js";
import { listed, simulateTrace } from "./redecided.js";
import { EXIT_INTERRUPTED, untilSignal } from "./signals.js";
import { checkWritable, jsonText, rawBeside, writeWhole } from "./simulate-files.js";
import {
  addSetting,
  addSweep,
  DEFAULT_CORES,
  DEFAULT_MEMORY,
  experimentOf,
  mib,
  names,
  type Options,
  positive,
  whole,
} from "./simulate-options.js";
import { simulationText } from "./simulate-text.js";
import { refuse } from "./trouble.js";

const EXAMPLES = `
Workloads:
${WORKLOADS.map(({ name, about }) => `  ${name.padEnd(23)}${about}`).join("\n")}
  ${"FILE.jsonl[.gz]".padEnd(23)}a recorded memory trace: its tasks ask again what they asked, in virtual time, at the times that its
  ${"".padEnd(23)}rows tell (atUs) or ${ROW_US} us after one another; a seed draws the pace of each task. What it asked for
  ${"".padEnd(23)}and cannot be asked here, such as giving back what was not granted, is clipped and counted

${listed()}

Examples:
  tungsten-memory simulate --workload etl --policies unified,static --memory 4g --seeds 20
  tungsten-memory simulate --workload iterative-ml --sweep memory=4g..12g:5 --json --out ml.json
  tungsten-memory simulate --workload etl --sweep memory=2g..8g:7 --html etl.html
  tungsten-memory simulate --workload iterative-ml --eviction gdsf --policies unified,./mine.mjs
  tungsten-memory simulate --workload trace.jsonl.gz --policies unified,unified-fair --memory 4g
  tungsten-memory simulate --workload etl --sweep cores=2..16 --resume etl-cores.json
  tungsten-memory simulate --trace waiting.jsonl.gz --policies unified,fair,arbitrated
  tungsten-memory simulate --workload adversarial --sweep storageFraction=0.1..0.9:5 --sweep cores=2..8:3

The same seed is the same demand under every policy and setting, and gives the same figures on every machine.
Exit code: 0 done, 2 wrong usage or a configuration that is refused, 130 interrupted (what is complete is reported and marked).`;

/** The command `simulate`. */
export function simulateCommand(): Command {
  return new Command("simulate")
    .description("compare policies on a workload in virtual time, or on a recorded trace")
    .option("--workload <name>", "what is to be done: a name, or the file of a recorded trace")
    .addOption(
      new Option(
        "--trace <file>",
        "decide the requests of this memory trace again instead, row by row and without times",
      ).conflicts("workload"),
    )
    .option(
      "--policies <names>",
      "allocation policies, names or files, separated by commas; others are compared with the first (default: unified,static; of --trace: all)",
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
    .option(
      "--cores <n>",
      `cores of an executor (default: ${DEFAULT_CORES}; of a recorded trace: one for each task at a time)`,
      whole(1, 1024),
    )
    .option(
      "--memory <size>",
      `spark.executor.memory, as in 8g (default: what --conf or the recorded trace says, else ${DEFAULT_MEMORY})`,
      mib,
    )
    .option("--conf <key=value>", "a Spark setting; may be repeated", addSetting)
    .addOption(
      new Option(
        "--generation <version>",
        `rules of which Spark (default: ${DEFAULT_GENERATION}, or those of the recorded trace)`,
      ).choices(GENERATIONS),
    )
    .option(
      "--sweep <key=from..to[:steps]>",
      `a setting to vary: ${SWEEP_KEYS.join(", ")}; may be repeated for a grid`,
      addSweep,
    )
    .option("--seeds <n>", "runs of everything, each on a seed of its own", whole(1, 100_000), 20)
    .option("--seed <n>", "the first of them", whole(0, 2 ** 31 - 1), 1)
    .option("--scale <x>", "how much there is to do (default: 1, as much as the workload says)", positive)
    .option("--threads <n>", "threads to run on, 0 being this one (default: one for each core)", whole(0, 1024))
    .option("--json", "one JSON object on standard output", false)
    .option("--out <file>", "where the JSON object goes besides, with every run")
    .addOption(
      new Option("--resume <file>", "the same, and go on with the runs that it holds already").conflicts([
        "out",
        "trace",
      ]),
    )
    .option("--html <file>", "a page of the comparison, with every run in a JSON file beside it, or the trace")
    .addHelpText("after", EXAMPLES)
    .action(simulate);
}

/** Options that a trace which is decided again, row by row, has a use for. */
const OF_TRACES: ReadonlySet<string> = new Set(["trace", "policies", "spillOrder", "json", "out", "html"]);

async function simulate(options: Options, command: Command): Promise<void> {
  const progress = progressOn(process.stderr);
  try {
    for (const each of ["out", "resume", "html"] as const) {
      const file = options[each];
      if (file !== undefined) checkWritable(`--${each}`, file);
    }
    if (options.trace !== undefined) {
      refuseUnused(command);
      await redecided(options.trace, options);
      return;
    }
    const raw = options.html === undefined ? null : rawBeside(options.html);
    if (options.workload === undefined)
      throw new Refusal(`say what is to be done: --workload ${WORKLOAD_NAMES.join(", ")} or FILE, or --trace FILE`);
    const recorded = await traceNamed(options.workload);
    const experiment = experimentOf(options.workload, recorded, options);
    const workload = recorded === null ? workloadNamed(experiment.workload) : recordedWorkload(recorded);
    checkExperiment(experiment, await loadPolicies(experiment.policies), workload);
    const said = recorded === null ? experiment.conf : (options.conf ?? {});
    for (const notice of keyNotices(readConf(said, experiment.generation))) printError(noticeLine(notice));
    const done = options.resume === undefined ? [] : earlierRuns(options.resume, experiment);
    const report = await untilSignal(async (signal) => {
      const results = await runCells(experiment, {
        recorded,
        done,
        threads: options.threads ?? availableParallelism(),
        signal,
        onDone: (runs, all) => progress.part(runs, all, "runs"),
      });
      return simulationReport(experiment, results);
    });
    progress.clear();
    for (const each of ["out", "resume"] as const) {
      const file = options[each];
      if (file !== undefined) writeWhole(`--${each}`, file, jsonText(report));
    }
    if (raw !== null) {
      writeWhole("--html", raw.path, jsonText(report));
      writeWhole("--html", options.html!, policiesPage(report, raw.name));
    }
    if (options.json) printJson(report);
    else print(simulationText(report));
    if (report.interrupted) exitWith(EXIT_INTERRUPTED);
  } catch (error) {
    progress.clear();
    refuse("simulate", error, options.json, error instanceof Refusal ? { condition: error.condition } : {});
  }
}

/** The trace, where a file is named and no workload of ours. */
async function traceNamed(choice: string): Promise<RecordedTrace | null> {
  if (!/[/\\.]/.test(choice)) return null;
  const recorded = await readRecorded(await openRecorded(choice));
  const { leftOut } = recorded;
  if (leftOut > 0) printError(`${choice}: ${leftOut} rows are left out: interrupts, and what unmanaged consumers say`);
  return recorded;
}

/** Says which options do nothing for `--trace`, before somebody believes that they did. */
function refuseUnused(command: Command): void {
  const unused = command.options.find(
    (option) =>
      command.getOptionValueSource(option.attributeName()) === "cli" && !OF_TRACES.has(option.attributeName()),
  );
  if (unused !== undefined)
    throw new Refusal(
      `${unused.long!} is for --workload, which takes a trace too; --trace decides its rows as they were recorded, without time`,
    );
}

async function redecided(file: string, { policies, spillOrder, json, out, html }: Options): Promise<void> {
  await simulateTrace(file, {
    json,
    ...(policies === undefined ? {} : { policies }),
    ...(spillOrder === undefined ? {} : { spillOrder }),
    ...(out === undefined ? {} : { out }),
    ...(html === undefined ? {} : { html }),
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
