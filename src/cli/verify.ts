// `verify FILE...`: asks this library everything that a recorded file asked, and reports the first answer that differs.
// The first line of a file says what it is; a table says who checks that kind.

import { Command } from "commander";
import { checkBlockTrace } from "../trace/blocks.js";
import { COLLECTION_VECTORS } from "../trace/collection-vectors.js";
import { formatJson } from "../trace/json.js";
import { MAP_VECTORS } from "../trace/map-vectors.js";
import { SHUFFLE_VECTORS } from "../trace/shuffle-vectors.js";
import { Unreadable, type Disagreement, type FileChecker, type RecordedFile } from "../trace/source.js";
import { SORTER_VECTORS } from "../trace/sorter-vectors.js";
import { checkVectors, CONFIG_VECTORS } from "../trace/vectors.js";
import { checkTrace } from "../trace/verify.js";
import { openRecorded } from "./lines.js";
import { exitWith, print, printError, printJson } from "./output.js";

/** Kinds of recorded files: the name of a header's first field. */
export type FileKind = "trace" | "vectors";
export type FileCheckers = Readonly<Record<FileKind, FileChecker>>;

/** What `verify` says about one file; printed as it is with `--json`, `note` of a disagreement left out. */
export interface FileReport {
  readonly file: string;
  /** Null when not even the header could be read. */
  readonly kind: FileKind | null;
  /** Rows that agreed. */
  readonly rows: number;
  readonly agree: boolean;
  readonly disagreement?: Disagreement;
  readonly error?: { readonly line: number; readonly message: string };
}

export const EXIT_DISAGREEMENT = 1;
export const EXIT_UNREADABLE = 2;

const EXAMPLES = `
Example:
  tungsten-memory verify waiting.jsonl.gz vectors.jsonl.gz

Exit code: 0 all agree, 1 a disagreement, 2 wrong usage or a file that cannot be read.`;

const VECTORS = { ...CONFIG_VECTORS, ...SORTER_VECTORS, ...MAP_VECTORS, ...SHUFFLE_VECTORS, ...COLLECTION_VECTORS };

export const CHECKERS: FileCheckers = {
  vectors: (file) => checkVectors(file, VECTORS),
  trace: (file) => (Object.hasOwn(file.header, "extension") ? checkBlockTrace(file) : checkTrace(file)),
};

/** The command `verify`. */
export function verifyCommand(checkers: FileCheckers = CHECKERS): Command {
  return new Command("verify")
    .description("check recorded traces and vectors of real Spark against this library")
    .argument("<file...>", "files to check, JSON lines, plain or gzipped")
    .option("--json", "one JSON object a file on standard output")
    .addHelpText("after", EXAMPLES)
    .action(async (files: string[], options: { json?: true }) => {
      for (const file of files) {
        const report = await verifyFile(file, checkers);
        if (options.json) printJson(withoutNote(report));
        (options.json || report.error ? printError : print)(describe(report));
        exitWith(report.error ? EXIT_UNREADABLE : report.agree ? 0 : EXIT_DISAGREEMENT);
      }
    });
}

/** Checks one file. Never throws for what is wrong with the file. */
export async function verifyFile(file: string, checkers: FileCheckers = CHECKERS): Promise<FileReport> {
  let kind: FileKind | null = null;
  try {
    const recorded = await openRecorded(file);
    kind = kindOf(recorded);
    const { rows, disagreement } = await checkers[kind](recorded);
    return disagreement ? { file, kind, rows, agree: false, disagreement } : { file, kind, rows, agree: true };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    // The header is line 1 and every row has a line of its own.
    const rows = Math.max(0, error.line - 2);
    return { file, kind, rows, agree: false, error: { line: error.line, message: error.reason } };
  }
}

function kindOf({ file, header }: RecordedFile): FileKind {
  if (Object.hasOwn(header, "vectors")) return "vectors";
  if (Object.hasOwn(header, "trace")) return "trace";
  throw new Unreadable(file, 1, 'is no header: it has neither "trace" nor "vectors"');
}

function withoutNote(report: FileReport): FileReport {
  if (!report.disagreement) return report;
  const { row, line, op, field, expected, got } = report.disagreement;
  return { ...report, disagreement: { row, line, op, field, expected, got } };
}

function describe(report: FileReport): string {
  const { file, disagreement, error } = report;
  if (error) return `${file}: unreadable${error.line === 0 ? "" : `, line ${error.line}`}: ${error.message}`;
  if (!disagreement) return `${file}: ${report.rows} rows agree`;
  const { row, line, op, field, expected, got, note } = disagreement;
  const head = `${file}: row ${row} (line ${line}, ${op}) disagrees: ${field} expected ${formatJson(expected)}, got ${formatJson(got)}`;
  return note === undefined ? head : `${head}\n  ${note}`;
}
