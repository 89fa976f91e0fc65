// The rows of a trace in order, and whether they are all there: numbered without a gap, counted by the last line.

import { readRow, type Row } from "./format.js";
import { type Line, type RecordedFile, Unreadable } from "./source.js";

/** Takes the lines after the header one by one. */
export class RowReader {
  readonly #file: string;
  readonly #peaks: boolean | undefined;
  #ended = false;
  /** Rows so far. */
  rows = 0;

  /** `peaks` as in `readRow`. */
  constructor(file: string, peaks?: boolean) {
    this.#file = file;
    this.#peaks = peaks;
  }

  /** The row on a line, or null for the last line. Throws Unreadable. */
  read({ line, text }: Line): Row | null {
    const file = this.#file;
    if (this.#ended) throw new Unreadable(file, line, "stands after the last line");
    const row = readRow(parse(file, line, text), file, line, this.rows + 1, this.#peaks);
    if ("end" in row) {
      this.#ended = true;
      if (row.end === this.rows) return null;
      throw new Unreadable(file, line, `says that there are ${row.end} rows, but there are ${this.rows}`);
    }
    this.rows += 1;
    return row;
  }

  /** To be called where the file ends: throws Unreadable when the last line has not been there. */
  finish(): void {
    if (!this.#ended) throw new Unreadable(this.#file, this.rows + 2, "the last line is missing: the file was cut off");
  }
}

/** All rows of a file. Throws Unreadable. */
export async function* rowsOf({ file, rows }: RecordedFile): AsyncGenerator<{ row: Row; line: number }> {
  const reader = new RowReader(file);
  for await (const line of rows) {
    const row = reader.read(line);
    if (row !== null) yield { row, line: line.line };
  }
  reader.finish();
}

function parse(file: string, line: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Unreadable(file, line, `is not JSON: ${(cause as Error).message}`, { cause });
  }
}
