// `record`: writes a memory trace of this library's own answers, to generated requests or to those of another trace.

import { Command, InvalidArgumentError, Option } from "commander";
import { type Generation, GENERATIONS } from "../config/release.js";
import type { ManagerName } from "../config/layout.js";
import { Refusal } from "../fault.js";
import { choosePolicy } from "../lab/load-policy.js";
import { SPILL_ORDERS } from "../policy/registry.js";
import { decidedLines, generatedLines } from "../trace/decide.js";
import { PROFILE_NAMES, PROFILES } from "../trace/profiles.js";
import { type Line, objectOn, type RecordedFile } from "../trace/source.js";
import { causesOf } from "../why/replay.js";
import { openRecorded } from "./lines.js";
import { batches, writeOut } from "./out.js";
import { exitWith, printError } from "./output.js";
import { EXIT_INTERRUPTED, untilSignal } from "./signals.js";
import { EXIT_USAGE } from "./trouble.js";

interface Options {
  readonly profile?: string;
  readonly requests?: string;
  readonly seed: number;
  readonly rows: number;
  readonly generation?: Generation;
  readonly manager?: ManagerName;
  readonly policy?: string;
  readonly spillOrder?: string;
  readonly out?: string;
  readonly why?: true;
}

type Lines = Iterable<string> | AsyncIterable<string>;

const MOST_ROWS = 1e9;

const EXAMPLES = `
Profiles:
${Object.entries(PROFILES)
  .map(([name, { about }]) => `  ${name.padEnd(11)}${about}`)
  .join("\n")}

Examples:
  tungsten-memory record --profile waiting --seed 7 --out waiting.jsonl.gz
  tungsten-memory record --profile consumers --seed 7 --generation 2.4 --out old.jsonl
  tungsten-memory record --requests old.jsonl --generation 4.1 --out new.jsonl
  tungsten-memory record --requests old.jsonl --policy arbitrated --out arbitrated.jsonl
  tungsten-memory record --profile waiting --seed 7 --why --out waiting.causes

The requests of a profile and seed are the same for every generation, so that \`diff\` can compare two recordings.
Exit code: 0 recorded, 2 wrong usage, or a file that cannot be read or written, 130 interrupted (the rows until then are a whole trace).`;

/** The command `record`. */
export function recordCommand(): Command {
  return new Command("record")
    .description("write a memory trace of this library's own answers")
    .addOption(new Option("--profile <name>", "what kind of requests to generate").choices(PROFILE_NAMES))
    .addOption(new Option("--requests <file>", "decide the requests of this trace again").conflicts("profile"))
    .option("--seed <n>", "seed of generated requests", whole(0, 2 ** 32 - 1), 1)
    .option("--rows <n>", "generated requests; then everything goes back", whole(1, MOST_ROWS), 1500)
    .addOption(
      new Option("--generation <version>", "whose rules answer (default: the newest, or as recorded)").choices(
        GENERATIONS,
      ),
    )
    .addOption(
      new Option("--manager <name>", "with --requests: another manager")
        .choices(["unified", "static"])
        .conflicts("profile"),
    )
    .addOption(
      new Option("--policy <name>", "with --requests: another policy, or a file that exports one").conflicts("profile"),
    )
    .addOption(
      new Option("--spill-order <name>", "with --requests: another order of spilling")
        .choices(SPILL_ORDERS.map(({ name }) => name))
        .conflicts("profile"),
    )
    .option("--why", "with causes, in the binary form that explain and export read")
    .option("--out <file>", "where the trace goes, gzipped when it ends in .gz (default: standard output)")
    .addHelpText("after", EXAMPLES)
    .action(async (options: Options) => {
      try {
        await untilSignal(async (signal) => {
          const lines = await linesOf(options, signal);
          await writeOut(options.why ? causesOf(await recordedAs(lines)) : batches(lines), options.out);
          if (signal.aborted) exitWith(EXIT_INTERRUPTED);
        });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        printError(`record: ${error.message}`);
        exitWith(EXIT_USAGE);
      }
    });
}

async function linesOf(options: Options, signal: AbortSignal): Promise<Lines> {
  const { profile, requests, seed, rows, generation, manager, policy, spillOrder } = options;
  const chosen = generation === undefined ? {} : { generation };
  if (requests !== undefined)
    return decidedLines(
      await openRecorded(requests),
      {
        ...chosen,
        ...(manager === undefined ? {} : { manager }),
        ...(policy === undefined ? {} : { policy: await choosePolicy(policy) }),
        ...(spillOrder === undefined ? {} : { spillOrder }),
      },
      signal,
    );
  if (profile === undefined) throw new Refusal("say which requests: --profile NAME or --requests FILE");
  return generatedLines({ profile, seed, ...chosen }, rows, signal);
}

/** Lines that have not been written, as a file that is read. */
async function recordedAs(lines: Lines): Promise<RecordedFile> {
  const numbered = (async function* () {
    let line = 0;
    for await (const text of lines) yield { line: (line += 1), text };
  })();
  const first = (await numbered.next()) as IteratorYieldResult<Line>;
  return { file: "the requests", header: objectOn("the requests", first.value), rows: numbered };
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,10}$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`write a whole number from ${least} to ${most}.`);
    return value;
  };
}
