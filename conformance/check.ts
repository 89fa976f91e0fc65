// Compares a recording with what this library answers, in this process.

import { CHECKERS, type FileKind } from "../src/cli/verify.js";
import { Refusal } from "../src/fault.js";
import { type Disagreement, type Line, objectOn, type RecordedFile } from "../src/trace/source.js";
import type { Recorded } from "./spark.js";

/** Where a recording and this library part. */
export interface Difference {
  /** The row: counted from 1; 0 is the header. */
  readonly row: number;
  /** What was asked and which field of the answer differs: the same fault is recognised by it. */
  readonly what: string;
  /** For people. */
  readonly text: string;
}

/** What came of one recording: rows that agreed, up to the first that did not. */
export interface Checked {
  readonly rows: number;
  readonly difference: Difference | null;
}

/** Checks a recording up to its first difference. A request that either side could not take is one. */
export async function check(name: string, { lines, broken }: Recorded): Promise<Checked> {
  const rows = Math.max(0, lines.length - 2);
  try {
    if (lines.length > 1) {
      const verdict = await verify(name, lines);
      if (verdict.disagreement !== null) return { rows: verdict.rows, difference: disagreed(verdict.disagreement) };
    }
    if (broken === null) return { rows, difference: null };
    return { rows, difference: { row: rows + 1, what: "broken", text: `Spark could not be asked: ${broken}` } };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      rows: 0,
      difference: { row: 0, what: "unreadable", text: `it could not be asked here: ${error.message}` },
    };
  }
}

function verify(file: string, lines: readonly string[]): ReturnType<(typeof CHECKERS)[FileKind]> {
  const header = objectOn(file, { line: 1, text: lines[0]! });
  const recorded: RecordedFile = { file, header, rows: linesAfterHeader(lines) };
  return CHECKERS[Object.hasOwn(header, "vectors") ? "vectors" : "trace"](recorded);
}

// Files of vectors have no last line.
async function* linesAfterHeader(lines: readonly string[]): AsyncGenerator<Line> {
  const vectors = lines[0]!.startsWith('{"vectors"');
  for (let at = 1; at < lines.length - (vectors ? 1 : 0); at += 1) yield { line: at + 1, text: lines[at]! };
}

function disagreed({ row, op, field, expected, got, note }: Disagreement): Difference {
  const head = `${op}: ${field}: Spark says ${JSON.stringify(expected, longs)}, this library ${JSON.stringify(got, longs)}`;
  return { row, what: `${op} ${field}`, text: note === undefined ? head : `${head}\n  ${note}` };
}

function longs(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
