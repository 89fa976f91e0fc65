// Where the rows come from: the table that lies in the repository, a CSV file of one's own, or a generator with a seed.

import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Refusal } from "../fault.js";
import { BadCsv, type CsvRow, fieldValue, forEachRow } from "./csv.js";
import { generateTable } from "./generate.js";
import { doublePrefix, KEY_HEAD_BYTES, KindOfKey, longPrefix, type Prefix, textPrefix } from "./key.js";
import { type KeyKind, MAX_RECORD_BYTES, type Table } from "./table.js";

/** What the user asked for; null where nothing was said. */
export interface InputRequest {
  readonly input: string | null;
  readonly key: string | null;
  readonly rows: number | null;
  readonly seed: number;
}

const EMBEDDED = fileURLToPath(new URL("../../data/flights-200k.csv.gz", import.meta.url));
const EMBEDDED_KEY = "delay";
const ROWS_WITHOUT_DATA = 200_000;

/** The table, and a line on it where it is not what one would expect. Throws Refusal for a file that cannot be used. */
export function openInput({ input, key, rows, seed }: InputRequest): { table: Table; notice: string | null } {
  if (input !== null) {
    if (key === null) throw new Refusal(`--input ${input} needs --key COLUMN; ${columnsOf(input)}`);
    return { table: readCsvTable(input, key), notice: null };
  }
  if (rows !== null) return { table: generateTable(rows, seed), notice: null };
  if (existsSync(EMBEDDED)) return { table: readCsvTable(EMBEDDED, key ?? EMBEDDED_KEY), notice: null };
  return {
    table: generateTable(ROWS_WITHOUT_DATA, seed),
    notice: `the embedded table is not in this installation; ${ROWS_WITHOUT_DATA} rows are generated instead`,
  };
}

/** Reads a CSV file, gzipped or not, whose first line names the columns. Every message names the file, and the line where there is one. */
export function readCsvTable(file: string, key: string): Table {
  const text = contents(file);
  try {
    return csvTable(text, key, basename(file));
  } catch (error) {
    if (error instanceof BadCsv) throw new Refusal(`${file}, ${error.message}`, null, { cause: error });
    throw error;
  }
}

/** A table from the bytes of a CSV text. Rows without a key are nulls; they keep all their other fields. */
export function csvTable(text: Uint8Array, key: string, source: string): Table {
  const places = new Places();
  const kind = new KindOfKey();
  let header: string[] | null = null;
  let column = -1;
  forEachRow(text, (row) => {
    if (header === null) {
      header = headerOf(text, row);
      column = columnNamed(header, key);
      return;
    }
    if (row.fields !== header.length) {
      throw new BadCsv(row.line, `has ${count(row.fields, "field")}, the header has ${header.length}`);
    }
    const keyStart = row.places[2 * column]!;
    const keyEnd = row.places[2 * column + 1]!;
    places.add(row.start, row.end, keyStart, keyEnd);
    const value = fieldValue(text, keyStart, keyEnd);
    if (value.length > 0) kind.add(ascii(value));
  });
  if (header === null) throw new BadCsv(1, "is empty: a header with the names of the columns is expected");
  if (places.rows === 0) throw new BadCsv(2, "is missing: there is a header and no row");
  return recordsOf(text, places, kind.kind, key, source);
}

function recordsOf(text: Uint8Array, places: Places, kind: KeyKind, key: string, source: string): Table {
  const { rows } = places;
  const starts = new Uint32Array(rows + 1);
  const prefixHi = new Uint32Array(rows);
  const prefixLo = new Uint32Array(rows);
  const nulls = new Uint8Array(rows);
  const head = kind === "text" ? KEY_HEAD_BYTES : 0;
  const values = Array.from({ length: 4 }, () => 0);
  let recordBytes = 0;
  for (let i = 0; i < rows; i += 1) {
    places.read(i, values);
    recordBytes += head + (kind === "text" ? values[3]! - values[2]! : 0) + (values[1]! - values[0]!);
  }
  if (recordBytes > MAX_RECORD_BYTES)
    throw new Refusal(`${source}: the rows take ${recordBytes} bytes, 4 GiB is the most`);
  const bytes = new Uint8Array(recordBytes);
  const prefix: Prefix = { hi: 0, lo: 0 };
  let at = 0;
  for (let i = 0; i < rows; i += 1) {
    places.read(i, values);
    const value = fieldValue(text, values[2]!, values[3]!);
    prefix.hi = 0;
    prefix.lo = 0;
    starts[i] = at;
    if (value.length === 0) nulls[i] = 1;
    else if (kind === "double") doublePrefix(Number(ascii(value)), prefix);
    else if (kind === "long") longPrefix(BigInt(ascii(value).trim().replace(/^\+/, "")), prefix);
    else textPrefix(value, 0, value.length, prefix);
    prefixHi[i] = prefix.hi;
    prefixLo[i] = prefix.lo;
    if (kind === "text") {
      new DataView(bytes.buffer).setUint32(at, value.length, true);
      bytes.set(value, at + KEY_HEAD_BYTES);
      at += KEY_HEAD_BYTES + value.length;
    }
    bytes.set(text.subarray(values[0]!, values[1]!), at);
    at += values[1]! - values[0]!;
  }
  starts[rows] = at;
  return { source, key, kind, rows, bytes: bytes.subarray(0, at), starts, prefixHi, prefixLo, nulls };
}

/** Four places in the text for each row, in memory that grows with the rows. */
class Places {
  rows = 0;
  #cells = new Uint32Array(4 * 65_536);

  add(start: number, end: number, keyStart: number, keyEnd: number): void {
    const at = 4 * this.rows;
    if (at === this.#cells.length) {
      const larger = new Uint32Array(2 * at);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    this.#cells[at] = start;
    this.#cells[at + 1] = end;
    this.#cells[at + 2] = keyStart;
    this.#cells[at + 3] = keyEnd;
    this.rows += 1;
  }

  read(row: number, into: number[]): void {
    for (let i = 0; i < 4; i += 1) into[i] = this.#cells[4 * row + i]!;
  }
}

function contents(file: string): Uint8Array {
  try {
    const bytes = readWhole(file);
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch (cause) {
    throw new Refusal(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
  }
}

/** As readFileSync, which ends at 2 GiB; a pipe does not say how much will come and is read that way. */
function readWhole(file: string): Uint8Array {
  const fd = openSync(file, "r");
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) return readFileSync(fd);
    const bytes = new Uint8Array(found.size);
    let at = 0;
    for (let got = 1; got > 0 && at < bytes.length; at += got)
      got = readSync(fd, bytes, at, Math.min(2 ** 30, bytes.length - at), null);
    return bytes.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}

function columnsOf(file: string): string {
  const text = contents(file);
  let names: string[] = [];
  try {
    forEachRow(text, (row) => {
      if (names.length === 0) names = headerOf(text, row);
    });
  } catch (error) {
    if (!(error instanceof BadCsv) || names.length === 0) throw error;
  }
  return `its columns are ${listed(names)}`;
}

function headerOf(text: Uint8Array, row: CsvRow): string[] {
  const decoder = new TextDecoder();
  return Array.from({ length: row.fields }, (_, i) =>
    decoder.decode(fieldValue(text, row.places[2 * i]!, row.places[2 * i + 1]!)).trim(),
  );
}

function columnNamed(header: readonly string[], key: string): number {
  const column = header.indexOf(key);
  if (column < 0) throw new BadCsv(1, `names no column "${key}"; its columns are ${listed(header)}`);
  if (header.includes(key, column + 1)) throw new BadCsv(1, `names the column "${key}" twice`);
  return column;
}

const MOST_NAMES = 20;

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** Text of which only digits, signs and the like matter: any other byte becomes some other character. */
function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
