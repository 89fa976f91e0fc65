// `export FILE`: a recording with causes as a memory trace, which everything here reads, each row with its causes.

import { Command } from "commander";
import { Refusal } from "../fault.js";
import { exportedLines } from "../why/exported.js";
import { CauseReader } from "../why/reader.js";
import { openBinary } from "./causes.js";
import { batches, writeOut } from "./out.js";
import { exitWith, printError } from "./output.js";
import { EXIT_INTERRUPTED, untilSignal } from "./signals.js";
import { EXIT_USAGE } from "./trouble.js";

const EXAMPLES = `
Example:
  tungsten-memory record --profile waiting --seed 7 --why --out waiting.causes
  tungsten-memory export waiting.causes --out waiting.jsonl.gz
  tungsten-memory verify waiting.jsonl.gz

Exit code: 0 written, 2 wrong usage, or a file that cannot be read or written, 130 interrupted (the rows until then are a whole trace).`;

/** The command `export`. */
export function exportCommand(): Command {
  return new Command("export")
    .description("turn a recording with causes into a memory trace whose rows carry them")
    .argument("<file>", "a recording in the binary form, plain or gzipped")
    .option("--out <file>", "where the trace goes, gzipped when it ends in .gz (default: standard output)")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string, { out }: { out?: string }) => {
      try {
        await untilSignal(async (signal) => {
          await writeOut(batches(exportedLines(new CauseReader(file), await openBinary(file), signal)), out);
          if (signal.aborted) exitWith(EXIT_INTERRUPTED);
        });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        printError(`export: ${error.message}`);
        exitWith(EXIT_USAGE);
      }
    });
}
