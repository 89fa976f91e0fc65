// `study`: one table sorted under a budget that is too small for it, on-heap and off-heap side by side, and a page on what
// came of it. With `--full`, the whole grid of workloads, budgets and heaps in place of it.

import { accessSync, constants, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isatty } from "node:tty";
import { Command, InvalidArgumentError, Option } from "commander";
import pc from "picocolors";
import { parseBytes } from "../config/bytes.js";
import { ConfigError } from "../config/keys.js";
import { Refusal } from "../fault.js";
import { reportPage } from "../report/page.js";
import { MAX_GENERATED_ROWS } from "../study/generate.js";
import { MODES_OF } from "../study/plan.js";
import { prepareStudy, runStudy, type StudyRequest } from "../study/run.js";
import type { Study } from "../study/study.js";
import { heading, studyText } from "../study/text.js";
import { studyJson } from "../study/json.js";
import { exitWith, print, printError, printJson } from "./output.js";
import { type ProgressLine, progressOn } from "./progress.js";
import { EXIT_INTERRUPTED, untilSignal } from "./signals.js";

export const EXIT_WRONG_OUTPUT = 1;
export const EXIT_REFUSED = 2;

interface Options {
  readonly input?: string;
  readonly key?: string;
  readonly rows?: number;
  readonly seed: number;
  readonly memory?: number;
  readonly conf?: Readonly<Record<string, string>>;
  readonly pageSize?: number;
  readonly mode: string;
  readonly compress?: string;
  readonly cores: number;
  readonly rounds: number;
  readonly warmUp: number;
  readonly dir: string;
  readonly out: string;
  readonly json: boolean;
  readonly full: boolean;
  readonly budgetMinutes: number;
  readonly only?: readonly string[];
  readonly data: number;
}

/** What the full study takes where nothing is said: its processes are many, so each does less. */
const FULL_DEFAULTS = { rounds: 5, warmUp: 2, out: "study-full.jsonl" } as const;
const FULL_ROUND_SECONDS = 2;
const FULL_ONLY = ["budgetMinutes", "only", "data"] as const;
const NEVER_FULL = ["input", "key", "rows", "memory", "conf", "pageSize", "mode", "compress", "cores"] as const;

/** The command `study`. */
export function studyCommand(): Command {
  return new Command("study")
    .description("sort a table under a memory budget too small for it, on-heap and off-heap, and report")
    .addOption(new Option("--input <file>", "a CSV file with a header, gzipped or not").conflicts("rows"))
    .option("--key <column>", "the column to sort by (default: delay, of the embedded table)")
    .option("--rows <n>", "sort generated rows instead", whole(1, MAX_GENERATED_ROWS))
    .option("--seed <n>", "seed of generated rows, and of the order with --full", whole(0, 2 ** 32 - 1), 1)
    .option(
      "--memory <size>",
      "execution and storage memory of each mode, as in 8m (default: a fifth of the need)",
      size,
    )
    .option("--conf <key=value>", "a Spark setting; may be repeated; the options here come before it", addSetting)
    .option("--page-size <size>", "spark.buffer.pageSize (default: as Spark's rule, but from 64k on)", size)
    .addOption(new Option("--mode <mode>", "which memory").choices(Object.keys(MODES_OF)).default("both"))
    .addOption(
      new Option("--compress <yes>", "spark.shuffle.spill.compress (default: true)").choices(["true", "false"]),
    )
    .option("--cores <n>", "cores of the executor; the page size depends on them", whole(1, 1024), 1)
    .option("--rounds <n>", "measured rounds of each mode", whole(1, 10_000), 25)
    .option("--warm-up <n>", "rounds before those", whole(0, 10_000), 5)
    .option("--dir <directory>", "where spill files go while it runs", tmpdir())
    .option("--out <directory>", "where study.html and study.json go", "out")
    .option("--json", "one JSON object on standard output", false)
    .option(
      "--full",
      "workloads x budgets x row sizes x cores x live heaps, in both modes, as long as there is time",
      false,
    )
    .option("--budget-minutes <n>", "with --full: minutes for this run", duration, 30)
    .option(
      "--only <part>",
      "with --full: a part of the grid, as in sort,scan or budget=1/1,1/4 or record=128 or cores=1 or ballast=0,256m; may be repeated",
      (text: string, parts: readonly string[] | undefined) => [...(parts ?? []), text],
    )
    .addOption(
      new Option("--data <size>", "with --full: bytes of a setting's rows").argParser(size).default(2 ** 25, "32m"),
    )
    .addHelpText(
      "after",
      `
With --full, --out names a file of results (default: ${FULL_DEFAULTS.out}); a run with the same file goes on where it stopped.
A page of verdicts and intervals is written beside it.
--rounds and --warm-up are those of a process (default: ${FULL_DEFAULTS.rounds}, and more until ${FULL_ROUND_SECONDS} seconds are over, and ${FULL_DEFAULTS.warmUp}).

Examples:
  tungsten-memory study
  tungsten-memory study --rows 50000 --memory 2m --rounds 3 --warm-up 1 --out report
  tungsten-memory study --input flights.csv.gz --key delay --rounds 2 --warm-up 0 --json
  tungsten-memory study --full --budget-minutes 30
  tungsten-memory study --full --budget-minutes 5 --only sort --only ballast=0,1g --out sort.jsonl

Exit code: 0 done, 1 an output differs from the in-memory sort, 2 wrong arguments or input, 130 interrupted.`,
    )
    .action(study);
}

async function study(given: Options, command: Command): Promise<void> {
  const progress = progressOn(process.stderr);
  const options = { ...given, ...applicable(given, command) };
  try {
    checkApplies(options, command);
    if (options.full) return await full(options, command, progress);
    const request = requestOf(options);
    const prepared = prepareStudy(request, progress);
    progress.clear();
    openDirectory(options.out);
    if (!options.json) print(heading(prepared.table));
    const result = await untilSignal((signal) => runStudy(prepared, progress, signal));
    progress.clear();
    const page = writeReport(options.out, result);
    if (options.json) printJson({ ...studyJson(result), report: page });
    else print(`${studyText(result, pc.isColorSupported && isatty(1))}\n\nreport    ${page}`);
    if (result.interrupted) exitWith(EXIT_INTERRUPTED);
    else if (differs(result)) exitWith(EXIT_WRONG_OUTPUT);
  } catch (error) {
    progress.clear();
    if (!(error instanceof Refusal)) throw error;
    if (options.json) printJson({ error: errorJson(error) });
    printError(`study: ${error.message}`);
    exitWith(EXIT_REFUSED);
  }
}

async function full(options: Options, command: Command, progress: ProgressLine): Promise<void> {
  const { fullStudy } = await import("./full-study.js");
  checkDirectory(options.dir);
  const roundSeconds = command.getOptionValueSource("rounds") === "default" ? FULL_ROUND_SECONDS : 0;
  const { interrupted, wrong } = await untilSignal((signal) =>
    fullStudy({ ...options, roundSeconds }, progress, signal),
  );
  if (interrupted) exitWith(EXIT_INTERRUPTED);
  else if (wrong) exitWith(EXIT_WRONG_OUTPUT);
}

/** Other defaults where all is studied. */
function applicable({ full: isFull }: Options, command: Command): Partial<Options> {
  if (!isFull) return {};
  return Object.fromEntries(
    Object.entries(FULL_DEFAULTS).filter(([name]) => command.getOptionValueSource(name) === "default"),
  );
}

/** Options of one study that the other would not heed are refused. */
function checkApplies({ full: isFull }: Options, command: Command): void {
  const strange = (isFull ? NEVER_FULL : FULL_ONLY).find((name) => command.getOptionValueSource(name) === "cli");
  if (strange === undefined) return;
  const flag = `--${strange.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new Refusal(isFull ? `${flag} has no meaning with --full: choose with --only` : `${flag} is for --full`);
}

function checkDirectory(directory: string): void {
  if (!existsSync(directory) || !statSync(directory).isDirectory())
    throw new Refusal(`--dir ${directory} is not a directory`);
}

function requestOf(options: Options): StudyRequest {
  if (options.key !== undefined && options.rows !== undefined) {
    throw new Refusal("--key names a column of a table; generated rows (--rows) have one key only");
  }
  checkDirectory(options.dir);
  return {
    input: {
      input: options.input ?? null,
      key: options.key ?? null,
      rows: options.rows ?? null,
      seed: options.seed,
    },
    budget: {
      memoryBytes: options.memory ?? null,
      pageBytes: options.pageSize ?? null,
      compress: options.compress === undefined ? null : options.compress === "true",
      cores: options.cores,
      conf: options.conf ?? {},
    },
    modes: MODES_OF[options.mode]!,
    rounds: options.rounds,
    warmUps: options.warmUp,
    directory: options.dir,
  };
}

/** Sees to it that the report can be written, before minutes are spent on what it says. */
function openDirectory(directory: string): void {
  try {
    makeDirectory(directory);
    accessSync(directory, constants.W_OK);
  } catch (cause) {
    throw badOut(directory, cause);
  }
}

// One level at a time: with `recursive`, Node goes on for ever where a directory is there and takes no children, as /proc.
function makeDirectory(directory: string): void {
  if (existsSync(directory)) {
    if (!statSync(directory).isDirectory()) throw new Error("is not a directory");
    return;
  }
  makeDirectory(dirname(directory));
  mkdirSync(directory);
}

/** Writes the page and the raw figures, and says where the page is. */
function writeReport(directory: string, result: Study): string {
  const page = join(directory, "study.html");
  try {
    writeFileSync(page, reportPage(result));
    writeFileSync(join(directory, "study.json"), `${JSON.stringify(studyJson(result), null, 1)}\n`);
  } catch (cause) {
    throw badOut(directory, cause);
  }
  return page;
}

function badOut(directory: string, cause: unknown): Refusal {
  return new Refusal(`--out ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
}

function differs({ modes, referenceHash }: Study): boolean {
  return modes.some((mode) => mode.rounds.some((round) => round.hash !== referenceHash));
}

function errorJson(error: Refusal): object {
  const { condition, message } = error;
  return error instanceof ConfigError
    ? { condition, key: error.key, value: error.value, message }
    : { condition, message };
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,10}$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`write a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Minutes, in fractions if need be. */
function duration(text: string): number {
  const minutes = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || minutes <= 0 || minutes > 100_000)
    throw new InvalidArgumentError("write a number of minutes above 0.");
  return minutes;
}

function size(text: string): number {
  try {
    const bytes = Number(parseBytes(text, "BYTE"));
    if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  throw new InvalidArgumentError("write a size as Spark does, like 8m, 64k or a number of bytes.");
}

function addSetting(text: string, settings: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("write it as key=value.");
  return { ...settings, [text.slice(0, at)]: text.slice(at + 1) };
}
