// Comma-separated values as RFC 4180 has them: quoted fields with commas, quotes and line ends inside, LF or CRLF, a header.
// Works on bytes: rows are told as places in the text, and nothing is decoded that nobody asks for.

import { Refusal } from "../fault.js";

/** A text that is no table. `line` counts from 1 in the file as an editor shows it. */
export class BadCsv extends Refusal {
  override readonly name = "BadCsv";
  readonly line: number;

  constructor(line: number, why: string) {
    super(`line ${line}: ${why}`);
    this.line = line;
  }
}

/** One row: where it lies without its line end, and where its fields do, quotes included. */
export interface CsvRow {
  line: number;
  start: number;
  end: number;
  /** Start and end of each field in turn; the first `2 * fields` entries count. */
  readonly places: number[];
  fields: number;
}

const LF = 10;
const CR = 13;
const QUOTE = 34;
const COMMA = 44;

/** Visits every row that is not an empty line, the header too. The row object is the same each time. */
export function forEachRow(text: Uint8Array, visit: (row: CsvRow) => void): void {
  const row: CsvRow = { line: 1, start: 0, end: 0, places: [], fields: 0 };
  const byteOrderMark = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf;
  let at = byteOrderMark ? 3 : 0;
  let line = 1;
  while (at < text.length) {
    row.line = line;
    row.start = at;
    row.fields = 0;
    for (;;) {
      const start = at;
      if (text[at] === QUOTE) {
        const opened = line;
        for (at += 1; ; at += 1) {
          if (at >= text.length) throw new BadCsv(opened, "a quoted field is opened and never closed");
          if (text[at] === LF) line += 1;
          if (text[at] !== QUOTE) continue;
          if (text[at + 1] !== QUOTE) break;
          at += 1;
        }
        at += 1;
        if (!endsField(text, at)) throw new BadCsv(line, "there is text behind the closing quote of a field");
      } else {
        while (!endsField(text, at)) at += 1;
      }
      row.places[2 * row.fields] = start;
      row.places[2 * row.fields + 1] = at;
      row.fields += 1;
      if (text[at] !== COMMA) break;
      at += 1;
    }
    row.end = at;
    if (text[at] === CR) at += 1;
    at += 1;
    line += 1;
    if (row.end > row.start) visit(row);
  }
}

/** The value of a field that lies from `start` to `end`: no quotes around it, doubled ones single. Shares memory with the text where it can. */
export function fieldValue(text: Uint8Array, start: number, end: number): Uint8Array {
  if (text[start] !== QUOTE) return text.subarray(start, end);
  const inside = text.subarray(start + 1, end - 1);
  if (!inside.includes(QUOTE)) return inside;
  return singled(inside);
}

function endsField(text: Uint8Array, at: number): boolean {
  const byte = text[at];
  return byte === COMMA || byte === LF || byte === undefined || (byte === CR && (text[at + 1] ?? LF) === LF);
}

/** A copy with one quote for every two. */
function singled(bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += bytes[at] === QUOTE ? 2 : 1) value[length++] = bytes[at]!;
  return value.subarray(0, length);
}
