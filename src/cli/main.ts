#!/usr/bin/env node
// The program `tungsten-memory`. It knows the names of its commands and how a process ends; a command is loaded when it is
// wanted, so that the start of one does not wait for the others.

import { Command } from "commander";
import { closest, unknownName } from "../closest.js";
import { VERSION } from "../generated/version.js";
import { exitWith, printError } from "./output.js";
import { EXIT_USAGE, endingOf } from "./trouble.js";

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  study: async () => (await import("./study.js")).studyCommand(),
  layout: async () => (await import("./layout.js")).layoutCommand(),
  verify: async () => (await import("./verify.js")).verifyCommand(),
  record: async () => (await import("./record.js")).recordCommand(),
  diff: async () => (await import("./diff.js")).diffCommand(),
  simulate: async () => (await import("./simulate.js")).simulateCommand(),
  explain: async () => (await import("./explain.js")).explainCommand(),
  export: async () => (await import("./export.js")).exportCommand(),
  arena: async () => (await import("./arena.js")).arenaCommand(),
  events: async () => (await import("./events.js")).eventsCommand(),
  evict: async () => (await import("./evict.js")).evictCommand(),
};

const EXAMPLES = `
Examples:
  tungsten-memory study
  tungsten-memory study --full --budget-minutes 30
  tungsten-memory layout --conf spark.executor.memory=8g --cores 4
  tungsten-memory verify vectors.jsonl.gz trace.jsonl
  tungsten-memory record --profile waiting --seed 7 --out waiting.jsonl.gz
  tungsten-memory diff old.jsonl new.jsonl
  tungsten-memory simulate --workload etl --policies unified,static --memory 4g
  tungsten-memory explain waiting.jsonl.gz --task 3
  tungsten-memory export waiting.causes --out waiting.jsonl
  tungsten-memory arena --trace allocations.trace --format wee --shadow
  tungsten-memory events application_1553914137147_0018.gz
  tungsten-memory evict --trace OLTP.lis.gz --format arc --policy lru,arc,belady --capacity 1000,2000

Exit code: 0 done, 1 the answer is no, 2 wrong usage or unreadable input, 130 interrupted (what is complete has been written).`;

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader has gone, as that of `... | head` does: nobody is left to tell.
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
}

try {
  const args = process.argv.slice(2);
  const [first, asked] = args;
  if (first === "help" && asked !== undefined && !Object.hasOwn(COMMANDS, asked) && asked !== "help") {
    printError(`tungsten-memory: ${unknownName("command", asked, Object.keys(COMMANDS))}`);
    exitWith(EXIT_USAGE);
  } else await (await programFor(args)).parseAsync(args, { from: "user" });
} catch (error) {
  const { code, says } = endingOf(error);
  if (says !== null) printError(`tungsten-memory: ${says}`);
  exitWith(code);
}

/** The program with the command that `args` name, or with all of them where they name none. */
async function programFor(args: readonly string[]): Promise<Command> {
  const program: Command = new Command("tungsten-memory")
    .description("Apache Spark's executor memory manager, to study, size and check")
    .version(VERSION, "-V, --version", "print the version")
    .addHelpText("after", EXAMPLES)
    .configureOutput({ outputError: (text, write) => write(withMeant(text, args, program.commands)) })
    .showHelpAfterError("(--help tells more)")
    .exitOverride();
  const named = args.find((arg) => !arg.startsWith("-"));
  const names = named !== undefined && Object.hasOwn(COMMANDS, named) ? [named] : Object.keys(COMMANDS);
  for (const name of names) program.addCommand((await COMMANDS[name]!()).copyInheritedSettings(program));
  return program;
}

/** What is wrong with the command line, and, as for misspelt commands, which option or choice was meant. */
function withMeant(text: string, args: readonly string[], commands: readonly Command[]): string {
  const says = text.replace(/^error: /, "tungsten-memory: ");
  const [, written, choices] = /argument '(.*)' is invalid\. Allowed choices are (.*)\.\n$/s.exec(says) ?? [];
  if (written !== undefined) return says + meant(written, choices!.split(", "));
  if (!says.includes("required option")) return says;
  // An option that must be there is missing where it is misspelt.
  const known = commands.flatMap(({ options }) => options.map(({ long }) => long!));
  const unknown = args.map((arg) => arg.split("=")[0]!).find((arg) => /^--\w/.test(arg) && !known.includes(arg));
  return unknown === undefined ? says : `tungsten-memory: unknown option '${unknown}'\n${meant(unknown, known)}`;
}

function meant(written: string, names: readonly string[]): string {
  const name = closest(written, names);
  return name === null ? "" : `(Did you mean ${name}?)\n`;
}
