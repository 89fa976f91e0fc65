// A recorded file while it is being checked, whatever its kind: a header line, then rows, one JSON object a line. Reading
// bytes is somebody else's work; here is only what a checker needs to see and to say.

import { Refusal } from "../fault.js";
import { isObject, parseJson, type Json, type JsonObject } from "./json.js";

/**
 * A file that breaks its format, or cannot be read. Names the file and the line, counted from 1.
 *
 * @example
 * ```ts
 * import { readHeader, Unreadable } from "tungsten-memory";
 *
 * try {
 *   readHeader({ trace: "something else" }, "run.jsonl");
 * } catch (error) {
 *   if (error instanceof Unreadable) console.log(error.file, error.line); // run.jsonl 1
 * }
 * ```
 */
export class Unreadable extends Refusal {
  override readonly name: string = "Unreadable";
  /** Its name. */
  readonly file: string;
  /** The line that breaks the format, from 1; 0: the file as a whole, which cannot be read. */
  readonly line: number;
  /** What is wrong with it. */
  readonly reason: string;

  constructor(file: string, line: number, reason: string, options?: { cause?: unknown }) {
    super(line === 0 ? `${file}: ${reason}` : `${file}, line ${line}: ${reason}`, null, options);
    this.file = file;
    this.line = line;
    this.reason = reason;
  }
}

/** One line of a file. */
export interface Line {
  /** Counted from 1; the header is line 1. */
  readonly line: number;
  readonly text: string;
}

/** A file whose header has been read. `rows` yields the lines after it and throws Unreadable where the file breaks off. */
export interface RecordedFile {
  readonly file: string;
  readonly header: JsonObject;
  readonly rows: AsyncIterable<Line>;
}

/** The first place where an implementation answers differently from the recording. */
export interface Disagreement {
  /** Counted from 1. */
  readonly row: number;
  readonly line: number;
  /** What was asked: the `op` of a trace, the kind of a vector. */
  readonly op: string;
  readonly field: string;
  readonly expected: Json;
  readonly got: Json;
  /** What a reader needs to see beside it, for people only. */
  readonly note?: string;
}

/** What a checker found: rows that agreed, up to the first that did not. */
export interface Verdict {
  readonly rows: number;
  readonly disagreement: Disagreement | null;
}

/** Checks one file. Throws Unreadable. */
export type FileChecker = (file: RecordedFile) => Promise<Verdict>;

/** The object on a line. Throws Unreadable. */
export function objectOn(file: string, { line, text }: Line): JsonObject {
  let value: Json;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new Unreadable(file, line, `is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  if (!isObject(value)) throw new Unreadable(file, line, "is not a JSON object");
  return value;
}
