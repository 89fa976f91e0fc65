// `diff A B`: compares two recordings of the same requests, and tells where and why their answers part.

import { Command } from "commander";
import { compareTraces, type TraceDifference } from "../trace/diff.js";
import { formatJson } from "../trace/json.js";
import { Unreadable } from "../trace/source.js";
import { openRecorded } from "./lines.js";
import { exitWith, print, printError, printJson } from "./output.js";

export const EXIT_DIFFERENT = 1;
export const EXIT_UNREADABLE = 2;

const EXAMPLES = `
Example:
  tungsten-memory record --profile consumers --seed 7 --generation 2.4 --out old.jsonl
  tungsten-memory record --profile consumers --seed 7 --generation 4.1 --out new.jsonl
  tungsten-memory diff old.jsonl new.jsonl

Exit code: 0 the same answers, 1 they differ, 2 wrong usage, a file that cannot be read, or other requests.`;

/** The command `diff`. */
export function diffCommand(): Command {
  return new Command("diff")
    .description("compare two recordings of the same requests, by two generations or managers")
    .argument("<a>", "a memory trace, plain or gzipped")
    .argument("<b>", "another one of the same requests")
    .option("--json", "one JSON object on standard output")
    .addHelpText("after", EXAMPLES)
    .action(async (a: string, b: string, { json }: { json?: true }) => {
      const say = json ? printError : print;
      try {
        const difference = await compareTraces(await openRecorded(a), await openRecorded(b));
        if (json) printJson({ a, b, ...withoutNote(difference) });
        say(describe(a, b, difference));
        exitWith(difference.same ? 0 : EXIT_DIFFERENT);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        const { file, line, reason, name } = error;
        if (json) printJson({ a, b, same: false, error: { name, file, line, message: reason } });
        printError(`diff: ${error.message}`);
        exitWith(EXIT_UNREADABLE);
      }
    });
}

function withoutNote(difference: TraceDifference): object {
  if (difference.first === null) return difference;
  const { note: _note, ...first } = difference.first;
  return { ...difference, first };
}

function describe(a: string, b: string, { rows, same, header, first, different, answers }: TraceDifference): string {
  const headers = header.map((each) => `  ${each.field}: ${formatJson(each.a)} against ${formatJson(each.b)}`);
  if (first === null) {
    const verdict = same ? "the same answers" : "the same answers to all rows, other headers";
    return [`${a}, ${b}: ${rows} rows, ${verdict}`, ...headers].join("\n");
  }
  const { row, line, op, field } = first;
  const count = `${different} of ${rows} rows differ, ${answers} of them in more than the state`;
  return [
    `${a}, ${b}: answers part at row ${row} (line ${line}, ${op}), in ${field}`,
    ...headers,
    `  ${first.note}`,
    `  ${count}`,
  ].join("\n");
}
