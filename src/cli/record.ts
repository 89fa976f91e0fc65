// `record`: writes a memory trace of this library's own answers, to generated requests or to those of another trace.

import { once } from "node:events";
import { createWriteStream, lstatSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Generation, GENERATIONS } from "../config/release.js";
import type { ManagerName } from "../config/layout.js";
import { Refusal } from "../fault.js";
import { choosePolicy } from "../lab/load-policy.js";
import { SPILL_ORDERS } from "../policy/registry.js";
import { decidedLines, generatedLines } from "../trace/decide.js";
import { PROFILE_NAMES, PROFILES } from "../trace/profiles.js";
import { openRecorded } from "./lines.js";
import { exitWith, printError } from "./output.js";
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
}

type Lines = Iterable<string> | AsyncIterable<string>;

const MOST_ROWS = 1e9;

/** Lines that go out together. */
const BATCH = 512;

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

The requests of a profile and seed are the same for every generation, so that \`diff\` can compare two recordings.
Exit code: 0 recorded, 2 wrong usage, or a file that cannot be read or written.`;

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
    .option("--out <file>", "where the trace goes, gzipped when it ends in .gz (default: standard output)")
    .addHelpText("after", EXAMPLES)
    .action(async (options: Options) => {
      try {
        await write(await linesOf(options), options.out);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        printError(`record: ${error.message}`);
        exitWith(EXIT_USAGE);
      }
    });
}

async function linesOf(options: Options): Promise<Lines> {
  const { profile, requests, seed, rows, generation, manager, policy, spillOrder } = options;
  const chosen = generation === undefined ? {} : { generation };
  if (requests !== undefined)
    return decidedLines(await openRecorded(requests), {
      ...chosen,
      ...(manager === undefined ? {} : { manager }),
      ...(policy === undefined ? {} : { policy: await choosePolicy(policy) }),
      ...(spillOrder === undefined ? {} : { spillOrder }),
    });
  if (profile === undefined) throw new Refusal("say which requests: --profile NAME or --requests FILE");
  return generatedLines({ profile, seed, ...chosen }, rows);
}

/**
 * Streams the lines. The first is had before anything is opened; what has been written of a file is removed when it cannot
 * be finished.
 */
async function write(lines: Lines, out: string | undefined): Promise<void> {
  const source = Readable.from(batches(await begun(lines)));
  if (out === undefined) return pipeline(source, process.stdout, { end: false });
  const file = createWriteStream(out);
  try {
    await once(file, "open");
  } catch (cause) {
    throw new Refusal(`--out ${out}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
  }
  try {
    await (out.endsWith(".gz") ? pipeline(source, createGzip(), file) : pipeline(source, file));
  } catch (cause) {
    if (lstatSync(out).isFile()) rmSync(out);
    if (cause instanceof Refusal || !(cause instanceof Error && "syscall" in cause)) throw cause;
    throw new Refusal(`--out ${out}: ${cause.message}`, null, { cause });
  }
}

/** The same lines, of which the first has been had. */
async function begun(lines: Lines): Promise<AsyncIterable<string>> {
  const iterator = Symbol.asyncIterator in lines ? lines[Symbol.asyncIterator]() : lines[Symbol.iterator]();
  const first = await iterator.next();
  return (async function* () {
    for (let step = first; step.done !== true; step = await iterator.next()) yield step.value;
  })();
}

async function* batches(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let batch: string[] = [];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length < BATCH) continue;
    yield `${batch.join("\n")}\n`;
    batch = [];
  }
  if (batch.length > 0) yield `${batch.join("\n")}\n`;
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,10}$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`write a whole number from ${least} to ${most}.`);
    return value;
  };
}
