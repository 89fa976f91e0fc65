// `npm run conformance`: records real Spark and compares with what this library answers.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Command, InvalidArgumentError } from "commander";
import { exitWith, print, printError, printJson } from "../src/cli/output.js";
import { EXIT_USAGE, endingOf } from "../src/cli/trouble.js";
import { Refusal } from "../src/fault.js";
import { campaign, type Failure, type Tally } from "./campaign.js";
import { KINDS, kindsOf } from "./questions.js";
import { openSpark } from "./spark.js";
import { tableHead, tableRow } from "./table.js";
import { killAll } from "./tools.js";
import { KNOWN, sparkVersion } from "./versions.js";

interface Options {
  readonly spark: string;
  readonly seeds: number;
  readonly firstSeed: number;
  readonly rows?: number;
  readonly profile: readonly string[];
  readonly shrink: boolean;
  readonly requests?: string;
  readonly out: string;
  readonly json?: true;
}

const EXIT_DISAGREEMENT = 1;

const FAILURES = join(dirname(fileURLToPath(import.meta.url)), "failures");

const HELP = `
Profiles:
${Object.entries(KINDS)
  .map(([name, { about }]) => `  ${name.padEnd(13)}${about}`)
  .join("\n")}

Examples:
  npm run conformance -- --spark 3.5.7 --seeds 100
  npm run conformance -- --spark 4.1.1 --profile waiting,pages --first-seed 1000
  npm run conformance -- --spark 2.4.8 --requests trace.jsonl.gz > recorded.jsonl

Exit code: 0 all agree, 1 a disagreement, 2 wrong usage, no JDK or Maven, or a Spark that cannot be had.`;

const program = new Command("conformance")
  .description("record real Spark's answers and compare them with this library's; needs a JDK and Maven")
  .requiredOption("--spark <version>", `the Spark to ask: ${KNOWN}`)
  .option("--seeds <n>", "files of requests of each profile", whole(1, 1e6), 10)
  .option("--first-seed <n>", "seed of the first file", whole(0, 2 ** 32 - 1), 1)
  .option("--rows <n>", "requests a file; each profile has its own number", whole(1, 1e7))
  .option("--profile <names>", "these profiles only, separated by commas", (text) => text.split(","), [])
  .option("--no-shrink", "leave failing files as long as they are")
  .option("--requests <file>", "ask what a recorded file asked, and write the recording to standard output")
  .option("--out <folder>", "where failing files go", FAILURES)
  .option("--json", "one JSON object a profile, then one a failure, on standard output")
  .addHelpText("after", HELP)
  .showHelpAfterError("(--help tells more)")
  .exitOverride()
  .action(run);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(128 + { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 }[signal]);
  });
}

try {
  await program.parseAsync();
} catch (error) {
  const { code, says } = endingOf(error);
  if (says !== null) printError(`conformance: ${says}`);
  exitWith(error instanceof Refusal ? EXIT_USAGE : code);
}

async function run(options: Options): Promise<void> {
  const spark = sparkVersion(options.spark);
  const kinds = kindsOf(spark, options.profile);
  const requests = options.requests === undefined ? null : requestsIn(options.requests, options.spark);
  const oracle = await openSpark(spark, printError);
  try {
    if (requests !== null) {
      const { lines, broken } = await oracle.answer(requests);
      for (const line of lines) print(line);
      if (broken !== null)
        throw new Refusal(`${options.requests}: Spark could not be asked row ${lines.length - 1}: ${broken}`);
      return;
    }
    const { seeds, firstSeed, rows, shrink } = options;
    const plan = { spark, kinds, seeds, firstSeed, shrink, ...(rows === undefined ? {} : { rows }) };
    const failures: Failure[] = [];
    const tallies: Tally[] = [];
    const show = options.json ? printError : print;
    show(tableHead());
    for await (const tally of campaign(plan, oracle, (failure) => failures.push(failure))) {
      show(tableRow(tally));
      if (options.json) printJson({ spark: spark.version, ...tally });
      tallies.push(tally);
      for (const failure of failures.splice(0)) keep(failure, options);
    }
    show(tableRow(total(tallies)));
  } finally {
    await oracle.close();
  }
}

/** The requests of a file, without what was answered. Files of vectors get a last line. */
function requestsIn(file: string, version: string): string[] {
  const bytes = readFileSync(file);
  const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes).toString() : bytes.toString();
  const [header, ...rows] = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const asked = rows.filter((row) => !("end" in row));
  const bare = asked.map(({ result: _r, state: _s, evicted: _e, spills: _p, resumed: _d, ...request }) => request);
  return [{ ...header, engine: `spark-${version}` }, ...bare, { end: bare.length }].map((line) => JSON.stringify(line));
}

/** Writes a failing recording, and its short form beside it. */
function keep(failure: Failure, { out, spark, json }: Options): void {
  const { profile, seed, row, text, lines, short } = failure;
  mkdirSync(out, { recursive: true });
  const write = (name: string, content: readonly string[]): string => {
    const file = join(out, name);
    writeFileSync(file, `${content.join("\n")}\n`);
    return relative(process.cwd(), file);
  };
  const long = write(`${spark}-${profile}-${seed}.jsonl`, lines);
  const brief = short === null ? null : write(`${spark}-${profile}-${seed}-short.jsonl`, short);
  exitWith(EXIT_DISAGREEMENT);
  if (json) printJson({ spark, profile, seed, row, text, file: long, short: brief });
  (json ? printError : print)(
    `  seed ${seed}, row ${row}: ${text}\n  kept as ${long}${brief === null ? "" : `, short: ${brief} (${short!.length - 2} rows)`}`,
  );
}

function total(tallies: readonly Tally[]): Tally {
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((all, tally) => all + of(tally), 0);
  return {
    profile: "all",
    traces: sum((t) => t.traces),
    rows: sum((t) => t.rows),
    agree: sum((t) => t.agree),
    disagree: sum((t) => t.disagree),
    seconds: sum((t) => t.seconds),
  };
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,10}$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`write a whole number from ${least} to ${most}.`);
    return value;
  };
}
